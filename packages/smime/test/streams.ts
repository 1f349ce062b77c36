/** Sources and sinks for tests of the streaming verbs. */
import { cutInto } from './random-message.ts';

/** Opens the octets in pieces of the sizes given, over and over. */
export function sourceOf(octets: Uint8Array, sizes: readonly number[] = [65_536]): () => AsyncIterable<Uint8Array> {
  return async function* () {
    yield* cutInto(Buffer.from(octets), sizes);
  };
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  // A copy: whatever a verb hands out must be right at that moment.
  for await (const piece of stream) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

/** The boundaries that are made at random, replaced by a fixed one. */
export const withoutChance = (message: Uint8Array): string =>
  Buffer.from(message)
    .toString('latin1')
    .replaceAll(/_signed_[0-9a-f]{36}/g, '_signed_');
