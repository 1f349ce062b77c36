import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe } from 'vitest';
import { pemToDer } from '../src/asn1/pem.ts';

const root = resolve(process.env.CHANCERY_CORPORA ?? '../shared/corpora');

/** A `describe` over one folder of the corpora; skipped, with the folder's name in the title, where it is not there. */
export function describeCorpus(folder: string, title: string, body: (corpus: Corpus) => void): void {
  const path = join(root, folder);
  const there = existsSync(path);
  describe.skipIf(!there)(there ? title : `${title} (no test data at ${path})`, () => {
    if (there) body(new Corpus(path));
  });
}

export class Corpus {
  private readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
  bytes(name: string): Buffer {
    return readFileSync(join(this.path, name));
  }
  text(name: string): string {
    return readFileSync(join(this.path, name), 'utf8');
  }
  json<T>(name: string): T {
    return JSON.parse(this.text(name)) as T;
  }
  /** DER of a file that is DER or the first PEM block. */
  der(name: string): Buffer {
    const bytes = this.bytes(name);
    return bytes.includes('-----BEGIN ') ? pemToDer(bytes.toString('latin1')) : bytes;
  }
  names(folder: string, ending: RegExp): string[] {
    return readdirSync(join(this.path, folder))
      .filter((name) => ending.test(name))
      .sort()
      .map((name) => (folder === '.' ? name : `${folder}/${name}`));
  }
  /** Every file below the folder, by its path from there. */
  everyFile(): string[] {
    return readdirSync(this.path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.path, join(entry.parentPath, entry.name)))
      .sort();
  }
}
