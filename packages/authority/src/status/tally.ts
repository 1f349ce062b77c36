/** How many answers went out, of each kind: within the last minute, and since the process began. */

const SECONDS = 60;

export class Tally<Kind extends string> {
  readonly #kinds: readonly Kind[];
  readonly #totals = new Map<Kind, number>();
  readonly #slots: { second: number; counts: Map<Kind, number> }[] = [];

  constructor(kinds: readonly Kind[]) {
    this.#kinds = kinds;
  }

  add(kind: Kind, now: Date): void {
    const second = Math.floor(now.getTime() / 1000);
    const at = second % SECONDS;
    let slot = this.#slots[at];
    if (slot?.second !== second) {
      slot = { second, counts: new Map() };
      this.#slots[at] = slot;
    }
    slot.counts.set(kind, (slot.counts.get(kind) ?? 0) + 1);
    this.#totals.set(kind, (this.#totals.get(kind) ?? 0) + 1);
  }

  totals(): Record<Kind, number> {
    return Object.fromEntries(this.#kinds.map((kind) => [kind, this.#totals.get(kind) ?? 0])) as Record<Kind, number>;
  }

  perMinute(now: Date): Record<Kind, number> {
    const since = Math.floor(now.getTime() / 1000) - SECONDS;
    const sum = (kind: Kind) =>
      this.#slots.reduce((total, slot) => total + (slot.second > since ? (slot.counts.get(kind) ?? 0) : 0), 0);
    return Object.fromEntries(this.#kinds.map((kind) => [kind, sum(kind)])) as Record<Kind, number>;
  }
}
