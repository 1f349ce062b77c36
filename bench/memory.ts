/** `npm run bench -- memory`: messages of 1 GB and 100 MB through the command line, a process each, beside `openssl cms` in the same run. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface MemoryOptions {
  /** Octets of the message, as `100M,1G`. */
  readonly sizes?: string | undefined;
  readonly json: boolean;
}

interface Measured {
  /** Largest resident memory, MB (10^6 octets). */
  readonly peak: number;
  readonly seconds: number;
  /** Of the processor, in user and system mode. */
  readonly processor: number;
}

interface Row {
  readonly size: string;
  readonly task: string;
  readonly ours: Measured;
  readonly openssl: Measured | undefined;
}

const chancery = fileURLToPath(new URL('../packages/cli/bin/chancery.js', import.meta.url));

export async function benchMemory({ sizes = '100M,1G', json }: MemoryOptions): Promise<void> {
  if (process.platform !== 'linux')
    throw new Error('The largest memory of a process is read from /proc, which Linux has.');
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-memory-'));
  try {
    const rows: Row[] = [];
    const peer = opensslVersion();
    const people = peer === undefined ? undefined : makePeople(folder);
    if (people === undefined) throw new Error('openssl is missing: it makes the keys of this benchmark.');
    for (const size of sizes.split(',')) {
      for (const task of tasks(folder, people)) {
        const message = path.join(folder, 'message.eml');
        if (task.name.startsWith('sign, clear')) writeMessage(message, octetsOf(size));
        const ours = await measure(process.execPath, [chancery, 'smime', ...task.ours]);
        const openssl = task.openssl && (await measure('openssl', ['cms', ...task.openssl]));
        rows.push({ size, task: task.name, ours, openssl });
        if (!json)
          process.stderr.write(`${size} ${task.name}: ${Math.round(ours.peak)} MB, ${ours.seconds.toFixed(1)} s\n`);
      }
    }
    console.log(json ? JSON.stringify({ peer, node: process.version, rows }, null, 2) : table(rows, peer ?? ''));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Task {
  readonly name: string;
  readonly ours: readonly string[];
  /** On the file that we made: both read the same octets. */
  readonly openssl: readonly string[] | undefined;
}

interface People {
  readonly root: string;
  readonly key: string;
  readonly certificate: string;
}

function tasks(folder: string, { root, key, certificate }: People): Task[] {
  const at = (name: string): string => path.join(folder, name);
  const out = ['-out', '/dev/null'];
  const sign = (form: string): Task => ({
    name: `sign, ${form}`,
    ours: ['sign', at('message.eml'), '--key', key, '--cert', certificate, '--form', form, '--out', at(form)],
    openssl: [
      ...['-sign', '-stream', ...(form === 'opaque' ? ['-nodetach'] : []), '-in', at('message.eml')],
      ...['-signer', certificate, '-inkey', key, ...out],
    ],
  });
  const verify = (form: string): Task => ({
    name: `verify, ${form}`,
    ours: ['verify', at(form), '--trust', root],
    openssl: ['-verify', '-in', at(form), '-CAfile', root, ...out],
  });
  const encrypt = (cipher: string): Task => ({
    name: `encrypt, ${cipher}`,
    ours: ['encrypt', at('clear'), '--to', certificate, '--cipher', cipher, '--out', at(cipher)],
    openssl: ['-encrypt', '-stream', `-${cipher}`, '-in', at('clear'), ...out, certificate],
  });
  const decrypt = (cipher: string): Task => ({
    name: `decrypt, ${cipher}`,
    ours: ['decrypt', at(cipher), '--key', key, '--cert', certificate, '--out', at('opened')],
    openssl: ['-decrypt', '-in', at(cipher), '-inkey', key, '-recip', certificate, ...out],
  });
  return [
    sign('clear'),
    verify('clear'),
    sign('opaque'),
    verify('opaque'),
    ...['aes-256-cbc', 'aes-256-gcm'].flatMap((cipher) => [encrypt(cipher), decrypt(cipher)]),
    {
      name: 'verify, signed in encrypted (GCM)',
      ours: ['verify', at('aes-256-gcm'), '--trust', root, '--key', key, '--cert', certificate],
      openssl: undefined,
    },
  ];
}

/** Runs a program to its end, and looks at its memory while it runs. */
function measure(program: string, args: readonly string[]): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (piece: Buffer) => {
      said += piece.toString('utf8');
    });
    let peak = 0;
    let processor = 0;
    // The kernel keeps the high-water mark: only what happens after the last look is missed.
    const look = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'latin1');
        peak = Math.max(peak, (Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024) / 1e6);
        const fields = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
          .replace(/^.*\) /, '')
          .split(' ');
        processor = Math.max(processor, (Number(fields[11]) + Number(fields[12])) / 100);
      } catch {
        // It has ended.
      }
    }, 10);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(look);
      if (code === 0) resolve({ peak, processor, seconds: (performance.now() - began) / 1000 });
      else reject(new Error(`${program} ${args[0]} ${args[1]} ended with ${code}: ${said.slice(0, 500)}`));
    });
  });
}

function opensslVersion(): string | undefined {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

/** A root, and somebody on RSA-2048 who signs and decrypts. */
function makePeople(folder: string): People {
  const at = (name: string): string => path.join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' });
  openssl(
    ...'req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=Root -keyout'.split(' '),
    at('root.key'),
    '-out',
    at('root.pem'),
  );
  openssl(
    ...'req -newkey rsa:2048 -nodes -subj /CN=Alice -keyout'.split(' '),
    at('alice.key'),
    '-out',
    at('alice.csr'),
  );
  writeFileSync(
    at('alice.ext'),
    'subjectAltName=email:alice@example.org\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=emailProtection\nbasicConstraints=CA:FALSE\n',
  );
  const from = ['-CA', at('root.pem'), '-CAkey', at('root.key'), '-extfile', at('alice.ext')];
  openssl('x509', '-req', '-days', '20', '-in', at('alice.csr'), ...from, '-out', at('alice.pem'));
  return { root: at('root.pem'), key: at('alice.key'), certificate: at('alice.pem') };
}

/** A mail with one attachment in base64, of so many octets in all. */
function writeMessage(file: string, octets: number): void {
  const opened = openSync(file, 'w');
  writeSync(
    opened,
    'From: Alice <alice@example.org>\r\nTo: alice@example.org\r\nSubject: Large\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n',
  );
  const lines = Buffer.from(`${'QmVuY2htYXJr'.repeat(6)}QmVu\r\n`.repeat(10_000));
  for (let left = octets; left > 0; left -= lines.length) writeSync(opened, lines, 0, Math.min(left, lines.length));
  closeSync(opened);
  if (statSync(file).size < octets) throw new Error('the disk is full');
}

function octetsOf(size: string): number {
  const [, number, unit] = /^(\d+)([MG])$/.exec(size) ?? [];
  if (number === undefined) throw new Error(`${size} is no size: give 100M or 1G.`);
  return Number(number) * (unit === 'G' ? 1e9 : 1e6);
}

function table(rows: readonly Row[], peer: string): string {
  const figures = ({ peak, seconds, processor }: Measured): string =>
    `${Math.round(peak)} MB | ${seconds.toFixed(1)} s (${processor.toFixed(1)})`;
  return [
    `Node ${process.version}, ${peer}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}; a process each; time on the clock (of the processor)`,
    '',
    '| message | task | `chancery smime`, peak | time | `openssl cms`, peak | time | memory | time |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(({ size, task, ours, openssl }) => {
      const theirs = openssl ? figures(openssl) : '– | –';
      const ratios = openssl
        ? `${(ours.peak / openssl.peak).toFixed(2)} | ${(ours.processor / openssl.processor).toFixed(2)}`
        : '– | –';
      return `| ${size} | ${task} | ${figures(ours)} | ${theirs} | ${ratios} |`;
    }),
  ].join('\n');
}
