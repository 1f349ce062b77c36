/**
 * Inputs by their names. `@3` is the fourth seed as it is; `4711` is a seed changed as the dice of 4711 say; `4711.99` is that
 * input changed again. A name is all that is needed to have the input once more.
 */
import { Dice } from './dice.ts';
import { maximumLength } from './mutate-octets.ts';
import type { Seed, Target } from './target.ts';

export class Inputs {
  readonly #target: Target;
  readonly seeds: readonly Seed[];

  constructor(target: Target, seeds: readonly Seed[]) {
    this.#target = target;
    this.seeds = seeds.filter(({ bytes }) => bytes.length < maximumLength);
  }

  /** Throws `RangeError` for what is no name. */
  byName(name: string): Buffer {
    const [first = '', ...more] = name.split('.');
    let input: Buffer;
    if (first.startsWith('@')) {
      const seed = this.seeds[Number(first.slice(1))];
      if (seed === undefined) throw new RangeError(`there is no seed ${first}`);
      input = seed.bytes;
    } else input = this.fromSeed(asNumber(first));
    for (const step of more) input = this.change(input, asNumber(step));
    return input;
  }

  named(name: string): { readonly name: string; readonly input: Buffer } {
    return { name, input: this.byName(name) };
  }

  fromSeed(number: number): Buffer {
    const dice = new Dice(number);
    return this.#mutate(dice.pick(this.seeds).bytes, dice);
  }

  change(input: Buffer, number: number): Buffer {
    return this.#mutate(input, new Dice(number));
  }

  /** One change mostly, sometimes several. */
  #mutate(input: Buffer, dice: Dice): Buffer {
    let changed = input;
    for (let left = dice.oneIn(2) ? 1 : dice.few(8); left > 0; left--)
      changed = this.#target.mutate(changed, dice, dice.pick(this.seeds).bytes).subarray(0, maximumLength);
    return changed;
  }
}

function asNumber(text: string): number {
  const number = Number(text);
  if (!/^[0-9]+$/.test(text) || number > 0xffff_ffff) throw new RangeError(`"${text}" is no number of 32 bits`);
  return number;
}
