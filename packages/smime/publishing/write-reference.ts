/** `npm run docs`: writes `docs/reference/smime` anew. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { referencePages } from './reference.ts';

const folder = path.resolve(import.meta.dirname, '../../../docs/reference/smime');

const pages = referencePages();
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, text] of pages) writeFileSync(path.join(folder, name), text);
console.log(`${pages.size} pages in docs/reference/smime`);
