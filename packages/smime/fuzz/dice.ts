/** Chance that can be had again: the same number gives the same throws, on every machine. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 bits (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (z ^ (z >>> 14)) >>> 0;
  }

  /** 0 to n - 1; 0 where n is not positive. */
  below(n: number): number {
    return n > 0 ? Math.floor((this.next() / 0x1_0000_0000) * n) : 0;
  }

  /** One time in n. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** Small numbers far more often than large ones, up to n. */
  few(n: number): number {
    return 1 + this.below(2 ** this.below(Math.ceil(Math.log2(n)) + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  octets(length: number): Buffer {
    const out = Buffer.alloc(length);
    for (let at = 0; at < length; at++) out[at] = this.next() & 0xff;
    return out;
  }
}
