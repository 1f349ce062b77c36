/** One room of the engine under attack. */
import type { Dice } from './dice.ts';

export interface Seed {
  /** For a person who reads a failure. */
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Target {
  readonly name: string;
  /** The inputs to begin with, the same each time. */
  seeds(): Promise<readonly Seed[]>;
  /** @param other a second input, to take pieces from */
  mutate(input: Buffer, dice: Dice, other: Buffer): Buffer;
  /**
   * Everything that a stranger's octets can reach. May throw `SmimeError`; whatever else it throws is a defect, and so is a
   * `Broken`, which says that something does not hold that should.
   * @param next called between two calls of the engine: what each of them takes is measured by itself
   */
  run(input: Buffer, next: () => void): void | Promise<void>;
}

/** Something that should always hold does not. */
class Broken extends Error {
  override readonly name = 'Broken';
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Broken(what);
}
