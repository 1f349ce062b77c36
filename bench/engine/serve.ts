/** The part of a contender that every contender in JavaScript has: reads commands, runs the operation, says how long it took. */
import { createInterface } from 'node:readline';
import { parseTask, type Task } from './task.ts';

/** One run of what is timed; a promise is awaited. */
export type Operation = () => unknown;

/**
 * Answers, a line for a line: `prepare MS TASK` (warms up for that long) with `ready` or `cannot REASON`, `run MS` with
 * microseconds of wall clock and of processor time for one operation. Processor time counts all threads: garbage collection too.
 * MS is processor time as well, so that a busy machine does not shorten a warm-up.
 */
export async function serve(prepare: (task: Task) => Operation | Promise<Operation>): Promise<void> {
  let operation: Operation = () => undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, milliseconds = '', ...rest] = line.split(' ');
    try {
      if (command === 'prepare') {
        operation = await prepare(parseTask(rest.join(' ')));
        await repeat(operation, Number(milliseconds));
        console.log('ready');
      } else {
        const { wall, cpu } = await repeat(operation, Number(milliseconds));
        console.log(`${wall.toFixed(3)} ${cpu.toFixed(3)}`);
      }
    } catch (error) {
      console.log(`cannot ${String(error).split('\n')[0]}`);
    }
  }
}

/** Runs the operation until that much processor time went into it, at least once. */
async function repeat(operation: Operation, milliseconds: number): Promise<{ wall: number; cpu: number }> {
  const usage = process.cpuUsage();
  const began = performance.now();
  let now = began;
  let spent = 0;
  let count = 0;
  // Asking for the processor time costs as much as a short operation: the wall clock says when to ask.
  for (let turn = 0; turn === 0 || (spent < milliseconds && turn < 50); turn++) {
    const start = performance.now();
    do {
      const answer = operation();
      if (answer instanceof Promise) await answer;
      count++;
      now = performance.now();
    } while (now - start < milliseconds - spent);
    const { user, system } = process.cpuUsage(usage);
    spent = (user + system) / 1_000;
  }
  return { wall: ((now - began) * 1_000) / count, cpu: (spent * 1_000) / count };
}

/** A task that a contender has no means for. */
export function cannot(reason: string): never {
  throw new Error(reason);
}
