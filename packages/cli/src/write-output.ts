/** Where results go: a file that appears only once it is whole, or standard output. */

import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

/** @param file undefined or `-`: standard output */
export function writeOut(file: string | undefined, bytes: Uint8Array): void {
  if (isStandardOutput(file)) process.stdout.write(bytes);
  else writeFileSync(file, bytes);
}

/** The same for what comes piece by piece. A file is left as it was where the pieces end in an error. */
export async function writeOutPieces(file: string | undefined, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  if (isStandardOutput(file)) {
    // A copy: what does not fit the pipe waits, and the engine goes on with its memory.
    for await (const piece of pieces) await writeStandardOutput(Buffer.from(piece));
    return;
  }
  const target = existsSync(file) ? realpathSync(file) : file;
  const mode = existsSync(target) ? statSync(target) : undefined;
  // A pipe or a device is written to, not replaced.
  const direct = mode !== undefined && !mode.isFile();
  const written = direct ? target : `${target}.${process.pid}.part`;
  const opened = openSync(written, direct ? 'w' : 'wx');
  try {
    for await (const piece of pieces) for (let at = 0; at < piece.length; ) at += writeSync(opened, piece, at);
    closeSync(opened);
    if (mode && !direct) chmodSync(written, mode.mode & 0o777);
    if (!direct) renameSync(written, target);
  } catch (error) {
    if (!direct) rmSync(written, { force: true });
    throw error;
  }
}

/** Waits until whoever reads has taken it. */
export async function writeStandardOutput(octets: Uint8Array | string): Promise<void> {
  if (!process.stdout.write(octets)) await once(process.stdout, 'drain');
}

const isStandardOutput = (file: string | undefined): file is undefined | '-' => file === undefined || file === '-';
