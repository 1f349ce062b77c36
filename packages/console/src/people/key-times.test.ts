import { describe, expect, it } from 'vitest';
import { partOf, scaleOf, standingOf, timesOf } from './key-times.ts';

type Key = Parameters<typeof timesOf>[0];
const now = Date.parse('2026-06-01T00:00:00Z');
const key = (more: Partial<Key>): Key => ({
  id: 'k',
  createdAt: '2020-07-01T00:00:00Z',
  origin: 'kra',
  algorithm: 'RSA-3072',
  serialNumber: null,
  certificates: [],
  deliveredAt: null,
  keptUntil: null,
  destroyedAt: null,
  locks: [],
  ...more,
});
const certificate = (notBefore: string, notAfter: string, revokedAt: string | null = null, onHold = false) => ({
  ...{ serialNumber: '01', ours: true, notBefore, notAfter },
  ...{ revokedAt, onHold },
});

describe('the scale of a key history', () => {
  it('runs from the year of the first key to past whatever ends last, in whole years', () => {
    const scale = scaleOf(
      [key({}), key({ createdAt: '2024-01-01T00:00:00Z', keptUntil: '2036-03-01T00:00:00Z' })],
      now,
    );
    expect([new Date(scale.from).toISOString(), new Date(scale.until).toISOString()]).toEqual([
      '2020-01-01T00:00:00.000Z',
      '2037-01-01T00:00:00.000Z',
    ]);
    expect(scale.years).toEqual([2020, 2023, 2026, 2029, 2032, 2035]);
    expect(partOf(scale, now)).toBeCloseTo(6.41 / 17, 2);
    expect(partOf(scale, 0)).toBe(0);
  });

  it('begins with a certificate that is older than the record of its key, for a key of another office', () => {
    const old = certificate('2012-01-01T00:00:00Z', '2014-01-01T00:00:00Z');
    expect(scaleOf([key({ origin: 'imported', certificates: [old] })], now).years[0]).toBe(2012);
    expect(scaleOf([key({ origin: 'kra', certificates: [old] })], now).years[0]).toBe(2020);
  });
});

describe('the times of a key', () => {
  const scale = { from: Date.UTC(2020, 0), until: Date.UTC(2040, 0), years: [] };
  it('are those of its certificates, and how long it is kept', () => {
    const { certified, kept, forEver } = timesOf(
      key({
        createdAt: '2020-01-01T00:00:00Z',
        certificates: [
          certificate('2020-01-01T00:00:00Z', '2025-01-01T00:00:00Z'),
          certificate('2021-01-01T00:00:00Z', '2023-01-01T00:00:00Z'),
        ],
        keptUntil: '2035-01-01T00:00:00Z',
      }),
      scale,
    );
    expect(certified?.[1]).toBeCloseTo(0.25, 2);
    expect(kept[1]).toBeCloseTo(0.75, 2);
    expect(forEver).toBe(false);
  });

  it('end where it was destroyed, and at no place where it is kept for ever', () => {
    const destroyed = timesOf(key({ keptUntil: null, destroyedAt: '2030-01-01T00:00:00Z' }), scale);
    expect(destroyed).toMatchObject({ certified: null, forEver: false });
    expect(destroyed.kept[1]).toBeCloseTo(0.5, 2);
    expect(timesOf(key({}), scale)).toMatchObject({ kept: [expect.any(Number), 1], forEver: true });
  });

  it('end with the revocation of the certificate, whatever it says itself', () => {
    const [from, until] = ['2020-01-01T00:00:00Z', '2030-01-01T00:00:00Z'];
    const revoked = key({ createdAt: from, certificates: [certificate(from, until, '2025-01-01T00:00:00Z')] });
    expect(timesOf(revoked, scale).certified?.[1]).toBeCloseTo(0.25, 2);
    expect(standingOf(revoked, now)).toBe('over');
    const held = key({ certificates: [certificate(from, until, '2025-01-01T00:00:00Z', true)] });
    expect([standingOf(held, now), timesOf(held, scale).certified?.[1]]).toEqual(['held', expect.closeTo(0.5, 2)]);
    const both = key({ certificates: [...revoked.certificates, certificate(from, until)] });
    expect(standingOf(both, now)).toBe('good');
    expect(standingOf(key({ certificates: [certificate(from, from)] }), now)).toBe('over');
  });
});
