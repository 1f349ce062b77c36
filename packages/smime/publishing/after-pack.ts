/** Runs after `npm pack` and `npm publish`: puts back what `before-pack.ts` changed. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

/** @param folder of the package */
export function restore(folder: string): void {
  const kept = path.join(folder, 'package.json.kept');
  if (existsSync(kept)) renameSync(kept, path.join(folder, 'package.json'));
  rmSync(path.join(folder, 'dist'), { recursive: true, force: true });
}

if (import.meta.main) restore(path.dirname(import.meta.dirname));
