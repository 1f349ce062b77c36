/** `npm run fuzz`: looks for octets that make the engine crash, hang, swell, or believe what is not so. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runShards } from './shards.ts';
import { targets } from './targets/all.ts';
import { type Found, watch } from './watch.ts';

const usage = `npm run fuzz -- [TARGET …] [--runs N] [--seed NAME] [--input FILE] [--guided] [--nightly] [--log FILE]

  TARGET    ${targets.map(({ name }) => name).join(', ')}; default: all
  --runs    how many in all, shared among the targets; default 20000
  --seed    where to begin; default: the time. With --runs 1 it is the name of one input, as a defect is reported
  --input   run this file and nothing else
  --guided  look at what code is reached, and go on from inputs that reached new code
  --nightly one million runs in pieces, one in ten guided, two targets at a time
  --log     what was done of a nightly hunt; with the same --seed it goes on from there. Default: artifacts/fuzz/night-SEED.jsonl

What is found is written to artifacts/fuzz. The exit code is 1 then.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    input: { type: 'string' },
    guided: { type: 'boolean', default: false },
    log: { type: 'string' },
    nightly: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const chosen = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const runs = Number(values.runs ?? (values.nightly ? 1_000_000 : 20_000));
if (
  values.help ||
  !Number.isSafeInteger(runs) ||
  runs < 1 ||
  positionals.some((name) => !targets.some((target) => target.name === name))
) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else await main();

async function main(): Promise<void> {
  const name = values.seed ?? String(Date.now() % 0x1_0000_0000);
  const one = values.input !== undefined ? readFileSync(values.input) : runs === 1 ? name : undefined;
  console.log(one === undefined ? `seed ${name}, ${runs} runs` : 'one input');
  const seen = new Map<string, number>();
  const seed = Number(name.split('.')[0]?.replace('@', ''));
  if (values.nightly && one === undefined) await night(seed, seen);
  else await hunts(seed, one, seen);
  const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
  console.log(total === 0 ? 'No defect.' : `${seen.size} defects, seen ${total} times.`);
  if (total > 0) process.exitCode = 1;
}

async function night(seed: number, seen: Map<string, number>): Promise<void> {
  const began = performance.now();
  const done = await runShards({
    targets: chosen.map(({ name }) => name),
    runs: Math.ceil(runs / chosen.length),
    seed,
    log: path.resolve(values.log ?? `artifacts/fuzz/night-${seed}.jsonl`),
    found: (target, found) => report(target, found, seen),
    done: ({ target, to, seconds, guided, kept }) =>
      console.log(`  ${target}: ${to} runs; ${seconds} s${guided ? ', guided' : ''}, ${kept.length} inputs kept`),
  });
  for (const { name } of chosen) {
    const shards = done.filter(({ target }) => target === name);
    const sum = (value: (shard: (typeof shards)[number]) => number): number =>
      shards.reduce((total, shard) => total + value(shard), 0);
    const characters = Math.max(...shards.map((shard) => shard.characters));
    console.log(
      `${name}: ${sum(({ from, to }) => to - from)} runs in ${sum(({ seconds }) => seconds).toFixed(0)} s, ` +
        `${characters} characters of source reached, ${sum(({ defects }) => defects)} defects`,
    );
  }
  console.log(`${((performance.now() - began) / 1_000).toFixed(0)} s by the clock`);
}

async function hunts(seed: number, one: string | Uint8Array | undefined, seen: Map<string, number>): Promise<void> {
  const { guided } = values;
  for (const { name: target } of chosen) {
    const began = performance.now();
    let shown = began;
    const {
      runs: done,
      characters,
      kept,
    } = await watch({
      target,
      from: 0,
      to: one === undefined ? Math.ceil(runs / chosen.length) : 1,
      seed,
      guided,
      ...(one !== undefined && { only: one }),
      found: (found) => report(target, found, seen),
      progress: (progress) => {
        if (performance.now() - shown < 60_000) return;
        shown = performance.now();
        console.log(`  ${target}: ${progress.runs} runs, ${progress.kept.length} inputs kept`);
      },
    });
    const seconds = (performance.now() - began) / 1_000;
    const reached =
      guided && one === undefined ? `, ${characters} characters of source reached, ${kept.length} inputs kept` : '';
    console.log(`${target}: ${done} runs in ${seconds.toFixed(0)} s${reached}`);
  }
}

/** Each defect once with all that is known of it; the same again is only counted. */
function report(target: string, { name, input, defect }: Found, seen: Map<string, number>): void {
  const place = defect.kind === 'crash' ? defect.what.split('\n').slice(0, 3).join('\n') : '';
  const identity = `${target} ${defect.kind} ${place}`;
  const count = seen.get(identity) ?? 0;
  seen.set(identity, count + 1);
  if (count > 0) return;
  console.log(`\n${target}: ${defect.kind} (${input?.length ?? '?'} octets)\n${defect.what}`);
  if (name !== '') console.log(`again with: npm run fuzz -- ${target} --seed ${name} --runs 1`);
  if (input === undefined) return;
  const folder = path.resolve('artifacts/fuzz');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${target}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`);
  writeFileSync(file, input);
  console.log(`or with: npm run fuzz -- ${target} --input ${path.relative('.', file)}\n`);
}
