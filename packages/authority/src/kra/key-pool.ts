/**
 * RSA keys made before somebody needs them: one takes a core up to half a second, and a person who joins waits for it. They are in
 * memory only, a bounded number of them, each for one use: nothing that is written down, or restored from a backup, can ever
 * give the same key to a second person. Elliptic-curve keys are made at once and are not kept here.
 */
import { availableParallelism } from 'node:os';
import { type EncryptionKeySpec, makeSpareKey, type SpareKey } from './generate.ts';

export interface KeyPool {
  /** A key that nobody else gets; undefined for a kind that is made at once. */
  take(spec: EncryptionKeySpec): Promise<SpareKey | undefined>;
  /** Makes spare keys of that kind in the background; those of another kind are destroyed. */
  fill(spec: EncryptionKeySpec): void;
  figures(): KeyPoolFigures;
  /** Destroys them. Whoever waits is refused. */
  stop(): void;
}

/** Of this process, since it started. */
interface KeyPoolFigures {
  /** What it makes now; null before the first. */
  readonly spec: EncryptionKeySpec | null;
  readonly size: number;
  readonly ready: number;
  readonly making: number;
  /** People who wait for a key. */
  readonly waiting: number;
  /** Keys handed out at once, and those that had to be made first. */
  readonly taken: { readonly ready: number; readonly made: number };
}

/** @param size how many are kept; 0 keeps none, and makes each on its own. @param cores made at the same time while somebody waits */
export function openKeyPool({ size, cores = availableParallelism() }: { size: number; cores?: number }): KeyPool {
  return new MemoryKeyPool(size, cores);
}

class MemoryKeyPool implements KeyPool {
  readonly #size: number;
  readonly #cores: number;
  readonly #taken = { ready: 0, made: 0 };
  #shelf: Shelf | undefined;
  #stopped = false;

  constructor(size: number, cores: number) {
    this.#size = size;
    this.#cores = cores;
  }

  async take(spec: EncryptionKeySpec): Promise<SpareKey | undefined> {
    if (this.#size === 0 || !spec.startsWith('rsa-') || this.#stopped) return undefined;
    const shelf = this.#shelfFor(spec);
    const spare = shelf.spares.shift();
    this.#taken[spare === undefined ? 'made' : 'ready'] += 1;
    const key = spare ?? new Promise<SpareKey>((resolve, reject) => shelf.waiting.push({ resolve, reject }));
    this.#refill(shelf);
    return key;
  }

  fill(spec: EncryptionKeySpec): void {
    if (this.#size > 0 && spec.startsWith('rsa-') && !this.#stopped) this.#refill(this.#shelfFor(spec));
  }

  figures(): KeyPoolFigures {
    const { spec = null, spares = [], making = 0, waiting = [] } = this.#shelf ?? {};
    return {
      spec,
      size: this.#size,
      ready: spares.length,
      making,
      waiting: waiting.length,
      taken: { ...this.#taken },
    };
  }

  stop(): void {
    this.#stopped = true;
    for (const { reject } of this.#shelf?.waiting.splice(0) ?? [])
      reject(new Error('The office stops. No key was made.'));
    destroy(this.#shelf);
  }

  #shelfFor(spec: EncryptionKeySpec): Shelf {
    if (this.#shelf?.spec !== spec) {
      destroy(this.#shelf);
      this.#shelf = { spec, spares: [], waiting: [], making: 0 };
    }
    return this.#shelf;
  }

  /** As many at a time as there are cores while somebody waits, one at a time to fill up: requests want the processor too. */
  #refill(shelf: Shelf): void {
    const width = shelf.waiting.length > 0 ? this.#cores : 1;
    const wanted = () => shelf.waiting.length + (this.#keeps(shelf) ? this.#size - shelf.spares.length : 0);
    while (shelf.making < width && shelf.making < wanted()) void this.#make(shelf);
  }

  #keeps(shelf: Shelf): boolean {
    return shelf === this.#shelf && !this.#stopped;
  }

  async #make(shelf: Shelf): Promise<void> {
    shelf.making += 1;
    let failed = false;
    try {
      const spare = await makeSpareKey(shelf.spec);
      const next = shelf.waiting.shift();
      if (next !== undefined) next.resolve(spare);
      else if (this.#keeps(shelf) && shelf.spares.length < this.#size) shelf.spares.push(spare);
      else spare.box.fill(0);
    } catch (error) {
      failed = true;
      // Nobody waits for ever: whoever is first hears of it, and their job is run again.
      shelf.waiting.shift()?.reject(error as Error);
    }
    shelf.making -= 1;
    if (!failed || shelf.waiting.length > 0) this.#refill(shelf);
  }
}

/** Keys of one kind. One that was replaced still serves those who wait at it. */
interface Shelf {
  readonly spec: EncryptionKeySpec;
  readonly spares: SpareKey[];
  readonly waiting: { resolve(key: SpareKey): void; reject(error: Error): void }[];
  making: number;
}

function destroy(shelf: Shelf | undefined): void {
  for (const { box } of shelf?.spares.splice(0) ?? []) box.fill(0);
}
