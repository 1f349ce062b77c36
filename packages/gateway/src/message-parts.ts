/** The structure of a message and the octets of its parts, of one in memory and of one in files alike. */
import { decodeBody, decodeBodyStream, type MimeEntity, SmimeError, scanMessage, scanStream } from '@chancery/smime';
import { GatewayError } from './errors.ts';
import { LargeMessage, type Message, memoryOfPiece } from './large-message.ts';

/** Octets in pieces, the same each time. A piece may be overwritten by the next. */
export type Octets = () => AsyncIterable<Uint8Array>;

export async function structureOf(message: Message): Promise<MimeEntity> {
  // What the scanner still needs of a piece, it copies.
  return message instanceof LargeMessage ? scanStream(() => message.read(memoryOfPiece())) : scanMessage(message);
}

/** From one offset to another: a header, or another part of it that is never large. */
export async function rangeOf(message: Message, from: number, to: number): Promise<Uint8Array> {
  return message instanceof LargeMessage ? message.range(from, to) : message.subarray(from, to);
}

export function piecesOf(message: Message, from: number, to: number): AsyncIterable<Uint8Array> {
  return message instanceof LargeMessage ? message.pieces(from, to, memoryOfPiece()) : once(message.subarray(from, to));
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}

/** The body of a part, its transfer encoding undone. Reading it throws GatewayError `unreadable` for a line of white space without end. */
export function bodyOf(message: Message, entity: MimeEntity): Octets {
  const { bodyStart, end } = entity;
  if (message instanceof LargeMessage) return () => decoded(message.pieces(bodyStart, end, memoryOfPiece()), entity);
  const body = decodeBody(message, entity);
  return () => once(body);
}

async function* decoded(source: AsyncIterable<Buffer>, { transferEncoding }: MimeEntity): AsyncGenerator<Uint8Array> {
  try {
    yield* decodeBodyStream(source, transferEncoding);
  } catch (error) {
    if (error instanceof SmimeError && error.code === 'limit-exceeded')
      throw new GatewayError('unreadable', `A text cannot be read: ${error.message}`, error);
    throw error;
  }
}
