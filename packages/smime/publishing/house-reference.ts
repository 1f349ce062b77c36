/** The reference as it stands in the house, `docs/reference/smime`. `npm run docs` writes it; a test compares. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from './build.ts';
import { referencePages } from './reference.ts';

export const referenceFolder = path.resolve(import.meta.dirname, '../../../docs/reference/smime');

/** Markdown by file name, from the source as it is now. Throws what `build` and `referencePages` throw. */
export function houseReference(): Map<string, string> {
  const declarations = mkdtempSync(path.join(tmpdir(), 'smime-reference-'));
  try {
    build(declarations);
    return referencePages(declarations, '../../../packages/smime/README.md');
  } finally {
    rmSync(declarations, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const pages = houseReference();
  rmSync(referenceFolder, { recursive: true, force: true });
  mkdirSync(referenceFolder, { recursive: true });
  for (const [name, text] of pages) writeFileSync(path.join(referenceFolder, name), text);
  console.log(`${pages.size} pages in docs/reference/smime`);
}
