/**
 * Runs before `npm pack` and `npm publish`. In the house the package is run as it stands, from `src/`; published it is
 * compiled. npm packs whatever package.json says and applies nothing of `publishConfig.exports`, so that it says the
 * published thing while npm looks, and `after-pack.ts` puts it back.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { restore } from './after-pack.ts';
import { build } from './build.ts';

const folder = path.dirname(import.meta.dirname);
const at = (name: string): string => path.join(folder, name);

// What an interrupted run left behind.
if (existsSync(at('package.json.kept'))) restore(folder);

build(at('dist'));
copyFileSync(at('package.json'), at('package.json.kept'));
writeFileSync(at('package.json.new'), published(readFileSync(at('package.json'), 'utf8')));
// In one step: whoever resolves the package meanwhile finds the one or the other, and both lead to the same library.
renameSync(at('package.json.new'), at('package.json'));

function published(text: string): string {
  const { scripts: _, publishConfig, ...rest } = JSON.parse(text) as Record<string, object>;
  return `${JSON.stringify({ ...rest, ...publishConfig, access: undefined }, undefined, 2)}\n`;
}
