/** The content of CompressedData (RFC 3274) as it expands, never beyond its budget. */
import { pipeline, Readable } from 'node:stream';
import { createInflate } from 'node:zlib';
import { compressionDamaged, expandsTooFar, mostExpanded } from '../cms/compressed-data.ts';
import { limits } from '../limits.ts';

/** Throws `limit-exceeded`, and `unexpected-structure` for what is damaged. */
export async function* expanded(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  let taken = 0;
  let made = 0;
  async function* counted(): AsyncGenerator<Buffer, void, void> {
    for await (const octets of compressed) {
      taken += octets.length;
      // A copy: the next octets are asked for while these wait.
      yield Buffer.from(octets);
    }
  }
  const inflate = createInflate({ chunkSize: pieceOctets });
  const ended = new Promise<void>((resolve) => {
    pipeline(Readable.from(counted(), { highWaterMark: 1 }), inflate, () => resolve());
  });
  try {
    for await (const octets of inflate) {
      made += octets.length;
      if (made > limits.decompressedOctets) throw expandsTooFar(limits.decompressedOctets);
      yield octets;
    }
  } catch (error) {
    throw isDamage(error) ? compressionDamaged(error) : error;
  } finally {
    inflate.destroy();
    await ended;
  }
  // How long the whole is shows only now; until here it was bounded all the same.
  if (made > mostExpanded(taken)) throw expandsTooFar(mostExpanded(taken));
}

const pieceOctets = 65_536;

const isDamage = (error: unknown): boolean => /^Z_/.test(String((error as NodeJS.ErrnoException).code));
