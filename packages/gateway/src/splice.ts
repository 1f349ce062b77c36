/** A message of which some parts are written anew: every change of a body is one of these, so that none holds a large message in memory. */
import { LargeMessage, type Message, type Scratch } from './large-message.ts';
import { type Octets, piecesOf } from './message-parts.ts';

/** What takes the place of the octets from one offset to another. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly octets: readonly (Uint8Array | Octets)[];
}

/**
 * @param splices in any order, none over another
 * @returns in memory where the message was, otherwise in a file
 */
export async function spliced(
  message: Message,
  splices: readonly Splice[],
  scratch: Pick<Scratch, 'keep'>,
): Promise<Message> {
  if (splices.length === 0) return message;
  const parts: (Uint8Array | Octets)[] = [];
  let at = 0;
  for (const { from, to, octets } of splices.toSorted((one, other) => one.from - other.from)) {
    const start = at;
    parts.push(() => piecesOf(message, start, from), ...octets);
    at = to;
  }
  parts.push(() => piecesOf(message, at, message.length));
  return composed(parts, message instanceof LargeMessage ? scratch : undefined);
}

/** @param scratch undefined: it is held in memory */
export async function composed(
  parts: readonly (Uint8Array | Octets)[],
  scratch: Pick<Scratch, 'keep'> | undefined,
): Promise<Message> {
  if (scratch !== undefined) return scratch.keep(inOrder(parts));
  const pieces: Uint8Array[] = [];
  for (const part of parts) {
    if (part instanceof Uint8Array) pieces.push(part);
    else for await (const piece of part()) pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function* inOrder(parts: readonly (Uint8Array | Octets)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Uint8Array) yield part;
    else yield* part();
  }
}
