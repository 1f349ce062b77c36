/**
 * The pages of `docs/reference/smime`, made from what the compiler declares of the public face: a page for each room, and on it
 * every export with its docstring and its declaration. `npm run docs` writes them.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/**
 * Markdown by file name. Throws where an export is undocumented, and where it mentions a type of ours that is not exported.
 * @param declarations folder with the compiled library
 * @param readme where the README stands, seen from the pages
 */
export function referencePages(declarations: string, readme: string): Map<string, string> {
  const entries = readFace(declarations);
  const faults = [...entries.values()].flatMap((entry) => faultsOf(entry, entries));
  if (faults.length > 0) throw new Error(`The reference cannot be written:\n${faults.join('\n')}`);
  return writePages([...entries.values()], readme);
}

/** One export of `src/index.ts`. */
interface Entry {
  readonly name: string;
  /** Path below `src`, without its ending: `message/sign`. */
  readonly file: string;
  readonly statements: readonly ts.Statement[];
  readonly doc: Doc;
  readonly module: Module;
}

interface Module {
  readonly file: string;
  readonly source: ts.SourceFile;
  /** What the file says of itself. */
  readonly intro: string;
  /** Where each name that a declaration may mention comes from: file and name there. */
  readonly names: ReadonlyMap<string, string>;
}

interface Doc {
  readonly text: string;
  readonly tags: readonly { readonly name: string; readonly text: string }[];
}

/** By `file#name`, in the order of the index. */
function readFace(folder: string): Map<string, Entry> {
  const modules = new Map<string, Module>();
  const entries = new Map<string, Entry>();
  for (const statement of readModule(folder, 'index').source.statements) {
    if (!ts.isExportDeclaration(statement)) continue;
    const file = moduleName('index', statement.moduleSpecifier);
    if (file === undefined || statement.exportClause === undefined || !ts.isNamedExports(statement.exportClause))
      throw new Error('src/index.ts names each of its exports');
    const module = modules.get(file) ?? readModule(folder, file);
    modules.set(file, module);
    for (const { name, propertyName } of statement.exportClause.elements) {
      const statements = module.source.statements.filter((one) => declares(one, (propertyName ?? name).text));
      const [first] = statements;
      if (first === undefined) throw new Error(`${name.text} is not declared in ${file}.ts`);
      entries.set(`${file}#${name.text}`, { name: name.text, file, statements, doc: readDoc(first), module });
    }
  }
  return entries;
}

function readModule(folder: string, file: string): Module {
  const text = readFileSync(path.join(folder, `${file}.d.ts`), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const names = new Map<string, string>();
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      const from = moduleName(file, statement.moduleSpecifier);
      const bindings = statement.importClause?.namedBindings;
      if (from === undefined || bindings === undefined || !ts.isNamedImports(bindings)) continue;
      for (const { name, propertyName } of bindings.elements)
        names.set(name.text, `${from}#${(propertyName ?? name).text}`);
    } else for (const name of declared(statement)) names.set(name, `${file}#${name}`);
  }
  const [intro] = ts.getLeadingCommentRanges(text, 0) ?? [];
  const ownIntro = intro !== undefined && text.slice(intro.end).match(/^\s*(import|export \{)/);
  return { file, source, intro: ownIntro ? strip(text.slice(intro.pos, intro.end)).join(' ') : '', names };
}

/** The file below `src` that a relative import means; undefined for node's own modules. */
function moduleName(from: string, specifier: ts.Expression | undefined): string | undefined {
  if (specifier === undefined || !ts.isStringLiteral(specifier) || !specifier.text.startsWith('.')) return undefined;
  return path.posix.join(path.posix.dirname(from), specifier.text).replace(/\.js$/, '');
}

function declared(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const named =
    ts.isFunctionDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isClassDeclaration(statement);
  return named && statement.name ? [statement.name.text] : [];
}

const declares = (statement: ts.Statement, name: string): boolean => declared(statement).includes(name);

// ---- faults

function faultsOf(entry: Entry, entries: ReadonlyMap<string, Entry>): string[] {
  const faults = entry.doc.text === '' ? [`${entry.file}.ts: ${entry.name} has no docstring`] : [];
  for (const mentioned of mentions(entry))
    if (!entries.has(mentioned))
      faults.push(`${entry.file}.ts: ${entry.name} mentions ${mentioned}, which is not exported`);
  if (codeOf(entry).includes('import('))
    faults.push(`${entry.file}.ts: the type of ${entry.name} is inferred from another file; write it down`);
  return faults;
}

/** Our own types that the declaration of an export names, as `file#name`. */
function mentions({ name, file, statements, module }: Entry): Set<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const known = module.names.get((ts.isTypeReferenceNode(node) ? node.typeName : node.expression).getText());
      if (known !== undefined && known !== `${file}#${name}`) found.add(known);
    }
    ts.forEachChild(node, visit);
  };
  for (const statement of statements) visit(statement);
  return found;
}

/** The constants of the same file whose `typeof` an export is made from: without them nobody knows what it is. */
function constantsBehind({ name, statements, module }: Entry): ts.Statement[] {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isTypeQueryNode(node) && node.exprName.getText() !== name) found.add(node.exprName.getText());
    ts.forEachChild(node, visit);
  };
  for (const statement of statements) visit(statement);
  return module.source.statements.filter((one) => declared(one).some((constant) => found.has(constant)));
}

// ---- docstrings and declarations

function readDoc(statement: ts.Statement): Doc {
  const text = statement.getSourceFile().text;
  const comment = ts.getLeadingCommentRanges(text, statement.pos)?.at(-1);
  const raw = comment === undefined ? '' : text.slice(comment.pos, comment.end);
  const lines =
    raw.startsWith('/**') && !text.slice(comment?.end, statement.getStart()).includes('\n\n') ? strip(raw) : [];
  const first = lines.findIndex((line) => line.startsWith('@'));
  const tags: { name: string; text: string }[] = [];
  for (const line of first < 0 ? [] : lines.slice(first)) {
    const last = tags.at(-1);
    const [, name, rest = ''] = /^@(\w+)\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) tags.push({ name, text: rest });
    else if (last) last.text = `${last.text} ${line}`.trim();
  }
  return { text: (first < 0 ? lines : lines.slice(0, first)).join('\n').trim(), tags };
}

/** The lines of a comment without its frame. */
function strip(comment: string): string[] {
  return comment
    .replace(/^\/\*\*?/, '')
    .replace(/\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .filter((line, index, all) => line !== '' || (index > 0 && index < all.length - 1));
}

function codeOf(entry: Entry): string {
  return [...constantsBehind(entry), ...entry.statements]
    .map((statement) =>
      statement
        .getText()
        .replace(/^(export )?(declare )?/, '')
        // Four spaces are the compiler's own; the house has two.
        .replaceAll(/^(?: {4})+/gm, (indent) => ' '.repeat(indent.length / 2)),
    )
    .join('\n');
}

// ---- pages

const rooms: Readonly<Record<string, string>> = {
  message: 'Whole messages: the verbs',
  cms: 'Cryptographic Message Syntax without a message around it',
  keys: 'Keys behind two ports, and the algorithms',
  path: 'Certification paths',
  revocation: 'OCSP and CRLs: what they say of a certificate',
  online: 'Paths with what is fetched for them',
  pkcs12: 'PKCS#12 files',
  scep: 'SCEP: the one message that enrolment exchanges',
  x509: 'Certificates, names, extensions, requests, CRLs',
  mime: 'MIME, by offsets into the original octets',
  asn1: 'PEM and object identifiers',
  conduct: 'Errors, problems and budgets',
};

/** Files that stand in no room are about how the engine behaves. */
const roomOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : 'conduct');

function writePages(entries: readonly Entry[], readme: string): Map<string, string> {
  const byRoom = Map.groupBy(entries, ({ file }) => roomOf(file));
  const unknown = [...byRoom.keys()].filter((room) => !(room in rooms));
  if (unknown.length > 0) throw new Error(`publishing/reference.ts has no title for the room ${unknown.join(', ')}`);
  const pages = new Map([['README.md', indexPage(byRoom, readme)]]);
  for (const [room, title] of Object.entries(rooms)) {
    const own = byRoom.get(room);
    if (own) pages.set(`${room}.md`, roomPage(title, own, entries));
  }
  return pages;
}

const made = '<!-- Made from the docstrings by `npm run docs`. -->\n';

function indexPage(byRoom: ReadonlyMap<string, readonly Entry[]>, readme: string): string {
  const sections = Object.entries(rooms).flatMap(([room, title]) => {
    const own = byRoom.get(room);
    if (!own) return [];
    const rows = own
      .toSorted(functionsFirst)
      .map((entry) => `| [\`${entry.name}\`](${room}.md#${entry.name.toLowerCase()}) | ${firstSentence(entry.doc)} |`);
    return [`## [${title}](${room}.md)\n\n| | |\n| --- | --- |\n${rows.join('\n')}\n`];
  });
  return `${made}
# @chancery/smime: reference

Everything that the library exports. Octets are \`Uint8Array\`; times are UTC. How to begin, with ten examples: [README](${readme}).

${sections.join('\n')}`;
}

/** The docstring up to its first full stop, in one line, fit for a table. */
function firstSentence({ text }: Doc): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
  return /^.*?[^.\d]\.(?= [A-Z`]|$)/.exec(line)?.[0] ?? line;
}

function roomPage(title: string, own: readonly Entry[], all: readonly Entry[]): string {
  const files = Map.groupBy(own, ({ module }) => module);
  const sections = [...files].map(([module, entries]) => {
    const intro = module.intro === '' ? '' : `${module.intro}\n\n`;
    return `## ${module.file}\n\n${intro}${entries
      .toSorted(functionsFirst)
      .map((entry) => describe(entry, all))
      .join('\n')}`;
  });
  return `${made}\n# ${title}\n\n[All pages](README.md)\n\n${sections.join('\n')}`;
}

/** What can be done stands before what it is done with. */
const functionsFirst = (a: Entry, b: Entry): number => Number(isType(a)) - Number(isType(b));

const isType = ({ statements }: Entry): boolean =>
  statements.every((one) => ts.isInterfaceDeclaration(one) || ts.isTypeAliasDeclaration(one));

function describe(entry: Entry, all: readonly Entry[]): string {
  const tags = entry.doc.tags.map(({ name, text }) => {
    const [, parameter, rest] = /^(\w+)\s+(.*)$/.exec(text) ?? [];
    return name === 'param' && parameter !== undefined ? `- \`${parameter}\`: ${rest}` : `- ${name}: ${text}`;
  });
  const links = [...mentions(entry)]
    .map((key) => all.find(({ file, name }) => `${file}#${name}` === key))
    .filter((one) => one !== undefined)
    .map(({ name, file }) => `[\`${name}\`](${roomOf(file)}.md#${name.toLowerCase()})`);
  return [
    `### ${entry.name}\n`,
    `${entry.doc.text}\n`,
    ...(tags.length > 0 ? [`${tags.join('\n')}\n`] : []),
    `\`\`\`ts\n${codeOf(entry)}\n\`\`\`\n`,
    ...(links.length > 0 ? [`See ${links.join(', ')}.\n`] : []),
  ].join('\n');
}
