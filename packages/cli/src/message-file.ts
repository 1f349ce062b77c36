/** Messages in files: read whole while they are small; what is larger is opened as often as the engine asks for it. */
import { closeSync, createReadStream, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ReopenableSource, scanMessage } from '@chancery/smime';
import { CommandError } from './exit-codes.ts';
import { readInput } from './input-files.ts';
import { pemOctets } from './pem-stream.ts';

/** Octets up to which a message is held in memory: its signature and its structure are then read at a glance. */
export const wholeOctets = 16 * 1024 * 1024;

/** A message that is not held in memory. */
export interface LargeMessage {
  readonly open: ReopenableSource;
  /** Its first octets. */
  readonly head: Buffer;
}

export const isLarge = (input: Uint8Array | LargeMessage): input is LargeMessage => !(input instanceof Uint8Array);

/** @param file a path; `-` for standard input. What is large and can be read only once goes into a temporary file. */
export async function readMessage(file: string): Promise<Buffer | LargeMessage> {
  try {
    if (file === '-') return await readOnce(process.stdin);
    const stat = statSync(file);
    if (stat.isFile()) return largeFile(file) ?? readInput(file);
    return stat.isDirectory() ? readInput(file) : await readOnce(createReadStream(file));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** Undefined for what is no regular file, or small enough to be held. */
export function largeFile(file: string): LargeMessage | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size <= wholeOctets) return undefined;
  const opened = openSync(file, 'r');
  try {
    return { open: () => octetsOf(openSync(file, 'r'), closeSync), head: headOf(opened) };
  } finally {
    closeSync(opened);
  }
}

async function readOnce(source: AsyncIterable<Buffer>): Promise<Buffer | LargeMessage> {
  const pieces = source[Symbol.asyncIterator]();
  const held: Buffer[] = [];
  for (let length = 0; length <= wholeOctets; ) {
    const { value, done } = await pieces.next();
    if (done) return Buffer.concat(held);
    held.push(value);
    length += value.length;
  }
  const spool = openSpool();
  for (const piece of held.splice(0)) write(spool, piece);
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) write(spool, next.value);
  return {
    open: () => octetsOf(spool, () => {}),
    head: headOf(spool),
  };
}

/** A file that nobody else can open, and that is gone however this process ends: it has no name any more. */
function openSpool(): number {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-'));
  try {
    return openSync(path.join(folder, 'message'), 'wx+', 0o600);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(file: number, octets: Uint8Array): void {
  for (let at = 0; at < octets.length; ) at += writeSync(file, octets, at);
}

function headOf(file: number): Buffer {
  const head = Buffer.alloc(65_536);
  return head.subarray(0, readSync(file, head, 0, head.length, 0));
}

/** The engine keeps nothing of a piece once it asks for the next: one buffer serves for a whole file, and leaves no garbage. */
async function* octetsOf(file: number, close: (file: number) => void): AsyncGenerator<Buffer> {
  const memory = Buffer.allocUnsafe(131_072);
  try {
    for (let at = 0; ; ) {
      const length = readSync(file, memory, 0, memory.length, at);
      if (length === 0) return;
      at += length;
      yield memory.subarray(0, length);
    }
  } finally {
    close(file);
  }
}

/** What is in a large file: a message, or a CMS object whose BER or DER `open` gives. Throws `CommandError` for neither. */
export function openLarge({ open, head }: LargeMessage, name: string): { isObject: boolean; open: ReopenableSource } {
  if (head[0] === 0x30 && ((head[1] ?? 0) >= 0x80 || head[2] === 0x06)) return { isObject: true, open };
  if (/^\s*-----BEGIN (CMS|PKCS7|PKCS #7 SIGNED DATA)-----/.test(head.toString('latin1', 0, 200)))
    return { isObject: true, open: () => pemOctets(open(), name) };
  if (scanMessage(head).headers.length === 0)
    throw new CommandError(`${name} is no message (no line of it is a header field), and no CMS object.`);
  return { isObject: false, open };
}
