/** Files that a crash at any moment leaves either absent or whole. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError } from './errors.ts';

/** Makes a folder that its owner alone may enter, and every folder on the way to it. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw explainFileError(error, folder);
  }
}

/**
 * Writes a new file, mode 0600, and returns once it is on the disk. False where the file is there already: it is left alone,
 * whoever made it and whenever.
 */
export async function createFile(file: string, content: Uint8Array): Promise<boolean> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `${TEMPORARY}${path.basename(file)}.${randomBytes(6).toString('hex')}`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike a rename, a link never replaces what is there.
    await link(temporary, file);
    await syncFolder(folder);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw explainFileError(error, file);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** Removes a file and returns once the removal is on the disk. False where there was none. */
export async function removeFile(file: string): Promise<boolean> {
  try {
    await rm(file);
    await syncFolder(path.dirname(file));
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw explainFileError(error, file);
  }
}

/** Removes what writers that were killed left behind; what is younger than an hour may be another process at work. */
export async function sweepTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(TEMPORARY)) continue;
    const file = path.join(folder, name);
    const age = await stat(file).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    if (age > 3_600_000) await rm(file, { force: true });
  }
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

const TEMPORARY = '.unfinished-';

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
