/** Issuance and expiry over time. Days are UTC. */
import type { CertificateHistory } from '@chancery/api';
import { type RawBuilder, sql } from 'kysely';
import type { Snapshot } from '../store/database.ts';

const DAY_MS = 86_400_000;
const DAYS = 365;

/** A year back and a year ahead. @param at the present instant */
export async function certificateHistory(snapshot: Snapshot, at: Date): Promise<CertificateHistory> {
  const today = new Date(Math.floor(at.getTime() / DAY_MS) * DAY_MS);
  const days = (count: number) => new Date(today.getTime() + count * DAY_MS);
  const counted = async (column: 'issued_at' | 'not_after', within: RawBuilder<boolean>) => {
    const day = sql`(${sql.ref(column)} AT TIME ZONE 'UTC')::date`;
    // Each is read from an index alone (0008-history), and is of no more than a year. Written out day by day, not row by row.
    const rows = await snapshot
      .selectFrom('certificates')
      .select([sql<string>`to_char(${day}, 'YYYY-MM-DD')`.as('day'), 'profile'])
      .select((select) => select.fn.countAll<string>().as('count'))
      .where(within)
      .groupBy([day, 'profile'])
      .orderBy(day)
      .orderBy('profile')
      .execute();
    return rows.map((row) => ({ ...row, count: Number(row.count) }));
  };
  return {
    today: today.toISOString().slice(0, 10),
    issued: await counted('issued_at', sql`issued_at >= ${days(1 - DAYS)} AND issued_at < ${days(1)}`),
    expiring: await counted('not_after', sql`revoked_at IS NULL AND not_after > ${at} AND not_after < ${days(DAYS)}`),
  };
}
