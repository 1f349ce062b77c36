/** The generated pages in `docs` say what they are made from says now. After a change of either: `npm run docs`. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { interopPage, pageFile } from '../interop/matrix/page.ts';
import { houseReference, referenceFolder } from '../packages/smime/publishing/house-reference.ts';

it('the reference of the library is up to date, and no export lacks its docstring', () => {
  const pages = houseReference();
  const there = readdirSync(referenceFolder);
  const stale = [...pages].filter(
    ([name, text]) => !there.includes(name) || readFileSync(path.join(referenceFolder, name), 'utf8') !== text,
  );
  expect({ stale: stale.map(([name]) => name), surplus: there.filter((name) => !pages.has(name)) }).toEqual({
    stale: [],
    surplus: [],
  });
});

it('docs/protocols/interop.md says what interop/matrix/answers.json says, with a reason for each refusal', () => {
  expect(readFileSync(pageFile, 'utf8')).toBe(interopPage());
});
