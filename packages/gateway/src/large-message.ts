/** A message that is too large to be held in memory: its header is here, its body lies in a file. */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { GatewayError, reasonOf } from './errors.ts';
import { type HeaderField, headerBlockEnd, withHeaders } from './header-block.ts';
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

  /** From its first octet to its last. @throws GatewayError `state-damaged` at the end, where it is not what was kept */
  async *read(): AsyncGenerator<Buffer, void, void> {
    const { sha256 } = this.place;
    const hash = sha256 === undefined ? undefined : createHash('sha256').update(this.head);
    yield this.head;
    for await (const piece of this.body()) {
      hash?.update(piece);
      yield piece;
    }
    if (hash !== undefined && hash.digest('base64') !== sha256)
      throw new GatewayError('state-damaged', 'The octets in the spool are not the ones that were kept');
  }

  /** What stands behind the header. */
  async *body(): AsyncGenerator<Buffer, void, void> {
    const { file, from, to } = this.place;
    const handle = await open(file, 'r');
    try {
      for (let at = from; at < to; ) {
        const octets = await readAt(handle, at, Math.min(piece, to - at));
        at += octets.length;
        yield octets;
      }
    } finally {
      await handle.close();
    }
  }

  /** Octets from one offset in the message to another. */
  async range(from: number, to: number): Promise<Buffer> {
    const shift = this.place.from - this.head.length;
    const inHead = this.head.subarray(from, to);
    const start = Math.max(from, this.head.length) + shift;
    const end = Math.min(to, this.length) + shift;
    if (end <= start) return inHead;
    const handle = await open(this.place.file, 'r');
    try {
      const parts = [inHead];
      for (let at = start; at < end; ) {
        const octets = await readAt(handle, at, end - at);
        at += octets.length;
        parts.push(octets);
      }
      return Buffer.concat(parts);
    } finally {
      await handle.close();
    }
  }
}

/** Octets of one read: enough for the disk, and little beside a large message. */
const piece = 64 * 1024;

async function readAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const octets = Buffer.allocUnsafe(length);
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

/** In memory, however large: for the few things that need all of it at once. */
export async function wholeOf(message: Message): Promise<Buffer> {
  if (message instanceof LargeMessage) return message.range(0, message.length);
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

/** Piece by piece, or at once where it is in memory. */
export function octetsOf<Octets extends Uint8Array>(
  message: Octets | LargeMessage,
): Octets | AsyncGenerator<Buffer, void, void> {
  return message instanceof LargeMessage ? message.read() : message;
}

/** SHA-256, in base64. */
export async function digestOf(message: Message): Promise<string> {
  const hash = createHash('sha256');
  const octets = octetsOf(message);
  if (octets instanceof Uint8Array) hash.update(octets);
  else for await (const piece of octets) hash.update(piece);
  return hash.digest('base64');
}

/** A large message over a part of a file; undefined where its header is too long to be held. */
export async function messageIn({ file, from, to, sha256 }: FilePart): Promise<LargeMessage | undefined> {
  const handle = await open(file, 'r');
  try {
    const start = await readAt(handle, from, Math.min(2 * headerOctets, to - from));
    const end = headerBlockEnd(start) + 2;
    if (end > start.length) return undefined;
    const digest = sha256 === undefined ? {} : { sha256 };
    return new LargeMessage(Buffer.from(start.subarray(0, end)), { file, from: from + end, to, ...digest });
  } finally {
    await handle.close();
  }
}

/** Files for one message on its way through, gone with it. What a crash leaves of them goes at the next start. */
export interface Scratch {
  /** @throws GatewayError `spool-unavailable`, and what the source throws */
  keep(source: AsyncIterable<Uint8Array>): Promise<Message>;
  clear(): Promise<void>;
}

/** @param folder of the spool, which drops temporary files when it is opened */
export function openScratch(folder: string): Scratch {
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
      const large = await messageIn({ file, from: 0, to });
      return large ?? wholeOf(new LargeMessage(Buffer.alloc(0), { file, from: 0, to }));
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
