/** Files in folders, one after the other: a million of them are never listed in memory. */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import { CommandError } from '../exit-codes.ts';

export interface WalkedFile {
  readonly path: string;
  /** Below what was named, for reports: `old/ada.p12`. */
  readonly name: string;
}

/** What stands in a folder and is not read. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}

/** Folders within folders. Deeper than any export, and the end of whatever is made to have none. */
const DEEPEST = 32;

/**
 * Every regular file below these, folders as the file system has them. A symbolic link is followed where it was named, and
 * never where it was found: a folder that came from elsewhere must not point at files of this machine.
 */
export async function* walk(paths: readonly string[], skip: (skipped: Skipped) => void): AsyncGenerator<WalkedFile> {
  for (const named of paths) {
    const kind = await stat(named).catch((error: Error) => {
      throw new CommandError(`${named} cannot be read: ${error.message}`);
    });
    if (kind.isDirectory()) yield* walkFolder(named, path.basename(path.resolve(named)), 1, skip);
    else if (kind.isFile()) yield { path: named, name: path.basename(named) };
    else throw new CommandError(`${named} is neither a file nor a folder.`);
  }
}

async function* walkFolder(
  folder: string,
  name: string,
  depth: number,
  skip: (skipped: Skipped) => void,
): AsyncGenerator<WalkedFile> {
  if (depth > DEEPEST) return skip({ name, why: `deeper than ${DEEPEST} folders` });
  for await (const entry of await opendir(folder)) {
    const within = { path: path.join(folder, entry.name), name: `${name}/${entry.name}` };
    // Some file systems do not say in the folder what an entry is.
    const kind = entry.isFile() || entry.isDirectory() || entry.isSymbolicLink() ? entry : await lstat(within.path);
    if (kind.isDirectory()) yield* walkFolder(within.path, within.name, depth + 1, skip);
    else if (kind.isFile()) yield within;
    else skip({ name: within.name, why: kind.isSymbolicLink() ? 'a symbolic link, which is not followed' : 'no file' });
  }
}

/** Opens a file to read, and only a file: what was one when the folder was read may be a pipe by now. */
export async function openFile({ path: file, name }: WalkedFile, named: boolean): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (named ? 0 : constants.O_NOFOLLOW);
  const handle = await open(file, flags);
  try {
    if ((await handle.stat()).isFile()) return handle;
    throw new Error(`${name} is no file any more`);
  } catch (error) {
    await handle.close();
    throw error;
  }
}
