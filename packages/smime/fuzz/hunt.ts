/** Many runs of one target: seeds first, then their changes, and where wanted changes of what reached new code. */
import { attempt, type Defect } from './attempt.ts';
import { Coverage, type Fresh } from './coverage.ts';
import { Dice } from './dice.ts';
import type { Inputs } from './inputs.ts';
import type { Target } from './target.ts';

export interface HuntOptions {
  readonly target: Target;
  readonly inputs: Inputs;
  /** Of all the runs there are to be, these: seeds come first. */
  readonly from: number;
  readonly to: number;
  /** The number of the first input that is no seed; those that follow count up. */
  readonly seed: number;
  /** Look at what code the inputs reach, and change those further that reached new code. */
  readonly guided: boolean;
  /** Names of inputs that reached new code in an earlier hunt: they are changed further, guided or not. */
  readonly known?: readonly string[];
  /** Told before each run. */
  readonly begin: (run: number, name: string) => void;
  readonly found: (one: Named, defect: Defect) => void;
  readonly progress: (progress: Progress) => void;
}

interface Named {
  /** See `Inputs`. */
  readonly name: string;
  readonly input: Buffer;
}

export interface Progress {
  readonly runs: number;
  /** Characters of the engine's source that ran; 0 where nobody looked. */
  readonly characters: number;
  /** Names of inputs that reached new code, those of earlier hunts among them. */
  readonly kept: readonly string[];
}

/** Runs between two looks at the coverage: a look costs some milliseconds. */
const batchSize = 200;
/** Inputs that are kept to be changed further; each replaces an older one. */
const poolSize = 1_000;

export async function hunt(options: HuntOptions): Promise<void> {
  const { inputs, from, to, seed } = options;
  const coverage = options.guided ? new Coverage() : undefined;
  const pool = new Pool(options);
  const seeds = inputs.seeds.length;
  try {
    for (const name of options.known ?? []) {
      const one = inputs.named(name);
      pool.add(one);
      options.begin(from, name);
      if (coverage) await attempt(options.target, one.input);
    }
    coverage?.learn(coverage.take());
    for (let run = from; run < to; ) {
      const batch: Named[] = [];
      for (const end = Math.min(to, run + batchSize); run < end; run++) {
        const one = run < seeds ? inputs.named(`@${run}`) : pool.next((seed + run - seeds) >>> 0);
        options.begin(run, one.name);
        const defect = await attempt(options.target, one.input);
        if (defect === undefined) batch.push(one);
        else options.found(one, defect);
      }
      if (coverage) await sift(batch, run, coverage, coverage.take(), pool, options);
      options.progress({ runs: run, characters: coverage?.characters ?? 0, kept: pool.names });
    }
  } finally {
    coverage?.stop();
  }
}

/** Inputs that reached new code. */
class Pool {
  readonly #options: HuntOptions;
  readonly #inputs: Named[] = [];
  readonly #dice: Dice;

  constructor(options: HuntOptions) {
    this.#options = options;
    this.#dice = new Dice(~(options.seed + options.from));
  }

  get names(): string[] {
    return this.#inputs.map(({ name }) => name);
  }

  add(one: Named): void {
    if (this.#inputs.length < poolSize) this.#inputs.push(one);
    else this.#inputs[this.#dice.below(poolSize)] = one;
  }

  /** A seed changed, or one of the pool. */
  next(number: number): Named {
    const { inputs } = this.#options;
    const parent = this.#inputs.length > 0 && !this.#dice.oneIn(3) ? this.#parent() : undefined;
    // A name of more steps is none that a person would want to follow.
    if (parent === undefined || parent.name.length > 200)
      return { name: String(number), input: inputs.fromSeed(number) };
    return { name: `${parent.name}.${number}`, input: inputs.change(parent.input, number) };
  }

  /** The shorter of two: inputs grow from change to change, and a megabyte takes as long as a hundred others. */
  #parent(): Named {
    const [one, other] = [this.#dice.pick(this.#inputs), this.#dice.pick(this.#inputs)];
    return one.input.length < other.input.length ? one : other;
  }
}

/** Finds by halves which inputs of a batch reached what is fresh, and keeps them. */
async function sift(
  batch: readonly Named[],
  run: number,
  coverage: Coverage,
  fresh: Fresh,
  pool: Pool,
  options: HuntOptions,
): Promise<void> {
  const [first] = batch;
  if (fresh.size === 0 || first === undefined) return;
  if (batch.length === 1) pool.add(first);
  else {
    const middle = batch.length >> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      for (const { name, input } of half) {
        options.begin(run, name);
        await attempt(options.target, input);
      }
      await sift(half, run, coverage, coverage.take(), pool, options);
    }
  }
  coverage.learn(fresh);
}
