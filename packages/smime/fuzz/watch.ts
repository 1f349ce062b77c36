/** Starts a hunt in a thread, and ends the thread where a run hangs or takes all its memory; the hunt goes on after it. */
import { Worker } from 'node:worker_threads';
import type { Defect } from './attempt.ts';
import { Board } from './board.ts';
import type { HuntOptions, Progress } from './hunt.ts';

export interface Task extends Pick<HuntOptions, 'from' | 'to' | 'seed' | 'guided' | 'known'> {
  readonly target: string;
  readonly board: SharedArrayBuffer;
  /** One input by its name, or its octets: nothing else is run. */
  readonly only?: string | Uint8Array;
}

export interface Found {
  readonly name: string;
  /** Undefined where the thread could not tell any more: the name says it. */
  readonly input: Uint8Array | undefined;
  readonly defect: Defect;
}

export type Message =
  | { readonly kind: 'ready'; readonly seeds: number }
  | ({ readonly kind: 'found' } & Found)
  | ({ readonly kind: 'progress' } & Progress);

export interface WatchOptions extends Omit<Task, 'board'> {
  readonly found: (found: Found) => void;
  readonly progress?: (progress: Progress) => void;
}

/** What one run may take before its thread is ended; what is merely slow is measured in the thread, and up to four times. */
const hang = {
  /** Of the processor. */
  work: 20_000,
  /** By the clock, on a machine that may have other things to do. */
  wait: 600_000,
} as const;

/** The last progress there was. */
export async function watch(given: WatchOptions): Promise<Progress> {
  const doubtful: Found[] = [];
  // V8 optimises less while it counts what runs: what is slow then need not be.
  const options: WatchOptions = {
    ...given,
    found: (found) => {
      if (given.guided && found.input !== undefined && found.defect.kind !== 'crash') doubtful.push(found);
      else given.found(found);
    },
  };
  const last = await allThreads(options);
  for (const { name, input } of doubtful) {
    if (input === undefined) continue;
    const again = { ...given, from: 0, to: 1, guided: false, only: input, progress: () => {} };
    await allThreads({ ...again, found: (found) => given.found({ ...found, name, input }) });
  }
  return last;
}

async function allThreads(options: WatchOptions): Promise<Progress> {
  let last: Progress = { runs: options.from, characters: 0, kept: options.known ?? [] };
  for (let { from } = options; from < options.to; ) {
    const board = new Board();
    const task = { ...options, from, known: last.kept, board: board.memory };
    const end = await oneThread(task, board, (progress) => {
      last = progress;
      options.progress?.(progress);
    });
    if (end === undefined) return last;
    const { run, name } = board.read();
    options.found({ name, input: undefined, defect: { kind: 'crash', what: end } });
    from = run + 1;
  }
  return last;
}

/** Why the thread ended, where it did not end by itself. */
function oneThread(
  task: Task & Pick<WatchOptions, 'found'>,
  board: Board,
  progress: (progress: Progress) => void,
): Promise<string | undefined> {
  const { found, target, from, to, seed, guided, known = [], only, board: memory } = task;
  const data: Task = { target, from, to, seed, guided, known, board: memory, ...(only !== undefined && { only }) };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  return new Promise((resolve) => {
    let ready = false;
    let end: string | undefined;
    let before = { run: -1, name: '' };
    let since = performance.now();
    let cpu = process.cpuUsage();
    const timer = setInterval(() => {
      const now = board.read();
      if (!ready || now.run !== before.run || now.name !== before.name) {
        before = now;
        since = performance.now();
        cpu = process.cpuUsage();
        return;
      }
      const { user, system } = process.cpuUsage(cpu);
      const [work, wait] = [(user + system) / 1_000, performance.now() - since];
      if (work < hang.work && wait < hang.wait) return;
      end = `hangs: ${Math.round(work)} ms of work in ${Math.round(wait)} ms, and no end`;
      void worker.terminate();
    }, 500);
    worker.on('message', (message: Message) => {
      if (message.kind === 'ready') ready = true;
      else if (message.kind === 'found') found(message);
      else progress(message);
    });
    worker.on('error', (error: unknown) => {
      end = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    worker.on('exit', () => {
      clearInterval(timer);
      resolve(end);
    });
  });
}
