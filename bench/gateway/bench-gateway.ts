/** Messages per second and latency through the gateway, beside Postfix and an empty relay in the same run. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { encryptMessage, signMessage } from '@chancery/smime';
import { isPresent } from '../../interop/peers.ts';
import { submit } from '../../packages/gateway/test/support/client.ts';
import { startTestAuthority, type TestAuthority } from '../../packages/gateway/test/support/test-authority.ts';
import { makeCa, makeKeys } from '../../packages/gateway/test/support/test-ca.ts';
import { machine } from '../machine.ts';
import { type Contender, emptyRelay, gateway, postfix } from './contenders.ts';
import { openSink, type Sink, source } from './sink.ts';

interface GatewayInput {
  readonly quick: boolean;
  readonly only: string;
  readonly json: boolean;
}

interface Row {
  readonly name: string;
  readonly size: string;
  /** Messages per second; of each round. */
  readonly rates: number[];
  /** Milliseconds from the start of a message to its arrival at the sink, one at a time. */
  readonly latency?: { readonly median: number; readonly p95: number };
}

const sizes = { '10 KB': 10_000, '5 MB': 5_000_000 };
/** Connections at once. */
const sessions = 10;

export async function benchGateway(input: GatewayInput): Promise<void> {
  if (!isPresent('postfix')) throw new Error('The load comes from smtp-source: apt-get install postfix');
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-gateway-'));
  const sink = await openSink();
  const authority = await startTestAuthority();
  // Nobody reads it, and a stand-in authority looks through all of it for each entry.
  const forgetting = setInterval(() => authority.journal.splice(0), 200);
  // As smtp-source names its recipients when there are several.
  const people = Array.from({ length: 10 }, (_, n) => `${n === 0 ? '' : n + 1}r@example.com`);
  await authority.addPerson({ address: 'anna@example.com', encryption: 'p256' });
  for (const address of people) await authority.addPerson({ address, encryption: 'p256' });
  const load = loadavg()[0] ?? 0;
  const rows: Row[] = [];
  const memory: Record<string, number> = {};
  const never = { sign: 'never', encrypt: 'never' } as const;
  const plain = [{ name: 'plain', when: {}, do: never }];
  const sign = [{ name: 'sign', when: {}, do: { sign: 'must', encrypt: 'never' } as const }];
  const both = [{ name: 'both', when: {}, do: { sign: 'must', encrypt: 'must' } as const }];
  const outside = { sender: 'anna@example.com', recipients: ['out@partner.example'] };
  const toOne = { sender: 'anna@example.com', recipients: people.slice(0, 1) };
  const toTen = { sender: 'anna@example.com', recipients: people };

  const tasks: readonly { name: string; start: () => Promise<Contender>; envelope: Envelope; inbound?: true }[] = [
    { name: 'Postfix alone', start: () => postfix(sink.port, false), envelope: outside },
    { name: 'Postfix, content_filter straight back', start: () => postfix(sink.port, true), envelope: outside },
    { name: 'empty Node relay', start: () => emptyRelay(sink.port), envelope: outside },
    { name: 'gateway: pass through', start: () => ours(plain), envelope: outside },
    { name: 'gateway: sign, P-256', start: () => ours(sign), envelope: outside },
    { name: 'gateway: sign, RSA-2048', start: () => ours(sign, 'rsa-2048'), envelope: outside },
    { name: 'gateway: sign P-256 and encrypt to 1', start: () => ours(both), envelope: toOne },
    { name: 'gateway: sign P-256 and encrypt to 10', start: () => ours(both), envelope: toTen },
    { name: 'gateway: decrypt and verify', start: () => ours([]), envelope: toOne, inbound: true },
  ];
  const ours = (rule: Parameters<typeof gateway>[3], algorithm: 'p256' | 'rsa-2048' = 'p256') =>
    gateway(sink.port, authority, 'gateway', rule, algorithm);

  try {
    for (const { name, start, envelope, inbound } of tasks) {
      if (!name.includes(input.only)) continue;
      process.stderr.write(`${name} …\n`);
      const contender = await start();
      try {
        const port = inbound ? contender.inbound : contender.outbound;
        await ready(port, sink, inbound ? await protectedMail(authority, 2_000, 'first') : undefined, envelope);
        for (const [size, octets] of Object.entries(sizes)) {
          const count = countOf(octets, input.quick);
          const files = inbound ? await protectedFiles(authority, folder, octets) : undefined;
          const rates: number[] = [];
          for (let round = 0; round < (input.quick ? 1 : 3); round++) {
            rates.push(await throughput(port, sink, envelope, octets, count, files));
          }
          const times = octets > 1e6 ? (input.quick ? 5 : 20) : input.quick ? 30 : 100;
          rows.push({
            name,
            size,
            rates,
            latency: await latency(port, sink, envelope, octets, times, inbound ? authority : undefined),
          });
          process.stderr.write(`  ${size}: ${Math.round(median(rates))} a second\n`);
        }
        const before = contender.peakMemory();
        if (before !== undefined && !inbound) {
          await latency(port, sink, envelope, 60_000_000, 1, undefined);
          memory[name] = contender.peakMemory() ?? 0;
        }
      } finally {
        await contender.stop();
      }
    }
  } finally {
    clearInterval(forgetting);
    await authority.stop();
    await sink.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const report = { date: new Date().toISOString(), machine: machine(), load, sessions, rows, memory };
  console.log(input.json ? JSON.stringify(report, undefined, 2) : format(report));
}

interface Envelope {
  readonly sender: string;
  readonly recipients: readonly string[];
}

function countOf(octets: number, quick: boolean): number {
  if (octets > 1e6) return quick ? 10 : 60;
  return quick ? 300 : 2_000;
}

/** All that smtp-source hands in, until the sink has it. */
async function throughput(
  port: number,
  sink: Sink,
  { sender, recipients }: Envelope,
  octets: number,
  count: number,
  files: readonly string[] | undefined,
): Promise<number> {
  const began = performance.now();
  const all = sink.took(count);
  const [first = ''] = recipients;
  const to = recipients.length === 1 ? ['-t', first] : ['-t', 'r@example.com', '-r', String(recipients.length)];
  if (files === undefined) {
    await source(port, ['-s', String(sessions), '-m', String(count), '-l', String(octets), '-f', sender, ...to]);
  } else {
    const each = Math.ceil(count / files.length);
    await Promise.all(
      files.map((file, n) =>
        source(port, [
          '-s',
          '1',
          '-m',
          String(Math.min(each, count - n * each)),
          '-F',
          file,
          '-f',
          'bob@partner.example',
          ...to,
        ]),
      ),
    );
  }
  await all;
  return (count / (performance.now() - began)) * 1000;
}

async function latency(
  port: number,
  sink: Sink,
  envelope: Envelope,
  octets: number,
  times: number,
  authority: TestAuthority | undefined,
): Promise<{ median: number; p95: number }> {
  const taken: number[] = [];
  for (let time = 0; time < times; time++) {
    const message = authority === undefined ? letter(octets) : await protectedMail(authority, octets, String(time));
    const sender = authority === undefined ? envelope.sender : 'bob@partner.example';
    const began = performance.now();
    const arrived = sink.took(1);
    const reply = await submit(port, { ...envelope, sender, message });
    if (reply === 'lost' || reply.code !== 250) throw new Error(`The message was not taken: ${JSON.stringify(reply)}`);
    await arrived;
    taken.push(performance.now() - began);
  }
  const sorted = taken.toSorted((a, b) => a - b);
  return { median: at(sorted, 0.5), p95: at(sorted, 0.95) };
}

/** Until it takes mail: a gateway has no keys in its first moments. */
async function ready(port: number, sink: Sink, message: Buffer | undefined, envelope: Envelope): Promise<void> {
  const sender = message === undefined ? envelope.sender : 'bob@partner.example';
  for (let attempt = 0; attempt < 200; attempt++) {
    const arrived = sink.took(1);
    const reply = await submit(port, { ...envelope, sender, message: message ?? letter(2_000) });
    if (reply !== 'lost' && reply.code === 250) {
      await arrived;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('It takes no mail');
}

function letter(octets: number): Buffer {
  const head = `From: anna@example.com\r\nTo: out@partner.example\r\nSubject: bench\r\nDate: ${new Date().toUTCString()}\r\nMessage-ID: <${randomBytes(8).toString('hex')}@example.com>\r\n\r\n`;
  const line = `${'x'.repeat(76)}\r\n`;
  return Buffer.from(head + line.repeat(Math.ceil(octets / line.length)));
}

let outsider: Awaited<ReturnType<typeof makeOutsider>> | undefined;

async function makeOutsider() {
  const ca = await makeCa('Partner');
  const keys = makeKeys();
  const certificate = await ca.issue({ spki: keys.spki, emails: ['bob@partner.example'], use: 'signing' });
  return { signer: keys.signer, certificate, chain: [ca.issuing] };
}

async function protectedMail(authority: TestAuthority, octets: number, name: string): Promise<Buffer> {
  outsider ??= await makeOutsider();
  const text = letter(octets * 0.7)
    .toString('latin1')
    .replace('anna@example.com', 'bob@partner.example')
    .replace('bench', name);
  const signed = await signMessage({ message: Buffer.from(text, 'latin1'), signers: [outsider] });
  const { certificate } = authority.encryptionKeyOf('r@example.com');
  return Buffer.from(await encryptMessage({ message: signed, recipients: [certificate] }));
}

async function protectedFiles(authority: TestAuthority, folder: string, octets: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: sessions }, async (_, n) => {
      const file = path.join(folder, `${octets}-${n}.eml`);
      writeFileSync(
        file,
        (await protectedMail(authority, octets, `file ${n}`)).toString('latin1').replaceAll('\r\n', '\n'),
        'latin1',
      );
      return file;
    }),
  );
}

function format({
  date,
  machine: on,
  load,
  rows,
  memory,
}: {
  date: string;
  machine: string;
  load: number;
  rows: readonly Row[];
  memory: Readonly<Record<string, number>>;
}): string {
  return [
    `${date.slice(0, 10)}, ${on}, load ${load.toFixed(1)} at the start`,
    '',
    '| | size | messages a second | latency, median | p95 |',
    '| --- | --- | ---: | ---: | ---: |',
    ...rows.map(
      ({ name, size, rates, latency: l }) =>
        `| ${name} | ${size} | ${median(rates).toFixed(rates[0] !== undefined && rates[0] < 100 ? 1 : 0)} | ${l?.median.toFixed(1)} ms | ${l?.p95.toFixed(1)} ms |`,
    ),
    '',
    'Largest resident memory after a message of 60 MB:',
    '',
    '| | |',
    '| --- | ---: |',
    ...Object.entries(memory).map(([name, octets]) => `| ${name} | ${Math.round(octets / 1_048_576)} MB |`),
  ].join('\n');
}

const at = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
const median = (values: readonly number[]): number =>
  at(
    values.toSorted((a, b) => a - b),
    0.5,
  );
