import { describe, expect, it } from 'vitest';
import { type Drop, judgeDrop, type KnownPerson, lossesOf } from './judge-drop.ts';

const AT = new Date('2026-06-01T12:00:00Z');
const limit = { mostLeaving: { people: 5, percent: 5 } };
const staff = (count: number): KnownPerson[] =>
  Array.from({ length: count }, (_, index) => ({
    key: `k${index}`,
    active: true,
    name: `Person ${index}`,
    address: `p${index}@example.com`,
  }));
const gone = (known: readonly KnownPerson[], count: number) =>
  lossesOf(known, { people: [], listed: new Set(known.slice(count).map(({ key }) => key)) });
const judge = (of: number, losing: number, before: Drop | null = null, mostLeaving = limit) => {
  const known = staff(of);
  return judgeDrop(mostLeaving, known, gone(known, losing), before, AT);
};
const answered = (drop: Drop | null, kind: 'confirmed' | 'dismissed'): Drop => {
  if (drop === null) throw new Error('nothing was asked');
  return { ...drop, answer: { kind, by: 'operator:1', at: AT.toISOString() } };
};

describe('who would leave', () => {
  it('is gone, switched off, or without an address; who was not here loses nothing', () => {
    const known = [...staff(4), { key: 'off', active: false, name: 'Off', address: 'off@example.com' }];
    const person = (key: string, change: object) => ({
      key,
      active: true,
      name: key,
      address: `${key}@x.example`,
      ...change,
    });
    const people = [person('k1', { active: false }), person('k2', { address: null }), person('k3', {})];
    const losses = lossesOf(known, { people, listed: new Set(['k1', 'k2', 'k3']) });
    expect(losses.map(({ key, why }) => [key, why])).toEqual([
      ['k0', 'gone'],
      ['k1', 'inactive'],
      ['k2', 'no-address'],
    ]);
  });
});

describe('a drop', () => {
  it('passes up to the number, or the share where that is more', () => {
    expect(judge(20, 5).ask).toBe(false);
    expect(judge(20, 6).ask).toBe(true);
    expect(judge(1_000, 50).ask).toBe(false);
    expect(judge(1_000, 51).ask).toBe(true);
    expect(judge(20, 1, null, { mostLeaving: { people: 0, percent: 0 } }).ask).toBe(true);
  });

  it('is asked about where nobody is left, however few they were', () => {
    expect(judge(3, 3).ask).toBe(true);
    expect(judge(3, 2).ask).toBe(false);
    expect(judge(0, 0).ask).toBe(false);
  });

  it('is one question as long as it is the same', () => {
    const { drop } = judge(20, 8);
    const later = judgeDrop(limit, staff(20), gone(staff(20), 8), drop, new Date(AT.getTime() + 60_000));
    expect(later.drop).toBe(drop);
    const more = judgeDrop(limit, staff(20), gone(staff(20), 9), drop, new Date(AT.getTime() + 60_000));
    expect(more.drop?.askedAt).not.toBe(drop?.askedAt);
  });

  it('goes through once it is confirmed, and no more than was confirmed', () => {
    const confirmed = answered(judge(20, 8).drop, 'confirmed');
    expect(judge(20, 8, confirmed)).toMatchObject({ ask: false, drop: null });
    expect(judge(20, 10, confirmed).ask).toBe(false);
    expect(judge(20, 14, confirmed).ask).toBe(true);
  });

  it('keeps those of whom it was dismissed, until they are back', () => {
    const dismissed = answered(judge(20, 8).drop, 'dismissed');
    const still = judge(20, 8, dismissed);
    expect([still.ask, still.kept.size, still.drop?.losses.length]).toEqual([false, 8, 8]);
    const some = judge(20, 3, dismissed);
    expect([some.ask, some.kept.size]).toEqual([false, 3]);
    expect(judge(20, 0, dismissed).drop).toBeNull();
    // Others who leave besides are judged by themselves.
    expect(judge(20, 12, dismissed)).toMatchObject({ ask: false });
    expect(judge(20, 14, dismissed).ask).toBe(true);
  });
});
