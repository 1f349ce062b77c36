/** Which octets of the engine's source have run, by V8's own block coverage. */
import { Session } from 'node:inspector';

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Taken {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Range[] }[];
  }[];
}

/** Source that ran and had not before: places by script. */
export type Fresh = ReadonlyMap<string, readonly number[]>;

export class Coverage {
  readonly #session = new Session();
  /** By script: one octet for each character, 1 where it has run. */
  readonly #seen = new Map<string, Uint8Array>();
  #characters = 0;

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How many characters of source are known to have run. */
  get characters(): number {
    return this.#characters;
  }

  /** What ran since the last call and is not known yet. */
  take(): Fresh {
    const fresh = new Map<string, number[]>();
    // Within one thread the answer is there when post() returns.
    this.#session.post('Profiler.takePreciseCoverage', (_, taken) => {
      for (const { url, functions } of (taken as Taken).result)
        if (url.includes('/smime/src/')) for (const { ranges } of functions) this.#compare(url, ranges, fresh);
    });
    return fresh;
  }

  learn(fresh: Fresh): void {
    for (const [url, places] of fresh) {
      const last = places.reduce((most, place) => Math.max(most, place), 0);
      let seen = this.#seen.get(url) ?? new Uint8Array(0);
      if (seen.length <= last) {
        const longer = new Uint8Array(last + 16_384);
        longer.set(seen);
        seen = longer;
        this.#seen.set(url, seen);
      }
      for (const place of places) {
        this.#characters += 1 - (seen[place] ?? 0);
        seen[place] = 1;
      }
    }
  }

  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  /** Ranges are nested, the outer before the inner, and an inner one of count 0 is a branch not taken. */
  #compare(url: string, ranges: readonly Range[], fresh: Map<string, number[]>): void {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0) return;
    const { startOffset: start, endOffset: end } = whole;
    const ran = new Uint8Array(end - start);
    for (const { startOffset, endOffset, count } of ranges)
      ran.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
    const seen = this.#seen.get(url);
    const places = fresh.get(url) ?? [];
    for (let at = 0; at < ran.length; at++) if (ran[at] === 1 && seen?.[start + at] !== 1) places.push(start + at);
    if (places.length > 0) fresh.set(url, places);
  }
}
