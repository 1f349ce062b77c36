/** Runs every task with every contender, turn and turn about, so that a machine that slows down slows all of them alike. */
import type { Contender, Sample } from './contender.ts';
import type { Fixtures } from './fixtures.ts';
import { sizes, type Task, taskName } from './task.ts';

export interface Figures {
  /** Medians over the rounds, microseconds for one operation. */
  readonly wall: number;
  readonly cpu: number;
  /** The first contender's time over this one's, round by round. */
  readonly ratio: Spread;
  readonly wallRatio: Spread;
}

/** The median, and the quartiles around it. */
interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface Row {
  readonly task: Task;
  /** By the contender's id; a text says why there is no figure. */
  readonly results: Readonly<Record<string, Figures | string>>;
}

export interface Pace {
  readonly rounds: number;
  /** Milliseconds of one turn. */
  readonly turn: number;
  /** Of the warm-up that a contender asks for: 1 for all of it. */
  readonly warmUp: number;
}

export async function compare(
  tasks: readonly Task[],
  contenders: readonly Contender[],
  fixtures: Fixtures,
  pace: Pace,
  progress: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [index, task] of tasks.entries()) {
    progress(`${index + 1}/${tasks.length} ${taskName(task)}`);
    await fixtures.provide(task);
    rows.push({ task, results: await compareOne(task, contenders, pace) });
    // Buffers of 100 MB are not left lying about in seven processes.
    if (task.octets >= sizes['100 MB']) for (const contender of contenders) contender.stop();
  }
  return rows;
}

async function compareOne(
  task: Task,
  contenders: readonly Contender[],
  { rounds, turn, warmUp }: Pace,
): Promise<Record<string, Figures | string>> {
  const results: Record<string, Figures | string> = {};
  const able: Contender[] = [];
  for (const contender of contenders) {
    const reason = await contender.prepare(task, contender.warmUp * warmUp);
    if (reason === undefined) able.push(contender);
    else results[contender.id] = reason;
  }
  const samples = new Map<Contender, Sample[]>(able.map((contender) => [contender, []]));
  for (let round = 0; round < rounds; round++) {
    // Every second round goes the other way, lest one always follow the same neighbour.
    for (const contender of round % 2 === 0 ? able : able.toReversed())
      samples.get(contender)?.push(await contender.run(turn));
  }
  const [first] = contenders;
  const own = first === undefined ? undefined : samples.get(first);
  for (const [contender, taken] of samples) {
    results[contender.id] = {
      wall: spread(taken.map(({ wall }) => wall)).median,
      cpu: spread(taken.map(({ cpu }) => cpu)).median,
      ratio: spread(taken.map(({ cpu }, round) => (own?.[round]?.cpu ?? Number.NaN) / cpu)),
      wallRatio: spread(taken.map(({ wall }, round) => (own?.[round]?.wall ?? Number.NaN) / wall)),
    };
  }
  return results;
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN];
    return below + (above - below) * (place - Math.floor(place));
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

export interface MemoryRow {
  readonly task: Task;
  /** Peak octets of a fresh process that does the task once; a text says why there is no figure. */
  readonly peaks: Readonly<Record<string, number | string>>;
}

export async function compareMemory(
  tasks: readonly Task[],
  contenders: readonly Contender[],
  fixtures: Fixtures,
  progress: (text: string) => void,
): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (const task of tasks) {
    progress(`memory: ${taskName(task)}`);
    await fixtures.provide(task);
    const peaks: Record<string, number | string> = {};
    for (const contender of contenders) {
      contender.stop();
      // The warm-up of no length is one operation.
      const reason = await contender.prepare(task, 0);
      peaks[contender.id] = reason ?? contender.peakMemory();
      contender.stop();
    }
    rows.push({ task, peaks });
  }
  return rows;
}
