/** The pages of `docs/reference/smime` say what the docstrings say now. After a change of either: `npm run docs`. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { referencePages } from '../packages/smime/publishing/reference.ts';

const folder = path.resolve(import.meta.dirname, '../docs/reference/smime');

it('the reference of the library is up to date, and no export lacks its docstring', () => {
  const pages = referencePages();
  expect(readdirSync(folder).toSorted(), 'run `npm run docs`').toEqual([...pages.keys()].toSorted());
  for (const [name, text] of pages)
    expect(readFileSync(path.join(folder, name), 'utf8') === text, `${name}: run \`npm run docs\``).toBe(true);
});
