/** A folder of files, laid out as their addresses are: for a web server elsewhere, or something that copies. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { FolderTarget } from '../publication-config.ts';
import type { DocumentTarget } from './document-target.ts';

/** @param home the folder that the target's path is relative to */
export function folderTarget(name: string, { path: folder }: FolderTarget, home: string): DocumentTarget {
  const root = path.resolve(home, folder);
  return {
    name,
    takes: () => true,
    async put(document, octets) {
      const file = path.join(root, document.path);
      try {
        await replaceFile(file, octets);
      } catch (error) {
        throw new Error(`${file} cannot be written: ${(error as Error).message}`, { cause: error });
      }
    },
  };
}

/** Whoever reads meanwhile has the old file or the new one, and after a crash it is one of the two. */
async function replaceFile(file: string, octets: Buffer): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true });
  await removeRemains(folder, path.basename(file));
  const temporary = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    const handle = await open(temporary, 'wx', 0o644);
    try {
      await handle.writeFile(octets);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Of a process that was killed while it wrote. One document is published by one job at a time. */
async function removeRemains(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (entry.startsWith(`${name}.`) && entry.endsWith('.new')) await rm(path.join(folder, entry), { force: true });
  }
}
