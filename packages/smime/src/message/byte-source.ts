/** Where a stream's octets come from. */
import { asBuffer } from '../asn1/der.ts';
import { SmimeError } from '../errors.ts';
import type { Stage } from '../mime/stream-encoding.ts';
import type { Sink } from '../mime/stream-entity.ts';

/** Octets in pieces of any size: a node `Readable`, a web `ReadableStream`, or any other async iterable. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** Opens the same octets from their beginning each time it is called. */
export type ReopenableSource = () => ByteStream;

/** A stream that can be read once, or a function that opens it as often as it is needed. */
export type StreamSource = ByteStream | ReopenableSource;

/** The octets in pieces that fit a cache. Throws `invalid-argument` for pieces that are no octets. */
export async function* piecesOf(source: StreamSource): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of typeof source === 'function' ? source() : source) {
    if (!(chunk instanceof Uint8Array))
      throw new SmimeError('invalid-argument', 'a source must give octets: Buffer or another Uint8Array');
    const octets = asBuffer(chunk);
    if (octets.length <= largestPiece) yield octets;
    else for (let at = 0; at < octets.length; at += largestPiece) yield octets.subarray(at, at + largestPiece);
  }
}

const largestPiece = 262_144;

/** What a stage makes of the pieces. */
export async function* through(
  pieces: AsyncIterable<Buffer>,
  make: (out: Sink) => Stage,
): AsyncGenerator<Buffer, void, void> {
  const made: Buffer[] = [];
  const stage = make((octets) => void made.push(octets));
  for await (const piece of pieces) {
    stage.push(piece);
    yield* made.splice(0);
  }
  stage.end();
  yield* made;
}

/** Throws `source-read-once` for a source that cannot be opened again. @param why for a person */
export function reopenable(source: StreamSource, why: string): ReopenableSource {
  if (typeof source !== 'function')
    throw new SmimeError('source-read-once', `${why}: give a function that opens the source, not the open source`);
  return source;
}
