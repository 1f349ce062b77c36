/** Files that are there whole or not at all, whatever dies when. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readFile, rename, unlink } from 'node:fs/promises';
import path from 'node:path';

/**
 * Writes a file so that it survives a crash at any line: temporary file, fsync, rename, fsync of the folder.
 * @param chunks octets, in order; readable by the owner only
 */
export async function writeDurably(
  file: string,
  chunks: readonly (Uint8Array | string | AsyncIterable<Uint8Array>)[],
): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      for (const chunk of gathered(chunks)) {
        if (chunk instanceof Uint8Array) await writeAll(handle, chunk);
        else for await (const part of chunk) await writeAll(handle, part);
      }
      await handle.sync();
    } catch (error) {
      await handle.close();
      throw error;
    }
    await Promise.all([handle.close(), rename(temporary, file)]);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(path.dirname(file));
}

/** Octets that are written at once: a copy of so much costs less than a write. */
const inOneWrite = 256 * 1024;

function* gathered(
  chunks: readonly (Uint8Array | string | AsyncIterable<Uint8Array>)[],
): Generator<Uint8Array | AsyncIterable<Uint8Array>> {
  const parts = chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
  const inMemory = parts.filter((part) => part instanceof Uint8Array);
  const total = inMemory.reduce((sum, { length }) => sum + length, 0);
  if (inMemory.length === parts.length && total <= inOneWrite) yield Buffer.concat(inMemory);
  else yield* parts;
}

/** Of each folder: a sync that has not begun, and the one that runs. */
const next = new Map<string, Promise<void>>();
const running = new Map<string, Promise<void>>();

/** Makes renames and removals in a folder durable. One sync serves everybody whose changes were made before it began. */
export function syncFolder(folder: string): Promise<void> {
  const waiting = next.get(folder);
  if (waiting !== undefined) return waiting;
  const sync = (running.get(folder) ?? Promise.resolve())
    .catch(() => undefined)
    .then(() => {
      next.delete(folder);
      const work = syncNow(folder).finally(() => {
        if (running.get(folder) === work) running.delete(folder);
      });
      running.set(folder, work);
      return work;
    });
  next.set(folder, sync);
  return sync;
}

/** Of each folder that was just synced, open for the next time. Not for long: another disk may be mounted there. */
const kept = new Map<string, { readonly handle: FileHandle; readonly end: NodeJS.Timeout }>();
/** Milliseconds. */
const keptFor = 1_000;

async function syncNow(folder: string): Promise<void> {
  const last = kept.get(folder);
  kept.delete(folder);
  clearTimeout(last?.end);
  const handle = last?.handle ?? (await open(folder, 'r'));
  try {
    await handle.sync();
  } catch (error) {
    await handle.close();
    throw error;
  }
  const end = setTimeout(() => {
    kept.delete(folder);
    handle.close().catch(() => undefined);
  }, keptFor);
  kept.set(folder, { handle, end: end.unref() });
}

/** The file's octets, or undefined when there is none. */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writeAll(handle: FileHandle, octets: Uint8Array): Promise<void> {
  let written = 0;
  while (written < octets.length) {
    const { bytesWritten } = await handle.write(octets, written, octets.length - written);
    written += bytesWritten;
  }
}

export async function unlinkIfThere(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
