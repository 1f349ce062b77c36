/** `npm pack` of the library, installed in an empty project: nothing of the house, types, and every example of its README on both Nodes. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readmeExamples } from './support/readme-examples.ts';
import { type ReadmePeople, readmePeople } from './support/readme-people.ts';

const house = path.resolve(import.meta.dirname, '..');
const library = path.join(house, 'packages/smime');
const examples = readmeExamples(readFileSync(path.join(library, 'README.md'), 'utf8'));

let project: string;
let installed: string;

beforeAll(() => {
  project = mkdtempSync(path.join(tmpdir(), 'smime-consumer-'));
  installed = path.join(project, 'node_modules/@chancery/smime');
  execFileSync('npm', ['pack', '--silent', '--pack-destination', project], { cwd: library });
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'));
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  execFileSync('npm', ['install', '--silent', '--offline', '--no-audit', '--no-fund', `./${tarball}`], {
    cwd: project,
  });
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the package', () => {
  it('leaves the house as it was', () => {
    expect(JSON.parse(readFileSync(path.join(library, 'package.json'), 'utf8')).exports).toEqual({
      '.': './src/index.ts',
    });
    expect(readdirSync(library)).not.toContain('dist');
  });

  it('holds the compiled library, its reference and its papers, and nothing else', () => {
    expect(readdirSync(installed).toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'docs',
      'package.json',
    ]);
    for (const { file } of files()) expect(file).toMatch(/^(dist\/.*\.(js|d\.ts)|docs\/[\w-]+\.md|[^/]+)$/);
  });

  it('brings nobody along', () => {
    expect(readdirSync(path.join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      '@chancery',
    ]);
    expect(readdirSync(path.join(project, 'node_modules/@chancery'))).toEqual(['smime']);
    const { dependencies, optionalDependencies, scripts } = JSON.parse(
      readFileSync(path.join(installed, 'package.json'), 'utf8'),
    );
    expect([dependencies, optionalDependencies, scripts]).toEqual([undefined, undefined, undefined]);
  });

  it('names no path of the house, and every link leads somewhere', () => {
    for (const { file, text } of files()) {
      expect(text.includes(house) || /packages\/|(^|[^.])\.\.\/\.\.\/docs\//m.test(text), file).toBe(false);
      if (!file.endsWith('.md')) continue;
      for (const [, link = ''] of text.matchAll(/\]\(([^)#]*)[^)]*\)/g))
        if (link !== '' && !/^https?:/.test(link))
          expect(existsSync(path.join(installed, path.dirname(file), link)), `${file}: ${link}`).toBe(true);
    }
  });

  it('has a line in its LICENSE for every line in that of the house', () => {
    expect(readFileSync(path.join(installed, 'LICENSE'), 'utf8')).toBe(
      readFileSync(path.join(house, 'LICENSE'), 'utf8'),
    );
  });
});

/** Every file of the package, by its path in it. */
function files(): { file: string; text: string }[] {
  return readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      return { file: path.relative(installed, file), text: readFileSync(file, 'utf8') };
    });
}

const fromCommonJs = `
import smime = require('@chancery/smime');
console.log(typeof smime.verifyMessage);
`;

/** Of the message that example 10 made. */
const verifiesDual = `
import { readFile } from 'node:fs/promises';
import { parseCertificate, pemToDer, verifyMessage } from '@chancery/smime';
const anchors = [parseCertificate(pemToDer(await readFile('root.pem', 'utf8')))];
const report = await verifyMessage({ message: await readFile('dual.eml'), anchors });
for (const { signature, problems } of report.signers) console.log(signature, ...problems.map(({ code }) => code));
`;

const strict = {
  target: 'es2023',
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  types: ['node'],
  rootDir: '.',
  outDir: 'run',
};

describe('the examples of the README', () => {
  // One folder for both: what the newer Node made, the older one can be asked about.
  let folder: string;
  let people: ReadmePeople;
  afterAll(() => people?.close());
  beforeAll(async () => {
    folder = mkdtempSync(path.join(project, 'work-'));
    people = await readmePeople(folder);
    mkdirSync(path.join(project, 'node_modules/@types'));
    symlinkSync(path.join(house, 'node_modules/@types/node'), path.join(project, 'node_modules/@types/node'));
    for (const [index, { code }] of examples.entries())
      writeFileSync(path.join(project, `example-${index + 1}.ts`), code);
    writeFileSync(path.join(project, 'require.cts'), fromCommonJs);
    writeFileSync(path.join(project, 'dual.ts'), verifiesDual);
    writeFileSync(
      path.join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: strict, include: ['*.ts', '*.cts'] }),
    );
  });
  const compile = (compiler: string, ...options: string[]) =>
    spawnSync(process.execPath, [path.join(house, 'node_modules', compiler, 'bin/tsc'), ...options], {
      cwd: project,
      encoding: 'utf8',
    }).stdout;

  it('are ten', () => {
    expect(examples.map(({ title }) => Number.parseInt(title, 10))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('type-check strictly, declarations of the library included, with both compilers and both resolutions', () => {
    expect(compile('ts7')).toBe('');
    expect(compile('typescript', '--noEmit', '--lib', 'es2023')).toBe('');
    rmSync(path.join(project, 'require.cts'));
    expect(compile('ts7', '--noEmit', '--module', 'esnext', '--moduleResolution', 'bundler')).toBe('');
  });

  describe.each([
    ['Node 24', () => process.execPath],
    ['Node 22', node22],
  ])('on %s', (name, node) => {
    const run = (program: string): Promise<{ stdout: string; stderr: string }> => {
      const env = { PATH: process.env.PATH, KEY_SERVICE: people.url, PKI: people.url };
      return promisify(execFile)(node(), [path.join(project, 'run', program)], { cwd: folder, env });
    };

    it.each(examples.map((example, index) => ({ ...example, program: `example-${index + 1}.js` })))(
      '$title',
      async ({ title, prints, program }) => {
        if (title.endsWith('(Node 24)') && name !== 'Node 24')
          return expect(run(program)).rejects.toThrow(/SmimeError: .*code: 'unsupported'/s);
        const { stdout } = await run(program);
        expect(stdout.split('\n').filter((line) => line !== '')).toEqual(prints);
      },
    );

    it('what this Node cannot verify is unverifiable, and never a crash', async () => {
      const lines = (await run('dual.js')).stdout.trim().split('\n');
      expect(lines.toSorted()).toEqual(
        name === 'Node 24' ? ['valid', 'valid'] : ['unverifiable unsupported-key', 'valid'],
      );
    });

    it('require loads it too', async () => {
      expect((await run('require.cjs')).stdout.trim()).toBe('function');
    });
  });
});

/** Installed at the first use, from its own lock file. */
function node22(): string {
  const folder = path.join(import.meta.dirname, 'node-22');
  const program = path.join(folder, `node_modules/node-linux-${process.arch}/bin/node`);
  if (!existsSync(program)) execFileSync('npm', ['ci', '--silent', '--no-audit', '--no-fund', '--prefix', folder]);
  return program;
}
