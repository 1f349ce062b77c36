/** The engine against its peers: OpenSSL in C, Bouncy Castle, PKI.js, node-forge, and itself on a later Node. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { machine } from '../machine.ts';
import { compare, compareMemory, type Pace } from './compare.ts';
import { findContenders } from './contenders.ts';
import { Fixtures } from './fixtures.ts';
import { formatReport, type Report } from './report.ts';
import { type SizeName, sizes, taskName, tasksFor } from './task.ts';

export interface BenchInput {
  readonly quick: boolean;
  /** The usual keys at the pace of a figure to quote, within six minutes. */
  readonly moderate: boolean;
  /** As `10K,1M`; absent: all, and with `quick` the smallest. */
  readonly sizes?: string;
  readonly only: string;
  /** Identifiers of peers; absent: all. */
  readonly against?: string;
  readonly json: boolean;
}

export async function benchEngine(input: BenchInput): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-bench-'));
  const { contenders: all, missing } = findContenders(folder);
  const peers = input.against?.split(',');
  const unknown = peers?.find((peer) => !peerNames.includes(peer));
  if (unknown !== undefined) throw new Error(`there is no peer "${unknown}": ${peerNames.join(', ')}`);
  const contenders = all.filter(
    ({ id }, index) => index === 0 || (peers === undefined ? id !== 'floor' : peers.includes(id)),
  );
  const progress = (text: string): void => {
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  };
  try {
    const fixtures = await Fixtures.make(folder);
    const tasks = tasksFor({ sizes: chosenSizes(input), quick: input.quick || input.moderate }).filter((task) =>
      taskName(task).includes(input.only),
    );
    const rows = await compare(tasks, contenders, fixtures, paceOf(input), progress);
    const memory = await compareMemory(
      tasks.filter(({ octets, key }) => octets === sizes['100 MB'] && key === 'rsa2048'),
      contenders.filter(({ id }) => id !== 'openssl-node'),
      fixtures,
      progress,
    );
    const report: Report = { date: new Date().toISOString(), machine: machine(), contenders, missing, rows, memory };
    progress('');
    console.log(input.json ? JSON.stringify(report, undefined, 2) : formatReport(report));
  } finally {
    for (const contender of contenders) contender.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What `--against` takes. */
const peerNames = ['openssl-node', 'openssl', 'bouncy-castle', 'pkijs', 'forge', 'chancery-newer', 'floor'];

function paceOf({ quick, moderate }: BenchInput): Pace {
  if (quick) return { rounds: 5, turn: 30, warmUp: 0.5 };
  return moderate ? { rounds: 9, turn: 30, warmUp: 1 } : { rounds: 9, turn: 60, warmUp: 1 };
}

function chosenSizes({ sizes: chosen, quick, moderate }: BenchInput): SizeName[] {
  const names = Object.keys(sizes) as SizeName[];
  if (chosen === undefined) return quick || moderate ? ['10 KB'] : names;
  const wanted = chosen.split(',').map((text) => text.trim().toUpperCase());
  return names.filter((name) => wanted.includes(name.replace(/ |B/g, '')));
}
