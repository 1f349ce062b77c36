/** One run of a target over one input, and whether it kept to what is promised. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SmimeError } from '../src/errors.ts';
import type { Target } from './target.ts';

/** Of time and memory for an input below 1 MB. */
const allowance = { milliseconds: 1_000, octets: 64 * 1_048_576 } as const;

export interface Defect {
  readonly kind: 'crash' | 'slow' | 'memory';
  /** What happened, with the stack of a crash. */
  readonly what: string;
}

/** Undefined where all is well. Time and memory are measured again, up to three times, before they count. */
export async function attempt(target: Target, input: Buffer): Promise<Defect | undefined> {
  // Thousands of SmimeErrors are thrown and none is read: without their stacks a run takes two thirds of the time.
  Error.stackTraceLimit = 0;
  let measured = await measure(target, input);
  if (measured.error !== undefined) {
    Error.stackTraceLimit = 30;
    const { error } = await measure(target, input);
    return { kind: 'crash', what: error ?? `${measured.error}; not when tried again` };
  }
  for (let again = 0; again < 3 && isTooMuch(measured); again++) {
    collectGarbage();
    const cpu = process.threadCpuUsage();
    const next = await measure(target, input);
    // A machine that has other things to do makes the clock run, but not the processor's time.
    const { user, system } = process.threadCpuUsage(cpu);
    measured = {
      ...next,
      milliseconds: Math.min(measured.milliseconds, next.milliseconds, (user + system) / 1_000),
      octets: Math.min(measured.octets, next.octets),
    };
  }
  const { milliseconds, octets } = measured;
  if (milliseconds > allowance.milliseconds) return { kind: 'slow', what: `${Math.round(milliseconds)} ms` };
  if (octets > allowance.octets) return { kind: 'memory', what: `${Math.round(octets / 1_048_576)} MB` };
  return undefined;
}

interface Measured {
  readonly error: string | undefined;
  readonly milliseconds: number;
  readonly octets: number;
}

const isTooMuch = ({ milliseconds, octets }: Measured): boolean =>
  milliseconds > allowance.milliseconds || octets > allowance.octets;

async function measure(target: Target, input: Buffer): Promise<Measured> {
  let octets = 0;
  let milliseconds = 0;
  let memory = inUse();
  let clock = performance.now();
  const next = (): void => {
    octets = Math.max(octets, inUse() - memory);
    milliseconds = Math.max(milliseconds, performance.now() - clock);
    memory = inUse();
    clock = performance.now();
  };
  let error: string | undefined;
  try {
    await target.run(input, next);
  } catch (thrown) {
    if (!(thrown instanceof SmimeError))
      error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  next();
  return { error, milliseconds, octets };
}

/** Heap and what hangs on it outside, garbage included: what a run allocates counts even where it lets go of it. */
function inUse(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // The octets of a buffer are given back at leisure after the collection that found it dead, at the latest by the next one: else
  // they would be given back during the next measurement, and hide what it takes.
  collect();
  collect();
}
