/** What happens to everybody in a year: drawn once from a seed, so that the same year can be lived again. */

export interface Act {
  readonly kind: 'join' | 'rename' | 'readdress' | 'lose-key' | 'suspend' | 'return' | 'leave' | 'come-back';
  readonly person: number;
  /** Of a name or an address: which one since they joined. */
  readonly turn: number;
}

/** As the plan has somebody on a day's evening. */
export interface Planned {
  readonly state: 'absent' | 'active' | 'suspended' | 'left';
  readonly name: number;
  readonly address: number;
  /** Keys for encryption that were made for them so far. */
  readonly keys: number;
}

export interface YearPlan {
  /** One after the other, so many days apart; nobody does two things in one step. */
  readonly steps: readonly {
    readonly day: number;
    readonly acts: readonly Act[];
    readonly evening: readonly Planned[];
  }[];
}

const DAYS = 365;

/** @param stride days of a step */
export function planYear(people: number, seed: number, stride: number): YearPlan {
  const random = generator(seed);
  const chance = (perYear: number) => random() < (perYear * stride) / DAYS;
  // Most are there in the first week, the others come over the year.
  const joins = Array.from({ length: people }, () =>
    Math.floor(random() < 0.7 ? random() * 7 : random() * (DAYS - 20)),
  );
  const returns = new Map<number, number>();
  const steps: YearPlan['steps'][number][] = [];
  let present: Planned[] = Array.from({ length: people }, () => ({ state: 'absent', name: 0, address: 0, keys: 0 }));
  for (let day = stride - 1; day < DAYS; day += stride) {
    const acts: Act[] = [];
    present = present.map((before, person): Planned => {
      const act = (kind: Act['kind'], turn: number, after: Planned): Planned => {
        acts.push({ kind, person, turn });
        return after;
      };
      const { state, name, address, keys } = before;
      if (state === 'absent') {
        return (joins[person] ?? 0) <= day ? act('join', 0, { ...before, state: 'active', keys: 1 }) : before;
      }
      if (state === 'suspended') {
        return (returns.get(person) ?? 0) <= day ? act('return', 0, { ...before, state: 'active' }) : before;
      }
      if (state === 'left')
        return chance(0.5) ? act('come-back', keys, { ...before, state: 'active', keys: keys + 1 }) : before;
      // A day of calm after they came: what was begun is finished by then, and is theirs.
      if ((joins[person] ?? 0) + 3 + stride > day) return before;
      if (chance(0.15)) return act('leave', 0, { ...before, state: 'left' });
      if (chance(0.1)) {
        returns.set(person, day + 5 + Math.floor(random() * 40));
        return act('suspend', 0, { ...before, state: 'suspended' });
      }
      if (chance(0.15)) return act('rename', name + 1, { ...before, name: name + 1 });
      if (chance(0.1)) return act('readdress', address + 1, { ...before, address: address + 1 });
      if (chance(0.15)) return act('lose-key', keys, { ...before, keys: keys + 1 });
      return before;
    });
    steps.push({ day, acts, evening: present });
  }
  return { steps };
}

/** Every other person's mail is signed and opened by the gateway. */
export const byGateway = (person: number): boolean => person % 2 === 0;
/** Whose mail is kept and read at the end. */
export const isSampled = (person: number): boolean => person % 10 < 2;
export const addressOf = (person: number, turn: number): string =>
  `p${person}${turn === 0 ? '' : `.${turn}`}@example.com`;
export const nameOf = (person: number, turn: number): string => `Person ${person}${turn === 0 ? '' : ` the ${turn}`}`;

/** Mulberry32: the same numbers for the same seed, everywhere. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
