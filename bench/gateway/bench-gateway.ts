/** Messages per second and latency through the gateway, beside Postfix and an empty relay in the same run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { isPresent } from '../../interop/peers.ts';
import { submit } from '../../packages/gateway/test/support/client.ts';
import { startTestAuthority } from '../../packages/gateway/test/support/test-authority.ts';
import { machine } from '../machine.ts';
import { type Contender, emptyRelay, gateway, postfix } from './contenders.ts';
import { filesOf, letter, letterWithFiles, type MakeMail, outsideLetter, protectedMail } from './letters.ts';
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
  /** Milliseconds of processor time of each message, where it is one process. */
  readonly cpu?: number;
  /** Milliseconds from the start of a message to its arrival at the sink, one at a time. */
  readonly latency?: { readonly median: number; readonly p95: number };
}

interface Task {
  readonly name: string;
  readonly start: () => Promise<Contender>;
  readonly envelope: Envelope;
  /** In the place of plain text. */
  readonly mail?: MakeMail;
  /** It comes from outside. */
  readonly inbound?: true;
  /** What 60 MB take of it is all that is asked. */
  readonly memoryOnly?: true;
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
  /** What a message of 60 MB costs: the most resident memory while it goes through, beyond that before it. */
  const memory: Record<string, { before: number; cost: number }> = {};
  const never = { sign: 'never', encrypt: 'never' } as const;
  const plain = [{ name: 'plain', when: {}, do: never }];
  const sign = [{ name: 'sign', when: {}, do: { sign: 'must', encrypt: 'never' } as const }];
  const both = [{ name: 'both', when: {}, do: { sign: 'must', encrypt: 'must' } as const }];
  const outside = { sender: 'anna@example.com', recipients: ['out@partner.example'] };
  const toOne = { sender: 'anna@example.com', recipients: people.slice(0, 1) };
  const fromOutside = { sender: 'bob@partner.example', recipients: people.slice(0, 1) };
  const toTen = { sender: 'anna@example.com', recipients: people };

  const vouched = protectedMail(authority, true);
  const strange = protectedMail(authority, false);
  const rule = (what: string, actions: NonNullable<Rules[number]['do']>, when: Rules[number]['when'] = {}): Rules => [
    { name: what, when, do: actions },
  ];
  const tasks: readonly Task[] = [
    { name: 'Postfix alone', start: () => postfix(sink.port, false), envelope: outside },
    { name: 'Postfix, content_filter straight back', start: () => postfix(sink.port, true), envelope: outside },
    { name: 'empty Node relay', start: () => emptyRelay(sink.port), envelope: outside },
    { name: 'gateway: pass through', start: () => ours(plain), envelope: outside },
    { name: 'gateway: sign, P-256', start: () => ours(sign), envelope: outside },
    { name: 'gateway: sign, RSA-2048', start: () => ours(sign, 'rsa-2048'), envelope: outside },
    { name: 'gateway: sign P-256 and encrypt to 1', start: () => ours(both), envelope: toOne },
    {
      name: 'gateway: sign P-256 and encrypt to 10',
      start: () => ours(both),
      envelope: toTen,
      // smtp-source names the first recipient alone, and the others would each get a copy of their own.
      mail: async (octets) => letter(octets, people),
    },
    {
      name: 'gateway: decrypt and verify',
      start: () => ours([]),
      envelope: fromOutside,
      mail: vouched,
      inbound: true,
    },
    {
      name: 'gateway: decrypt what nobody vouches for',
      start: () => ours([]),
      envelope: fromOutside,
      mail: strange,
      inbound: true,
    },
    {
      name: 'gateway: write a banner',
      start: () => ours(rule('banner', { banner: 'signals' })),
      envelope: fromOutside,
      mail: outsideLetter,
      inbound: true,
      memoryOnly: true,
    },
    {
      name: 'gateway: write a disclaimer',
      start: () => ours(rule('note', { ...never, disclaimer: { text: 'Ours alone – nobody else’s.' } })),
      envelope: outside,
      memoryOnly: true,
    },
    {
      name: 'gateway: take a file out',
      start: () => ours(rule('strip', { ...never, removeAttachments: ['*.exe'] })),
      envelope: outside,
      mail: letterWithFiles,
      memoryOnly: true,
    },
    {
      name: 'gateway: decrypt, and encrypt again to the reader',
      start: () => ours(rule('at rest', { reencrypt: 'opened' })),
      envelope: fromOutside,
      mail: vouched,
      inbound: true,
      memoryOnly: true,
    },
    {
      name: 'gateway: hold, and let go',
      start: () => ours(rule('hold', { hold: { reason: 'to look at', hours: 1 } }, { largerThan: 1_000_000 })),
      envelope: fromOutside,
      mail: outsideLetter,
      inbound: true,
      memoryOnly: true,
    },
  ];
  const ours = (rules: Rules, algorithm: 'p256' | 'rsa-2048' = 'p256') =>
    gateway(sink.port, authority, 'gateway', rules, algorithm);

  const running = new Set<Contender>();

  /** Started, and warm. */
  async function open(task: Task): Promise<Contender> {
    const started = await task.start();
    const contender = {
      ...started,
      async stop() {
        running.delete(contender);
        await started.stop();
      },
    };
    running.add(contender);
    const port = portOf(task, contender);
    await ready(port, sink, await maker(task)(2_000, 'first'), task.envelope);
    await throughput(port, sink, task.envelope, 10_000, few, await handedIn(task, 10_000));
    return contender;
  }

  const handedIn = async ({ mail }: Task, octets: number) => mail && filesOf(mail, folder, octets, sessions);

  /** Round by round in turn, so that what else the machine does falls on all alike. */
  async function race(
    runners: readonly { task: Task; contender: Contender }[],
    size: string,
    octets: number,
  ): Promise<Row[]> {
    const count = octets > 1e6 ? (input.quick ? 10 : 30) : few;
    const times = octets > 1e6 ? (input.quick ? 5 : 20) : input.quick ? 30 : 100;
    const entries = await Promise.all(
      runners.map(async (runner) => ({
        ...runner,
        files: await handedIn(runner.task, octets),
        rates: [] as number[],
        spent: 0,
      })),
    );
    for (let round = 0; round < (input.quick ? 1 : 5); round++) {
      process.stderr.write(`${size}, round ${round + 1} …\n`);
      for (const entry of entries) {
        const { task, contender, files, rates } = entry;
        const began = contender.process?.cpu() ?? 0;
        rates.push(await throughput(portOf(task, contender), sink, task.envelope, octets, count, files));
        entry.spent += (contender.process?.cpu() ?? 0) - began;
      }
    }
    const measured: Row[] = [];
    for (const { task, contender, rates, spent } of entries) {
      measured.push({
        name: task.name,
        size,
        rates,
        ...(contender.process === undefined ? {} : { cpu: spent / (count * rates.length) }),
        latency: await latency(portOf(task, contender), sink, task.envelope, octets, times, maker(task)),
      });
    }
    return measured;
  }

  const chosen = tasks.filter(({ name }) => name.includes(input.only));
  const few = input.quick ? 300 : 2_000;

  try {
    for (const task of chosen) {
      process.stderr.write(`${task.name}: memory …\n`);
      const contender = await open(task);
      if (contender.process !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        const before = contender.process.memory().now;
        contender.process.forgetPeak();
        await latency(portOf(task, contender), sink, task.envelope, 60_000_000, 1, maker(task), contender.letGo);
        memory[task.name] = { before, cost: contender.process.memory().peak - before };
      }
      await contender.stop();
    }
    const fast = chosen.filter(({ memoryOnly }) => memoryOnly !== true);
    const runners: { task: Task; contender: Contender }[] = [];
    for (const task of fast) runners.push({ task, contender: await open(task) });
    for (const [size, octets] of Object.entries(sizes)) rows.push(...(await race(runners, size, octets)));
    for (const { contender } of runners) await contender.stop();
  } finally {
    for (const contender of running) await contender.stop();
    clearInterval(forgetting);
    await authority.stop();
    await sink.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const aims = judge(rows, memory);
  const report = { date: new Date().toISOString(), machine: machine(), load, sessions, rows, memory, aims };
  console.log(input.json ? JSON.stringify(report, undefined, 2) : format(report));
}

type Rules = NonNullable<Parameters<typeof gateway>[3]>;

interface Envelope {
  readonly sender: string;
  readonly recipients: readonly string[];
}

const portOf = ({ inbound }: Task, contender: Contender) => (inbound ? contender.inbound : contender.outbound);

function maker({ mail, envelope }: Task): MakeMail {
  return mail ?? (async (octets) => letter(octets, envelope.recipients));
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
        source(port, ['-s', '1', '-m', String(Math.min(each, count - n * each)), '-F', file, '-f', sender, ...to]),
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
  make: MakeMail,
  letGo?: () => Promise<void>,
): Promise<{ median: number; p95: number }> {
  const taken: number[] = [];
  for (let time = 0; time < times; time++) {
    const message = await make(octets, String(time));
    const began = performance.now();
    const arrived = sink.took(1);
    const reply = await submit(port, { ...envelope, message });
    if (reply === 'lost' || reply.code !== 250) throw new Error(`The message was not taken: ${JSON.stringify(reply)}`);
    await letGo?.();
    await arrived;
    taken.push(performance.now() - began);
  }
  const sorted = taken.toSorted((a, b) => a - b);
  return { median: at(sorted, 0.5), p95: at(sorted, 0.95) };
}

/** Until it takes mail: a gateway has no keys in its first moments. */
async function ready(port: number, sink: Sink, message: Buffer, envelope: Envelope): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const arrived = sink.took(1);
    const reply = await submit(port, { ...envelope, message });
    if (reply !== 'lost' && reply.code === 250) {
      await arrived;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('It takes no mail');
}

/** What was aimed at, and whether this run shows it; nothing where a row is missing. */
function judge(rows: readonly Row[], memory: Readonly<Record<string, { cost: number }>>): string[] {
  const rates = (name: string) => rows.find((row) => row.name === name && row.size === '10 KB')?.rates;
  const compared = (what: string, one: string, other: string, least: number) => {
    const [ours, theirs] = [rates(one), rates(other)];
    if (ours === undefined || theirs === undefined) return [];
    // Of each round by itself: what else the machine did in it fell on both.
    const ratios = ours.map((rate, round) => rate / (theirs[round] ?? rate)).toSorted((a, b) => a - b);
    const ratio = median(ratios);
    const span = `${ratios[0]?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)}`;
    return [`${ratio >= least ? 'MET' : 'NOT MET'}: ${what}: ${ratio.toFixed(2)} times as many at 10 KB (${span})`];
  };
  const costs = Object.entries(memory).filter(([name]) => name.startsWith('gateway'));
  const most = Math.max(...costs.map(([, { cost }]) => megabytes(cost)));
  return [
    ...compared(
      "sign and encrypt with P-256, beside Postfix's own pass-through by content_filter, aimed at 1.00",
      'gateway: sign P-256 and encrypt to 1',
      'Postfix, content_filter straight back',
      1,
    ),
    ...compared(
      'pass through, beside the empty relay, aimed at 0.90',
      'gateway: pass through',
      'empty Node relay',
      0.9,
    ),
    ...(costs.length === 0
      ? []
      : [`${most < 100 ? 'MET' : 'NOT MET'}: a message of 60 MB costs tens of megabytes: ${most} MB at most`]),
  ];
}

const megabytes = (octets: number) => Math.round(octets / 1_048_576);

function format({
  date,
  machine: on,
  load,
  rows,
  memory,
  aims,
}: {
  date: string;
  machine: string;
  load: number;
  rows: readonly Row[];
  memory: Readonly<Record<string, { before: number; cost: number }>>;
  aims: readonly string[];
}): string {
  return [
    `${date.slice(0, 10)}, ${on}, load ${load.toFixed(1)} at the start`,
    '',
    ...(rows.length === 0 ? [] : [...tableOf(rows), '']),
    'Resident memory: before a message of 60 MB, and what it costs beyond that:',
    '',
    '| | before | cost |',
    '| --- | ---: | ---: |',
    ...Object.entries(memory).map(
      ([name, { before, cost }]) => `| ${name} | ${megabytes(before)} MB | ${megabytes(cost)} MB |`,
    ),
    '',
    ...aims,
  ].join('\n');
}

function tableOf(rows: readonly Row[]): string[] {
  return [
    '| | size | messages a second | processor time each | latency, median | p95 |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...rows.map(
      ({ name, size, rates, cpu, latency: l }) =>
        `| ${name} | ${size} | ${median(rates).toFixed(rates[0] !== undefined && rates[0] < 100 ? 1 : 0)} | ${cpu === undefined ? '–' : `${cpu.toFixed(2)} ms`} | ${l?.median.toFixed(1)} ms | ${l?.p95.toFixed(1)} ms |`,
    ),
  ];
}

const at = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
const median = (values: readonly number[]): number =>
  at(
    values.toSorted((a, b) => a - b),
    0.5,
  );
