/** Where the times of a person's keys stand on one scale. Pure. */
import type { PersonDetail } from '@chancery/api';

type Key = PersonDetail['escrowedKeys'][number];

export interface Scale {
  /** Milliseconds. */
  readonly from: number;
  readonly until: number;
  /** Years that are written on it. */
  readonly years: readonly number[];
}

/** Parts of the scale, between 0 and 1. */
export interface KeyTimes {
  /** Of its certificates, first to last; null without one. */
  readonly certified: readonly [from: number, until: number] | null;
  /** From when it was made until it may be destroyed, or was; to the edge where it is kept for ever. */
  readonly kept: readonly [from: number, until: number];
  readonly forEver: boolean;
}

const YEAR = 31_556_952_000;

/** From the first key to a year after the last that is known to happen, whole years. */
export function scaleOf(keys: readonly Key[], now: number): Scale {
  const begins = keys.map(beginOf);
  const ends = keys.flatMap((key) => [
    ...key.certificates.map(({ notAfter }) => Date.parse(notAfter)),
    ...(key.keptUntil === null ? [] : [Date.parse(key.keptUntil)]),
  ]);
  const first = new Date(Math.min(now, ...begins)).getUTCFullYear();
  const last = new Date(Math.max(now + YEAR, ...ends)).getUTCFullYear() + 1;
  // A dozen fit beside each other on a narrow screen, not.
  const step = Math.ceil((last - first) / 6);
  return {
    from: Date.UTC(first, 0),
    until: Date.UTC(last, 0),
    years: Array.from({ length: Math.floor((last - 1 - first) / step) + 1 }, (_, index) => first + index * step),
  };
}

export function timesOf(key: Key, scale: Scale): KeyTimes {
  const at = (instant: number) => partOf(scale, instant);
  const [first, last] = [key.certificates[0], key.certificates.at(-1)];
  const ended = key.destroyedAt ?? key.keptUntil;
  return {
    certified:
      first === undefined || last === undefined
        ? null
        : [at(Date.parse(first.notBefore)), at(Math.max(...key.certificates.map(endOf)))],
    kept: [at(beginOf(key)), ended === null ? 1 : at(Date.parse(ended))],
    forEver: ended === null,
  };
}

/**
 * What is true of a key today: `good` while a certificate of it is, `held` while the one that would be is on hold; `over` once all have
 * ended or are revoked, when it only opens old mail.
 */
export function standingOf(key: Key, now: number): 'destroyed' | 'not-certified' | 'good' | 'held' | 'over' {
  if (key.destroyedAt !== null) return 'destroyed';
  if (key.certificates.length === 0) return 'not-certified';
  const inTime = key.certificates.filter(
    ({ notBefore, notAfter }) => Date.parse(notBefore) <= now && Date.parse(notAfter) > now,
  );
  if (inTime.some(({ revokedAt }) => revokedAt === null)) return 'good';
  return inTime.some(({ onHold }) => onHold) ? 'held' : 'over';
}

/** When a certificate stopped being good, or will. One on hold may be good again. */
export function endOf({ notAfter, revokedAt, onHold }: Key['certificates'][number]): number {
  return revokedAt === null || onHold ? Date.parse(notAfter) : Math.min(Date.parse(revokedAt), Date.parse(notAfter));
}

export function partOf({ from, until }: Scale, instant: number): number {
  return Math.min(1, Math.max(0, (instant - from) / (until - from)));
}

/** A key of another office is as old as its first certificate, not as its record here. */
function beginOf(key: Key): number {
  const first = key.certificates[0];
  const made = Date.parse(key.createdAt);
  return key.origin === 'imported' && first !== undefined ? Math.min(made, Date.parse(first.notBefore)) : made;
}
