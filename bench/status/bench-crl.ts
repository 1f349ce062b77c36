/** A CRL of a million entries: the engine against libcrypto, each in a process of its own, turn and turn about; then the whole office. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { machine } from '../machine.ts';

interface CrlBenchInput {
  readonly quick: boolean;
  readonly json: boolean;
}

interface Sample {
  readonly wall: number;
  readonly cpu: number;
  /** Peak octets of the process. */
  readonly peak: number;
  readonly octets: number;
}

const here = import.meta.dirname;
const workshop = path.join(here, '..', '.peers');

export async function benchCrl({ quick, json }: CrlBenchInput): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-bench-'));
  const entries = quick ? 100_000 : 1_000_000;
  const rounds = quick ? 3 : 7;
  const serials = path.join(folder, 'serials');
  const octets = randomBytes(entries * 16);
  // Positive and of full length, as CAs make them.
  for (let at = 0; at < octets.length; at += 16) octets[at] = 0x40 | ((octets[at] as number) & 0x3f);
  writeFileSync(serials, octets);
  try {
    const peer = compile();
    const ours: Sample[] = [];
    const theirs: Sample[] = [];
    for (let round = 0; round < rounds; round++) {
      const own = () =>
        ours.push(run(process.execPath, [path.join(here, 'chancery-crl.ts'), String(entries), serials]));
      const other = () => peer !== undefined && theirs.push(run(peer, [String(entries), serials]));
      if (round % 2 === 0) {
        own();
        other();
      } else {
        other();
        own();
      }
    }
    const office = run(process.execPath, [path.join(here, 'office-crl.ts'), String(entries)]);
    const report = { date: new Date().toISOString(), machine: machine(), entries, ours, theirs, office };
    console.log(json ? JSON.stringify(report, undefined, 2) : format(report));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compile(): string | undefined {
  mkdirSync(workshop, { recursive: true });
  const program = path.join(workshop, 'openssl-crl');
  const { status } = spawnSync('cc', ['-O2', '-o', program, path.join(here, 'openssl-crl.c'), '-lcrypto']);
  return status === 0 ? program : undefined;
}

function run(program: string, parameters: readonly string[]): Sample {
  const { status, stdout, stderr } = spawnSync(program, parameters, { encoding: 'utf8' });
  const figures = stdout.trim().split(' ').map(Number);
  const [wall, cpu, kilobytes, octets] = figures;
  if (status !== 0 || wall === undefined || cpu === undefined || kilobytes === undefined || octets === undefined)
    throw new Error(`${program} ended with ${status}: ${stderr}`);
  return { wall, cpu, peak: kilobytes * 1_024, octets };
}

function format(report: {
  date: string;
  machine: string;
  entries: number;
  ours: readonly Sample[];
  theirs: readonly Sample[];
  office: Sample;
}): string {
  const { ours, theirs, office } = report;
  const row = (name: string, samples: readonly Sample[]) => {
    const of = (pick: (sample: Sample, round: number) => number) => median(samples.map(pick));
    const ratio = (pick: (sample: Sample) => number) =>
      theirs.length === 0 || samples === theirs
        ? '–'
        : of((sample, round) => pick(sample) / pick(theirs[round % theirs.length] as Sample)).toFixed(2);
    return `| ${name} | ${seconds(of(({ wall }) => wall))} | ${ratio(({ wall }) => wall)} | ${seconds(of(({ cpu }) => cpu))} | ${ratio(({ cpu }) => cpu)} | ${megabytes(of(({ peak }) => peak))} | ${ratio(({ peak }) => peak)} | ${megabytes(of(({ octets }) => octets))} |`;
  };
  return [
    `${report.date.slice(0, 10)}, ${report.machine}`,
    '',
    `A CRL of ${report.entries.toLocaleString('en')} entries, built and signed with P-256: medians of ${ours.length} rounds; ratios to OpenSSL in C in the`,
    'same round, below 1 is the faster or the smaller. Memory is the peak of the process, the program itself and its input included.',
    '',
    '| | time | ratio | processor | ratio | memory | ratio | list |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    row('Chancery, the engine', ours),
    ...(theirs.length > 0 ? [row('OpenSSL in C (that of the system)', theirs)] : []),
    row('Chancery, the office: from PostgreSQL to PostgreSQL, verified, with its audit record', [office]),
    ...(theirs.length === 0
      ? ['', 'Missing: OpenSSL: cc and libssl-dev are needed (apt-get install gcc libssl-dev).']
      : []),
  ].join('\n');
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
const megabytes = (octets: number): string => `${Math.round(octets / 1_048_576)} MB`;
