/**
 * A year of an office in fast time: people join, leave, are suspended and return, change names and addresses, and lose keys, while its
 * process is killed at random moments and started again. Each evening and each month's end is held against the plan, and the
 * organisation's directory against the inventory.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTemporaryPostgres } from '@chancery/embedded-postgres';
import { YearDirectory } from './year-directory.ts';
import type { Answer, Order } from './year-office.ts';
import { planYear } from './year-plan.ts';

export interface YearReport {
  readonly people: number;
  readonly kills: number;
  /** Sentences; empty where every promise held. */
  readonly broken: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Seconds by what the days were spent with; `restarts` with starting the office. */
  readonly spent: Readonly<Record<string, number>>;
}

export async function liveAYear({
  people,
  kills,
  seed,
  stride,
  say = () => {},
}: {
  people: number;
  kills: number;
  seed: number;
  /** Days from one look at the office to the next. */
  stride: number;
  say?: (text: string) => void;
}): Promise<YearReport> {
  const began = performance.now();
  const home = mkdtempSync(path.join(tmpdir(), 'chancery-year-'));
  const postgres = await startTemporaryPostgres();
  const directory = await YearDirectory.open();
  const open = () => start([home, JSON.stringify(postgres.connection), directory.toml, String(stride)], directory);
  const { steps } = planYear(people, seed, stride);
  const killedOn = new Map<number, number>();
  for (let n = 0; n < kills; n++) {
    const step = randomInt(steps.length);
    killedOn.set(step, (killedOn.get(step) ?? 0) + 1);
  }
  const broken: string[] = [];
  const spent: Record<string, number> = {};
  const add = (what: string, milliseconds: number) => {
    spent[what] = (spent[what] ?? 0) + milliseconds;
  };
  let killed = 0;
  /** Sentences that were said already. */
  let shown = 0;
  /** Milliseconds of a usual day so far: kills come at any moment of it. */
  let dayTakes = 500;
  let office = await open();
  let told = performance.now();
  /** At each month's end, and every half minute. */
  const tell = (lived: number, day: number, monthEnds: boolean) => {
    if (!monthEnds && performance.now() - told < 30_000) return;
    told = performance.now();
    const seconds = (told - began) / 1000;
    const left = Math.round((seconds / lived) * (steps.length - lived));
    say(`day ${day}: ${killed} kills, ${broken.length} broken, ${Math.round(seconds)} s, about ${left} s to go`);
  };
  try {
    for (const [step, { day, acts, evening }] of steps.entries()) {
      const monthEnds = Math.floor((day + 1) / 30) > Math.floor((day + 1 - stride) / 30);
      let left = killedOn.get(step) ?? 0;
      for (const { kind, person } of acts) if (kind === 'join') directory.admit(person);
      for (let attempt = 0; ; attempt++) {
        const dayBegan = performance.now();
        const order: Order = { kind: 'day', day, attempt, monthEnds, acts, evening };
        const done = await office.give(order, left > 0 ? randomInt(Math.max(20, Math.round(dayTakes))) : undefined);
        if (done !== undefined) {
          if (done.kind === 'done') {
            broken.push(...done.broken, ...directoryAt(directory, done));
            for (const [what, milliseconds] of Object.entries(done.spent)) add(what, milliseconds);
          }
          if (attempt === 0) dayTakes = (dayTakes + performance.now() - dayBegan) / 2;
          break;
        }
        killed += 1;
        left -= 1;
        const died = performance.now();
        add('killed days', died - dayBegan);
        office = await open();
        add('restarts', performance.now() - died);
      }
      // A day that was over before its kill leaves it to the next.
      if (left > 0) killedOn.set(step + 1, (killedOn.get(step + 1) ?? 0) + left);
      if (monthEnds) directory.tamper(Math.floor((day + 1) / 30));
      tell(step + 1, day + 1, monthEnds);
      for (; shown < broken.length; shown++) say(broken[shown] ?? '');
      if (broken.length > 50) break;
    }
    const judged = performance.now();
    const end = await office.give({ kind: 'end', evening: steps.at(-1)?.evening ?? [] }, undefined);
    if (end?.kind !== 'end') throw new Error('The year did not end');
    add('judgement', performance.now() - judged);
    return {
      people,
      kills: killed,
      broken: [...broken, ...end.broken],
      figures: { ...end.figures, directoryChanges: directory.changes },
      seconds: Math.round((performance.now() - began) / 1000),
      spent: Object.fromEntries(Object.entries(spent).map(([what, of]) => [what, Math.round(of / 100) / 10])),
    };
  } finally {
    office.end();
    await postgres.stop();
    await directory.close();
    rmSync(home, { recursive: true, force: true });
  }
}

interface OfficeProcess {
  /** Undefined where it was killed before it answered. @param killAfter milliseconds */
  give(order: Order, killAfter: number | undefined): Promise<Answer | undefined>;
  end(): void;
}

/** At a month's end, in sentences. */
function directoryAt(directory: YearDirectory, { day, published }: Extract<Answer, { kind: 'done' }>): string[] {
  return published === null ? [] : directory.compare(published).map((what) => `day ${day}: ${what}`);
}

async function start(args: string[], { environment }: YearDirectory): Promise<OfficeProcess> {
  const child = fork(fileURLToPath(new URL('year-office.ts', import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...environment },
  });
  await nextAnswer(child);
  return {
    async give(order, killAfter) {
      const answered = nextAnswer(child);
      child.send(order);
      if (killAfter === undefined) return answered;
      const timer = setTimeout(() => child.kill('SIGKILL'), killAfter);
      try {
        return await answered;
      } catch (error) {
        if (child.killed) return undefined;
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    end: () => child.kill('SIGKILL'),
  };
}

function nextAnswer(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => {
      child.off('message', onMessage);
      reject(new Error(`The office ended with ${code}`));
    };
    const onMessage = (message: unknown) => {
      child.off('exit', onExit);
      resolve(message as Answer);
    };
    child.once('exit', onExit);
    child.once('message', onMessage);
  });
}
