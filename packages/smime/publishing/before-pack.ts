/**
 * Runs before `npm pack` and `npm publish`. In the house the package is run as it stands, from `src/`; published it is
 * compiled, and brings its reference along. npm packs whatever stands in package.json and applies nothing of
 * `publishConfig.exports`: while npm looks, package.json and README say what is published, and `after-pack.ts` puts them back.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { kept, restore } from './after-pack.ts';
import { build } from './build.ts';
import { referencePages } from './reference.ts';

const folder = path.dirname(import.meta.dirname);
const at = (...names: string[]): string => path.join(folder, ...names);

// What an interrupted run left behind.
if (existsSync(kept(at('package.json')))) restore(folder);

build(at('dist'));
rmSync(at('docs'), { recursive: true, force: true });
mkdirSync(at('docs'));
for (const [name, text] of referencePages(at('dist'), '../README.md')) writeFileSync(at('docs', name), text);
change('README.md', (text) => text.replaceAll('](../../docs/reference/smime/', '](docs/'));
change('package.json', published);

function change(name: string, edit: (text: string) => string): void {
  const file = at(name);
  copyFileSync(file, kept(file));
  writeFileSync(`${file}.new`, edit(readFileSync(file, 'utf8')));
  // In one step: whoever resolves the package meanwhile finds the one or the other, and both lead to the same library.
  renameSync(`${file}.new`, file);
}

function published(text: string): string {
  const { scripts: _, publishConfig, ...rest } = JSON.parse(text) as Record<string, object>;
  return `${JSON.stringify({ ...rest, ...publishConfig, access: undefined }, undefined, 2)}\n`;
}
