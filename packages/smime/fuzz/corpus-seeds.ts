/** Test data that others made, read in place where it is. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Seed } from './target.ts';

const root = resolve(process.env.CHANCERY_CORPORA ?? '../shared/corpora');

/** Files of one folder of a corpus, in the order of their names; none where the corpus is missing. */
export function corpusSeeds(folder: string, wanted: RegExp = /./, most = Number.POSITIVE_INFINITY): Seed[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name) && !/README|LICEN/i.test(entry.name))
    .map((entry) => entry.name)
    .sort()
    .slice(0, most)
    .map((name) => ({ name: `${folder}/${name}`, bytes: readFileSync(join(path, name)) }));
}
