import { describe, expect, it } from 'vitest';
import { countOf, expiringBy, issuedBy, profilesIn } from './periods.ts';

const history = {
  // A Wednesday.
  today: '2026-11-25',
  issued: [
    { day: '2025-12-01', profile: 'signing', count: 1 },
    { day: '2026-11-22', profile: 'signing', count: 2 },
    { day: '2026-11-23', profile: 'signing', count: 4 },
    { day: '2026-11-25', profile: 'encryption', count: 8 },
  ],
  expiring: [
    { day: '2026-11-25', profile: 'ocsp-responder', count: 3 },
    { day: '2026-12-01', profile: 'signing', count: 5 },
    { day: '2027-10-31', profile: 'signing', count: 7 },
  ],
};

describe('periods of a chart', () => {
  it('end today, for what was issued', () => {
    const days = issuedBy(history, 'day');
    expect([days.length, days[0]?.start, days.at(-1)]).toEqual([
      90,
      '2026-08-28',
      { start: '2026-11-25', total: 8, counts: { encryption: 8 } },
    ]);
    const weeks = issuedBy(history, 'week');
    expect([weeks.length, weeks[0]?.start, weeks[0]?.total]).toEqual([52, '2025-12-01', 1]);
    expect(weeks.slice(-2)).toEqual([
      { start: '2026-11-16', total: 2, counts: { signing: 2 } },
      { start: '2026-11-23', total: 12, counts: { signing: 4, encryption: 8 } },
    ]);
    expect(issuedBy(history, 'month').map(({ start }) => start.slice(0, 7))).toContain('2025-12');
  });

  it('begin today, for what runs out', () => {
    const months = expiringBy(history, 'month');
    expect([months.length, months[0]?.start, months.at(-1)?.start]).toEqual([12, '2026-11-01', '2027-10-01']);
    expect(months.map(({ total }) => total)).toEqual([3, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    const weeks = expiringBy(history, 'week');
    expect([weeks[0]?.total, weeks[1]?.total, weeks.at(-1)?.start]).toEqual([3, 5, '2027-11-15']);
  });

  it('show the commonest profiles, and the rest as one', () => {
    expect(profilesIn(issuedBy(history, 'week'))).toEqual(['encryption', 'signing']);
    const counts = { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 };
    const row = { start: '2026-11-25', total: 21, counts };
    const named = profilesIn([row]);
    expect(named).toEqual(['f', 'e', 'd', 'c', 'all others']);
    expect(named.map((profile) => countOf(row, profile, named))).toEqual([6, 5, 4, 3, 3]);
  });
});
