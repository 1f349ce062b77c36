/**
 * Our MIME scanner beside mailparser, postal-mime and Python's email package, on messages that none of them wrote:
 * `npm run differential` writes docs/protocols/mime-differential.md. Needs the corpora, and Python 3 on the path.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { classify, type Difference, explanations } from './classify.ts';
import { mailparserTree, ourTree, postalMimeTree, type Tree, withoutMessages } from './trees.ts';

const corpus = join(resolve(process.env.CHANCERY_CORPORA ?? '../shared/corpora'), 'mime-messages');
const page = fileURLToPath(new URL('../../docs/protocols/mime-differential.md', import.meta.url));
const files = readdirSync(corpus, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== 'README.txt')
  .map((entry) => relative(corpus, join(entry.parentPath, entry.name)))
  .sort();

const python = pythonTrees();
const parsers: { name: string; deep: boolean; read(file: string, bytes: Buffer): Promise<Tree | string> }[] = [
  { name: `Python email (${python.version})`, deep: true, read: async (file) => python.trees.get(file) ?? 'no answer' },
  { name: `postal-mime ${versionOf('postal-mime')}`, deep: false, read: async (_file, bytes) => postalMimeTree(bytes) },
  { name: `mailparser ${versionOf('mailparser')}`, deep: false, read: async (_file, bytes) => mailparserTree(bytes) },
];

interface Result {
  readonly name: string;
  readonly agree: number;
  readonly failures: readonly string[];
  readonly differences: readonly { file: string; difference: Difference }[];
}

const results: Result[] = [];
for (const parser of parsers) {
  let agree = 0;
  const failures: string[] = [];
  const differences: { file: string; difference: Difference }[] = [];
  for (const file of files) {
    const bytes = readFileSync(join(corpus, file));
    const theirs = await parser.read(file, bytes);
    if (typeof theirs === 'string') {
      failures.push(`${file} (${theirs})`);
      continue;
    }
    const ours = ourTree(bytes);
    const difference = parser.deep ? classify(ours, theirs) : classify(withoutMessages(ours), withoutMessages(theirs));
    if (difference === undefined) agree++;
    else differences.push({ file, difference });
  }
  results.push({ name: parser.name, agree, failures, differences });
}

mkdirSync(join(page, '..'), { recursive: true });
writeFileSync(page, describe());
console.log(
  results
    .map(
      ({ name, agree, differences, failures }) =>
        `${name}: ${agree} agree, ${differences.length} differ, ${failures.length} failed`,
    )
    .join('\n'),
);

function describe(): string {
  const lines = [
    '# MIME: our scanner beside others',
    '',
    `Made by \`npm run differential\` from ${files.length} files: real and broken messages of ten projects, and some files that are no messages. Compared are the trees of media types, part by part and in order; those of mailparser and postal-mime above attached messages, which they do not take apart in their trees. A difference is named after the first place where two trees part.`,
    '',
    '| parser | same tree | another tree | failed |',
    '| --- | --- | --- | --- |',
    ...results.map(
      ({ name, agree, differences, failures }) => `| ${name} | ${agree} | ${differences.length} | ${failures.length} |`,
    ),
    '',
  ];
  for (const { name, differences, failures } of results) {
    lines.push(
      `## ${name}`,
      '',
      '| difference | messages | what we do, and why | for example |',
      '| --- | --- | --- | --- |',
    );
    const classes = Map.groupBy(differences, ({ difference }) => difference);
    for (const [difference, list] of [...classes].sort(([, a], [, b]) => b.length - a.length))
      lines.push(
        `| ${difference} | ${list.length} | ${explanations[difference]} | ${list
          .slice(0, 3)
          .map(({ file }) => `\`${file}\``)
          .join(', ')} |`,
      );
    lines.push('', ...(failures.length > 0 ? [`It fails on: ${failures.slice(0, 20).join('; ')}.`, ''] : []));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function pythonTrees(): { version: string; trees: Map<string, Tree | string> } {
  const script = fileURLToPath(new URL('python-tree.py', import.meta.url));
  const { stdout, status, stderr } = spawnSync('python3', [script], {
    input: files.map((file) => `${join(corpus, file)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`python3 failed: ${stderr}`);
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { tree?: Tree; error?: string });
  const version = spawnSync('python3', ['--version'], { encoding: 'utf8' }).stdout.trim().replace('Python ', '');
  return {
    version,
    trees: new Map(files.map((file, index) => [file, answers[index]?.tree ?? answers[index]?.error ?? 'no answer'])),
  };
}

function versionOf(name: string): string {
  const path = fileURLToPath(new URL(`../../node_modules/${name}/package.json`, import.meta.url));
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
