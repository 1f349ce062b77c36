/** Runs after `npm pack` and `npm publish`: puts back what `before-pack.ts` changed, and clears away what it made. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

/** Where a file is kept while another stands in its place: npm packs everything that is called README and something. */
export const kept = (file: string): string => path.join(path.dirname(file), `.kept-${path.basename(file)}`);

/** @param folder of the package */
export function restore(folder: string): void {
  for (const name of ['README.md', 'package.json']) {
    const file = path.join(folder, name);
    if (existsSync(kept(file))) renameSync(kept(file), file);
  }
  for (const name of ['dist', 'docs']) rmSync(path.join(folder, name), { recursive: true, force: true });
}

if (import.meta.main) restore(path.dirname(import.meta.dirname));
