/** A long hunt in pieces: what is done is written down piece by piece, so that it can be gone on with after an end of any kind. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Found, watch } from './watch.ts';

export interface ShardsOptions {
  readonly targets: readonly string[];
  /** Of each target. */
  readonly runs: number;
  readonly seed: number;
  /** JSON Lines, one for each piece that was done, each defect, and each name that was kept. */
  readonly log: string;
  readonly found: (target: string, found: Found) => void;
  readonly done: (done: Shard) => void;
}

/** One piece that was done. */
export interface Shard {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly guided: boolean;
  readonly seconds: number;
  /** Characters of the engine's source that ran, those of earlier pieces included; 0 where nobody looked. */
  readonly characters: number;
  /** Names of inputs that reached new code, for the pieces that follow. */
  readonly kept: readonly string[];
  readonly defects: number;
}

/** A thread for so many runs takes some half a minute; its start, with the seeds and what is known, a second or two. */
const shardRuns = 10_000;
/** V8 optimises less while it counts what runs, so one piece in ten looks; the others change what it found, at full speed. */
const lookEvery = 10;
const lanes = 2;

/** Each target's pieces one after another, two targets at a time. Pieces that the log has are not run again. */
export async function runShards(options: ShardsOptions): Promise<readonly Shard[]> {
  mkdirSync(path.dirname(options.log), { recursive: true });
  const all = readLog(options);
  const waiting = [...options.targets];
  const lane = async (): Promise<void> => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift())
      await runTarget(target, options, all);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return all;
}

async function runTarget(target: string, options: ShardsOptions, all: Shard[]): Promise<void> {
  const { runs, seed, log } = options;
  let known: readonly string[] = [];
  for (let from = 0; from < runs; from += shardRuns) {
    const before = all.find((shard) => shard.target === target && shard.from === from);
    if (before !== undefined) {
      known = before.kept;
      continue;
    }
    const to = Math.min(runs, from + shardRuns);
    const guided = (from / shardRuns) % lookEvery === 0;
    const began = performance.now();
    let defects = 0;
    const last = await watch({
      target,
      from,
      to,
      seed,
      guided,
      known,
      found: (found) => {
        defects++;
        options.found(target, found);
      },
    });
    known = last.kept;
    const seconds = Math.round(performance.now() - began) / 1_000;
    const shard = { target, seed, from, to, guided, seconds, characters: last.characters, kept: known, defects };
    all.push(shard);
    appendFileSync(log, `${JSON.stringify(shard)}\n`);
    options.done(shard);
  }
}

/** Pieces of the same hunt; a last line that was cut off is none. */
function readLog({ log, seed, runs }: ShardsOptions): Shard[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Shard)
    .filter((shard) => shard.seed === seed && shard.to <= runs);
}
