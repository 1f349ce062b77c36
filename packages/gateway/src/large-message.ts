/** A message that is too large to be held in memory: its header is here, its body lies in a file. */
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { GatewayError, reasonOf } from './errors.ts';
import { bodyStart, type HeaderField, headerBlockEnd, withHeaders } from './header-block.ts';
import { headerOctets } from './limits.ts';
import { unlinkIfThere, writeAll } from './spool/durable-file.ts';

/** A message, lines ending in CRLF. */
export type Message = Uint8Array | LargeMessage;

/** Octets of a file, read again each time. */
export interface FilePart {
  readonly file: string;
  /** Offsets of its first octet, and of the one after its last. */
  readonly from: number;
  readonly to: number;
  /** Octets that are handed out at once; as many as are read where it is not said. */
  readonly piece?: number;
  /** Checked by `read`, in base64: SHA-256 of the message as it was kept. */
  readonly sha256?: string;
}

export class LargeMessage {
  /** The header block, with the empty line that ends it. */
  readonly head: Buffer;
  /** Where what stands behind it lies. */
  readonly place: FilePart;

  constructor(head: Buffer, place: FilePart) {
    this.head = head;
    this.place = place;
  }

  get length(): number {
    return this.head.length + this.place.to - this.place.from;
  }

  /** The same body under another header. */
  withHead(head: Buffer): LargeMessage {
    const { sha256: _, ...body } = this.place;
    return new LargeMessage(head, body);
  }

  /**
   * From its first octet to its last.
   * @param memory as for `pieces`
   * @throws GatewayError `state-damaged` at the end, where it is not what was kept
   */
  async *read(memory?: Buffer): AsyncGenerator<Buffer, void, void> {
    const { sha256 } = this.place;
    const hash = sha256 === undefined ? undefined : createHash('sha256').update(this.head);
    yield this.head;
    for await (const piece of this.pieces(this.head.length, this.length, memory)) {
      hash?.update(piece);
      yield piece;
    }
    if (hash !== undefined && hash.digest('base64') !== sha256)
      throw new GatewayError('state-damaged', 'The octets in the spool are not the ones that were kept');
  }

  /**
   * Octets from one offset in the message to another, piece by piece.
   * @param memory for whoever is done with a piece before the next comes: all of them are read into it
   */
  async *pieces(from: number, to: number, memory?: Buffer): AsyncGenerator<Buffer, void, void> {
    if (from < this.head.length) yield this.head.subarray(from, to);
    const { file, from: start, to: last, piece = inOneRead } = this.place;
    const shift = start - this.head.length;
    const end = Math.min(to + shift, last);
    let at = Math.max(from + shift, start);
    if (at >= end) return;
    const handle = await open(file, 'r');
    try {
      while (at < end) {
        const octets = await readAt(handle, at, Math.min(inOneRead, end - at), memory);
        at += octets.length;
        for (let cut = 0; cut < octets.length; cut += piece) yield octets.subarray(cut, cut + piece);
      }
    } finally {
      await handle.close();
    }
  }

  /** The same at once. */
  async range(from: number, to: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const octets of this.pieces(from, to)) parts.push(octets);
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }
}

/** Octets: enough for the disk, and little beside a large message. */
const inOneRead = 64 * 1024;

/** What all pieces of one reading lie in, one after the other: memory of its own for each is collected late on a busy machine. */
export const memoryOfPiece = (): Buffer => Buffer.allocUnsafe(inOneRead);

async function readAt(handle: FileHandle, at: number, length: number, memory?: Buffer): Promise<Buffer> {
  const octets = memory?.subarray(0, length) ?? Buffer.allocUnsafe(length);
  const { bytesRead } = await handle.read(octets, 0, length, at);
  if (bytesRead === 0) throw new GatewayError('state-damaged', 'A file ends before its message does');
  return octets.subarray(0, bytesRead);
}

/** For what reads headers: all of a small message, the header of a large one. */
export function headOf(message: Uint8Array | LargeMessage): Uint8Array {
  return message instanceof LargeMessage ? message.head : message;
}

/**
 * `withHeaders` of either kind of message.
 * @param added as there
 */
export function withFields(
  message: Message,
  removed: (field: HeaderField) => boolean,
  added: readonly string[],
): Buffer | LargeMessage {
  if (!(message instanceof LargeMessage)) return withHeaders(message, removed, added);
  return message.withHead(withHeaders(message.head, removed, added));
}

/** Piece by piece, or at once where it is in memory. @param memory as for `LargeMessage.pieces` */
export function octetsOf<Octets extends Uint8Array>(
  message: Octets | LargeMessage,
  memory?: Buffer,
): Octets | AsyncGenerator<Buffer, void, void> {
  return message instanceof LargeMessage ? message.read(memory) : message;
}

/** Adds a message to a hash. */
export async function hashed(hash: Hash, message: Message): Promise<Hash> {
  if (!(message instanceof LargeMessage)) return hash.update(message);
  for await (const piece of message.read(memoryOfPiece())) hash.update(piece);
  return hash;
}

/** SHA-256, in base64. */
export async function digestOf(message: Message): Promise<string> {
  return (await hashed(createHash('sha256'), message)).digest('base64');
}

/** A large message over a part of a file; undefined where its header is too long to be held. */
export async function messageIn(part: FilePart): Promise<LargeMessage | undefined> {
  const { file, from, to } = part;
  const handle = await open(file, 'r');
  try {
    const longest = Math.min(2 * headerOctets, to - from);
    const parts: Buffer[] = [];
    for (let at = 0; at < longest; ) {
      const octets = await readAt(handle, from + at, longest - at);
      at += octets.length;
      parts.push(octets);
    }
    const start = Buffer.concat(parts);
    // One without an empty line is a header and nothing else.
    if (headerBlockEnd(start) === start.length && longest < to - from) return undefined;
    const head = Buffer.from(start.subarray(0, bodyStart(start)));
    return new LargeMessage(head, { ...part, from: from + head.length });
  } finally {
    await handle.close();
  }
}

/** Files for one message on its way through, gone with it. What a crash leaves of them goes at the next start. */
export interface Scratch {
  /** @throws GatewayError `spool-unavailable`, `unreadable` (a header too long to be held), and what the source throws */
  keep(source: AsyncIterable<Uint8Array>): Promise<LargeMessage>;
  clear(): Promise<void>;
}

/**
 * @param folder of the spool, which drops temporary files when it is opened
 * @param piece octets that are handed out at once
 */
export function openScratch(folder: string, piece?: number): Scratch {
  const files: string[] = [];
  return {
    async keep(source) {
      const file = path.join(folder, `work-${randomUUID()}.tmp`);
      files.push(file);
      const handle = await open(file, 'wx', 0o600).catch(unavailable);
      let to = 0;
      try {
        for await (const octets of source) {
          await writeAll(handle, octets).catch(unavailable);
          to += octets.length;
        }
      } finally {
        await handle.close();
      }
      const large = await messageIn({ file, from: 0, to, ...(piece === undefined ? {} : { piece }) });
      if (large === undefined)
        throw new GatewayError('unreadable', 'A message has a header that is too long to be held');
      return large;
    },
    async clear() {
      for (const file of files.splice(0)) await unlinkIfThere(file).catch(() => undefined);
    },
  };
}

function unavailable(error: unknown): never {
  throw new GatewayError(
    'spool-unavailable',
    `A large message cannot be written to the spool: ${reasonOf(error)}`,
    error,
  );
}
