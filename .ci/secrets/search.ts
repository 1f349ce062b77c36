/**
 * Looks for secrets after the suites: in what they printed, in Chancery's logs, errors and arguments, and in the temporary files
 * that are left. The secrets are those that `watch.js` noted, and every private key that stands there as such. One is planted in
 * each kind of place first, so that a search which finds nothing would be found out.
 */
import { spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow, type Place } from '../../e2e/support/find-secrets.ts';
import { SecretIndex } from './secret-index.ts';

/** Of what is planted. */
const PASSPHRASE = `planted, and ${process.pid} is the number of it`;
const folder = process.env.CHANCERY_WATCH;
if (folder === undefined) throw new Error('CHANCERY_WATCH names the folder that the suites were watched into');
const problem = search(folder);
if (problem !== undefined) {
  console.error(problem);
  process.exitCode = 1;
}

/** @returns what is wrong */
function search(watched: string): string | undefined {
  const began = performance.now();
  const noted = secretsIn(watched).length;
  if (noted === 0) return 'The suites used no secret at all: they were not watched.';
  const planted = plant(watched);
  const index = new SecretIndex(secretsIn(watched));
  let [places, octets] = [0, 0];
  const found = new Set<string>();
  for (const { name, content } of placesIn(watched)) {
    places += 1;
    octets += content.length;
    for (const what of index.findIn(content)) found.add(`${name}: ${what}`);
  }
  for (const name of planted) rmSync(path.join(watched, name));
  const missed = planted.filter((name) => ![...found].some((one) => one.startsWith(`${name}: `)));
  if (missed.length > 0) return `What was planted was not found, so nothing would have been: ${missed.join(', ')}`;
  const real = [...found].filter((one) => !planted.some((name) => one.startsWith(`${name}: `)));
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${noted} secrets in ${places} files (${(octets / 1e6).toFixed(1)} MB): ${real.length} found, and the ${planted.length} that were planted. ${seconds} s.`,
  );
  return real.length === 0 ? undefined : ['Secrets were left behind:', ...real.map((one) => `  ${one}`)].join('\n');
}

/** What each process noted, each once. */
function secretsIn(watched: string): Buffer[] {
  const lines = new Set<string>();
  for (const name of readdirSync(path.join(watched, 'secrets')))
    for (const line of readFileSync(path.join(watched, 'secrets', name), 'latin1').split('\n'))
      if (line !== '') lines.add(line);
  return [...lines].map((line) => Buffer.from(line, 'base64'));
}

function* placesIn(watched: string): Generator<Place> {
  for (const kind of ['output', 'logs', 'arguments', 'tmp']) {
    // The set-up link is printed for whoever starts the office: that is the one place for it. What Node compiled is program text.
    for (const { name, content } of filesBelow(path.join(watched, kind), (file) =>
      file.startsWith('node-compile-cache'),
    ))
      yield { name: path.join(kind, name), content: kind === 'logs' ? withoutSetupLinks(content) : content };
  }
}

function withoutSetupLinks(log: Buffer): Buffer {
  return Buffer.from(log.toString('latin1').replaceAll(/\/setup#[\w-]+/g, ''), 'latin1');
}

/** @returns the files, from there */
function plant(watched: string): string[] {
  const watch = fileURLToPath(new URL('watch.js', import.meta.url));
  // By ordinary means, as a test would: the process that makes it notes it, and nothing else does.
  const made = spawnSync(
    process.execPath,
    [
      `--import=${watch}`,
      '--eval',
      `const { generateKeyPairSync, scryptSync } = require('node:crypto');
       const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
       scryptSync('${PASSPHRASE}', 'salt', 16, { N: 2 });
       console.log(privateKey.export({ format: 'pem', type: 'pkcs8' }));`,
    ],
    { encoding: 'utf8', env: { ...process.env, CHANCERY_WATCH: watched } },
  );
  if (made.status !== 0) throw new Error(`Nothing could be planted: ${made.stderr}`);
  const key = createPrivateKey(made.stdout);
  const number = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  // Nobody noted this one: it is found by what it is.
  const unnoted = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
  const files: Record<string, string | Buffer> = {
    'output/planted': `✓ a test\nkey ${number.toString('hex')}\n`,
    'logs/planted': JSON.stringify({ event: 'x', key: made.stdout }),
    'arguments/planted': `node\0chancery.js\0--passphrase\0${PASSPHRASE}\n`,
    'tmp/planted/wrapped': `x${Buffer.concat([randomBytes(2), number])
      .toString('base64')
      .replaceAll(/.{19}/g, '$&\r\n')}`,
    'tmp/planted/url': `https://example.com/?p=${encodeURIComponent(PASSPHRASE)}`,
    'tmp/planted/unnoted': `"${unnoted.toString('base64')}"`,
    'tmp/planted/octets': Buffer.concat([randomBytes(100), unnoted]),
  };
  mkdirSync(path.join(watched, 'tmp/planted'), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(watched, name), content);
  return Object.keys(files);
}
