/** Days of certificates gathered into the periods that a chart shows. Days are UTC: `2026-11-24`. */
import type { CertificateHistory } from '@chancery/api';

export type Period = 'day' | 'week' | 'month';

export interface PeriodRow {
  /** Its first day. */
  readonly start: string;
  readonly total: number;
  /** By profile; 0 where there are none. */
  readonly counts: Readonly<Record<string, number>>;
}

const DAY_MS = 86_400_000;
const LENGTHS: Record<Period, number> = { day: 90, week: 52, month: 12 };
const MOST_PROFILES = 5;
/** No profile is called so: identifiers hold no space. */
const REST = 'all others';

/** Up to today, oldest first: 90 days, 52 weeks or 12 months. */
export function issuedBy(history: CertificateHistory, period: Period): PeriodRow[] {
  const now = startOf(history.today, period);
  return gather(history.issued, period, (index) => later(now, period, index + 1 - LENGTHS[period]));
}

/** From today on: 90 days, 52 weeks or 12 months. */
export function expiringBy(history: CertificateHistory, period: Period): PeriodRow[] {
  const now = startOf(history.today, period);
  return gather(history.expiring, period, (index) => later(now, period, index));
}

/** What the bars are of: the commonest profiles first, the rest as one. */
export function profilesIn(rows: readonly PeriodRow[]): string[] {
  const totals = new Map<string, number>();
  for (const { counts } of rows)
    for (const [profile, count] of Object.entries(counts)) totals.set(profile, (totals.get(profile) ?? 0) + count);
  const found = [...totals].filter(([, count]) => count > 0).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const names = found.map(([profile]) => profile);
  return names.length <= MOST_PROFILES ? names : [...names.slice(0, MOST_PROFILES - 1), REST];
}

/** The count of a profile in a period; of `all others` what the named ones leave. */
export function countOf(row: PeriodRow, profile: string, named: readonly string[]): number {
  if (profile !== REST) return row.counts[profile] ?? 0;
  return row.total - named.reduce((sum, one) => sum + (one === REST ? 0 : (row.counts[one] ?? 0)), 0);
}

function gather(days: CertificateHistory['issued'], period: Period, start: (index: number) => string): PeriodRow[] {
  const rows = Array.from({ length: LENGTHS[period] }, (_, index) => ({
    start: start(index),
    total: 0,
    counts: {} as Record<string, number>,
  }));
  const byStart = new Map(rows.map((row) => [row.start, row]));
  for (const { day, profile, count } of days) {
    const row = byStart.get(startOf(day, period));
    if (row === undefined) continue;
    row.total += count;
    row.counts[profile] = (row.counts[profile] ?? 0) + count;
  }
  return rows;
}

/** Weeks begin on Monday (ISO 8601). */
function startOf(day: string, period: Period): string {
  if (period === 'month') return `${day.slice(0, 7)}-01`;
  if (period === 'day') return day;
  const weekday = (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
  return later(day, 'day', -weekday);
}

function later(day: string, period: Period, count: number): string {
  const at = new Date(`${day}T00:00:00Z`);
  if (period === 'month') at.setUTCMonth(at.getUTCMonth() + count);
  else at.setTime(at.getTime() + count * (period === 'week' ? 7 : 1) * DAY_MS);
  return at.toISOString().slice(0, 10);
}
