/** OCSP answers per second, over sockets, against bare routes of Fastify in the same process and the same round. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { machine } from '../machine.ts';
import { load } from './load.ts';

interface OcspBenchInput {
  readonly quick: boolean;
  readonly json: boolean;
}

const CONNECTIONS = 64;

export async function benchOcsp({ quick, json }: OcspBenchInput): Promise<void> {
  const server = spawn(process.execPath, [path.join(import.meta.dirname, 'ocsp-server.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const { port, requests } = await firstLine(server);
    const rows = await measure(
      port,
      requests,
      quick ? { rounds: 3, milliseconds: 500 } : { rounds: 9, milliseconds: 2_000 },
    );
    const report = { date: new Date().toISOString(), machine: machine(), connections: CONNECTIONS, rows };
    console.log(json ? JSON.stringify(report, undefined, 2) : format(report));
  } finally {
    const gone = new Promise((resolve) => server.once('close', resolve));
    server.kill('SIGTERM');
    await gone;
  }
}

async function firstLine(server: ChildProcess): Promise<{ port: number; requests: string[] }> {
  if (server.stdout === null) throw new Error('The server has no output');
  for await (const line of createInterface({ input: server.stdout })) return JSON.parse(line);
  throw new Error('The server ended before it served');
}

interface Row {
  readonly name: string;
  /** Answers per second, round by round. */
  readonly rates: number[];
  /** Over the bare route of the same method, round by round. */
  readonly ratios: number[];
}

async function measure(
  port: number,
  requests: readonly string[],
  { rounds, milliseconds }: { rounds: number; milliseconds: number },
): Promise<Row[]> {
  const octets = requests.map((text) => Buffer.from(text, 'base64'));
  const contenders = [
    ['bare Fastify, POST', octets.map((body) => post('/bare', body)), undefined],
    ['OCSP, POST, kept answers', octets.map((body) => post('/ocsp', body)), 0],
    ['bare Fastify, GET', requests.map((text) => get(`/bare/${encodeURIComponent(text)}`)), undefined],
    ['OCSP, GET, kept answers', requests.map((text) => get(`/ocsp/${encodeURIComponent(text)}`)), 2],
    ['OCSP, POST, signed for each nonce', octets.map((body) => post('/ocsp', withNonce(body))), 0],
  ] as const;
  const rows: Row[] = contenders.map(([name]) => ({ name, rates: [], ratios: [] }));
  // Once for V8 to compile what is hot.
  for (const [, wire] of contenders) await load(port, wire, { connections: CONNECTIONS, milliseconds });
  for (let round = 0; round < rounds; round++) {
    const order = contenders.map((_, index) => index);
    for (const index of round % 2 === 0 ? order : order.toReversed()) {
      const [, wire] = contenders[index] as (typeof contenders)[number];
      const { answers, seconds } = await load(port, wire, { connections: CONNECTIONS, milliseconds });
      rows[index]?.rates.push(answers / seconds);
    }
    for (const [index, [, , bare]] of contenders.entries()) {
      const beside = bare === undefined ? undefined : rows[bare]?.rates[round];
      if (beside !== undefined) rows[index]?.ratios.push((rows[index]?.rates[round] ?? Number.NaN) / beside);
    }
  }
  return rows;
}

const post = (target: string, body: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(
      `POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\nContent-Length: ${body.length}\r\n\r\n`,
    ),
    body,
  ]);
const get = (target: string): Buffer => Buffer.from(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);

/** RFC 9654: the same request with a nonce of 16 octets, [2] { SEQUENCE { SEQUENCE { OID, OCTET STRING { OCTET STRING } } } }. */
function withNonce(request: Buffer): Buffer {
  const element = (tag: number, ...parts: Uint8Array[]): Buffer => {
    const content = Buffer.concat(parts);
    if (content.length > 127) throw new Error('a request of a benchmark is short');
    return Buffer.concat([Buffer.from([tag, content.length]), content]);
  };
  const id = Buffer.from('06092b0601050507300102', 'hex');
  const nonce = element(0x04, element(0x04, randomBytes(16)));
  const extensions = element(0xa2, element(0x30, element(0x30, id, nonce)));
  const list = request.subarray(4);
  return element(0x30, element(0x30, list, extensions));
}

function format(report: { date: string; machine: string; connections: number; rows: readonly Row[] }): string {
  const line = ({ name, rates, ratios }: Row) =>
    `| ${name} | ${Math.round(median(rates)).toLocaleString('en')} | ${ratios.length === 0 ? '–' : `**${median(ratios).toFixed(2)}**`} |`;
  return [
    `${report.date.slice(0, 10)}, ${report.machine}`,
    '',
    `Answers per second over ${report.connections} connections, medians of ${report.rows[0]?.rates.length ?? 0} rounds; client, server and PostgreSQL on this machine. The ratio is to the bare`,
    'route of the same method in the same round: above 0.5 is the aim. Kept answers are checked against the database before they go out.',
    '',
    '| | answers per second | ratio |',
    '| --- | ---: | ---: |',
    ...report.rows.map(line),
  ].join('\n');
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
