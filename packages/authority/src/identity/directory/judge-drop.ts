/** Whether as many people leave at once as happens in an organisation, or as many as when somebody moved the wrong container. */
import { z } from 'zod';
import type { PresentedPerson } from '../sources/present.ts';
import type { DirectoryConfig } from './directory-config.ts';

/** Who is here, and would not be any more. */
const Loss = z.strictObject({
  key: z.string(),
  name: z.string(),
  address: z.string(),
  why: z.enum(['gone', 'inactive', 'no-address']),
});
export type Loss = z.output<typeof Loss>;

/** What is asked about, and what somebody said to it. */
export const Drop = z.strictObject({
  askedAt: z.iso.datetime(),
  /** Of how many. */
  known: z.int(),
  losses: z.array(Loss),
  answer: z.strictObject({ kind: z.enum(['confirmed', 'dismissed']), by: z.string(), at: z.iso.datetime() }).nullable(),
});
export type Drop = z.output<typeof Drop>;

/** As the office has them from this directory. */
export interface KnownPerson {
  readonly key: string;
  readonly active: boolean;
  readonly name: string;
  readonly address: string | null;
}

/** By name. @param people who were read anew, @param listed keys of all who are there */
export function lossesOf(
  known: readonly KnownPerson[],
  { people, listed }: { readonly people: readonly PresentedPerson[]; readonly listed: ReadonlySet<string> },
): Loss[] {
  const read = new Map(people.map((one) => [one.key, one]));
  const losses = known.flatMap(({ key, active, name, address }): Loss[] => {
    if (!active || address === null) return [];
    const now = read.get(key);
    const why = !listed.has(key)
      ? 'gone'
      : now?.active === false
        ? 'inactive'
        : now !== undefined && now.address === null
          ? 'no-address'
          : undefined;
    return why === undefined ? [] : [{ key, name, address, why }];
  });
  return losses.sort(
    (one, other) => byName.compare(one.name, other.name) || byName.compare(one.address, other.address),
  );
}

const byName = new Intl.Collator('en', { numeric: true });

export interface Verdict {
  /** Keys of those who stay as they are, though the directory says otherwise: somebody looked, and said so. */
  readonly kept: ReadonlySet<string>;
  /** A new question: nothing is done until it is answered. */
  readonly ask: boolean;
  /** What is to be remembered. */
  readonly drop: Drop | null;
}

/** @param before the question that was asked last, and its answer */
export function judgeDrop(
  { mostLeaving }: Pick<DirectoryConfig, 'mostLeaving'>,
  known: readonly KnownPerson[],
  losses: readonly Loss[],
  before: Drop | null,
  at: Date,
): Verdict {
  const here = known.filter(({ active, address }) => active && address !== null).length;
  const answered = new Set(before?.answer === null ? [] : before?.losses.map(({ key }) => key));
  const unanswered = losses.filter(({ key }) => !answered.has(key));
  const allowed = Math.max(mostLeaving.people, Math.floor((here * mostLeaving.percent) / 100));
  // An empty directory is never taken at its word, however few there were.
  const everybody = losses.length > 0 && losses.length === here && unanswered.length > 0;
  if (unanswered.length > allowed || everybody) {
    const same = before?.answer === null && sameKeys(before.losses, losses);
    const drop = same ? before : { askedAt: at.toISOString(), known: here, losses: [...losses], answer: null };
    return { kept: new Set(), ask: true, drop };
  }
  const dismissed = before?.answer?.kind === 'dismissed' ? losses.filter(({ key }) => answered.has(key)) : [];
  const drop = before !== null && dismissed.length > 0 ? { ...before, losses: dismissed } : null;
  return { kept: new Set(dismissed.map(({ key }) => key)), ask: false, drop };
}

function sameKeys(one: readonly Loss[], other: readonly Loss[]): boolean {
  const keys = (losses: readonly Loss[]) =>
    losses
      .map(({ key, why }) => `${key} ${why}`)
      .sort()
      .join('\n');
  return keys(one) === keys(other);
}
