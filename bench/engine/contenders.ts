/** Builds or finds every contender of the machine, and names those that are missing. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Contender, type ContenderInput } from './contender.ts';

export interface Field {
  readonly contenders: readonly Contender[];
  /** A sentence for each that is missing. */
  readonly missing: readonly string[];
}

const here = fileURLToPath(new URL('.', import.meta.url));
/** Ignored by git: what is compiled or fetched for a run. */
const workshop = path.join(here, '..', '.peers');
const newerNode = '26.10.0';

/** @param folder that of the fixtures */
export function findContenders(folder: string): Field {
  mkdirSync(workshop, { recursive: true });
  const found: (ContenderInput | string)[] = [
    engineOn('chancery', process.execPath, folder),
    opensslWithinNode(folder),
    opensslOfSystem(folder),
    bouncyCastle(folder),
    inJavaScript('pkijs', 'PKI.js', 'pkijs', folder),
    inJavaScript('forge', 'node-forge', 'node-forge', folder),
    onNewerNode(folder),
    nodeAlone(folder),
  ];
  return {
    contenders: found.filter((one) => typeof one !== 'string').map((one) => new Contender(one)),
    missing: found.filter((one) => typeof one === 'string'),
  };
}

function engineOn(id: string, node: string, folder: string): ContenderInput {
  const version = run(node, ['--version']).text.trim();
  return {
    id,
    name: `Chancery (Node ${version.slice(1)})`,
    command: [node, path.join(here, 'chancery.ts'), folder],
    // A process that serves mail runs for days: what is timed is the code as V8 compiles it in the end.
    warmUp: 4_000,
  };
}

/** The engine on a later Node, fetched once: not a dependency of the project, which runs on 24. */
function onNewerNode(folder: string): ContenderInput | string {
  const name = `node-linux-${process.arch}`;
  const node = path.join(workshop, 'node_modules', name, 'bin', 'node');
  if (!existsSync(node))
    run('npm', ['install', '--prefix', workshop, '--no-save', '--ignore-scripts', `${name}@${newerNode}`]);
  if (!existsSync(node)) return `Node ${newerNode}: ${name}@${newerNode} could not be installed by npm`;
  return engineOn('chancery-newer', node, folder);
}

/** The calls into node:crypto by themselves: no contender, but the limit of one. It is asked for by name. */
function nodeAlone(folder: string): ContenderInput {
  return {
    id: 'floor',
    name: 'its calls into node:crypto alone',
    command: [process.execPath, path.join(here, 'floor.ts'), folder],
    warmUp: 1_000,
  };
}

const source = path.join(here, 'peers', 'openssl.c');

/** The libcrypto of the system, as a C program links it. */
function opensslOfSystem(folder: string): ContenderInput | string {
  const program = path.join(workshop, 'openssl');
  const built = run('cc', ['-O2', '-o', program, source, '-lcrypto']);
  if (!built.well) return `OpenSSL of the system: cc and libssl-dev are needed (apt-get install gcc libssl-dev)`;
  return { id: 'openssl', name: systemOpenssl(program), command: [program, folder], warmUp: 100 };
}

/** The same C, calling the very libcrypto that the engine calls: the one within Node, whose symbols are exported. */
function opensslWithinNode(folder: string): ContenderInput | string {
  const library = path.join(workshop, 'openssl-within-node.so');
  const built = run('cc', ['-O2', '-shared', '-fPIC', '-DWITHIN_NODE', '-o', library, source]);
  if (!built.well) return 'OpenSSL within Node: cc and libssl-dev are needed (apt-get install gcc libssl-dev)';
  return {
    id: 'openssl-node',
    name: `OpenSSL ${process.versions.openssl} (in C, that of Node)`,
    command: [process.execPath, '-e', `process.dlopen({ exports: {} }, ${JSON.stringify(library)})`],
    environment: { BENCH_FIXTURES: folder },
    warmUp: 100,
  };
}

function systemOpenssl(program: string): string {
  const library = /libcrypto\.so\S* => (\S+)/.exec(run('ldd', [program]).text)?.[1] ?? '';
  const version = existsSync(library) ? /OpenSSL (3\.[0-9.]+)/.exec(readFileSync(library, 'latin1'))?.[1] : undefined;
  return `OpenSSL ${version ?? '3'} (in C, that of the system)`;
}

function bouncyCastle(folder: string): ContenderInput | string {
  const jars = ['bcprov', 'bcpkix', 'bcutil'].map((name) => `/usr/share/java/${name}.jar`);
  const classes = path.join(workshop, 'java');
  const classPath = [classes, ...jars].join(':');
  const missing = 'Bouncy Castle: a JDK and its jars are needed (apt-get install default-jdk-headless libbcpkix-java)';
  if (!jars.every((jar) => existsSync(jar))) return missing;
  if (!run('javac', ['-d', classes, '-cp', classPath, path.join(here, 'peers', 'BouncyCastle.java')]).well)
    return missing;
  const version = /-([0-9.]+)\.jar$/.exec(realpathSync(jars[0] as string))?.[1] ?? '';
  const java = /version "([^"]+)"/.exec(run('java', ['-version']).text)?.[1] ?? '';
  return {
    id: 'bouncy-castle',
    name: `Bouncy Castle ${version} (Java ${java})`,
    command: ['java', '-Xmx4g', '-cp', classPath, 'BouncyCastle', folder],
    warmUp: 2_500,
  };
}

function inJavaScript(id: string, name: string, packageName: string, folder: string): ContenderInput | string {
  try {
    const entry = fileURLToPath(import.meta.resolve(packageName));
    const root = entry.slice(0, entry.lastIndexOf(path.join('node_modules', packageName)));
    const manifest = path.join(root, 'node_modules', packageName, 'package.json');
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    return {
      id,
      name: `${name} ${version}`,
      command: [process.execPath, path.join(here, `${id}.ts`), folder],
      warmUp: 400,
    };
  } catch {
    return `${name}: the package ${packageName} is not installed (npm ci)`;
  }
}

function run(program: string, parameters: readonly string[]): { well: boolean; text: string } {
  const { status, stdout, stderr } = spawnSync(program, parameters, { encoding: 'utf8', maxBuffer: 16_777_216 });
  return { well: status === 0, text: `${stdout ?? ''}${stderr ?? ''}` };
}
