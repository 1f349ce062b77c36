/** The office at a glance: what the first page shows, counted in the database. */
import type { Overview } from '@chancery/api';
import type { KeyStore } from '@chancery/keystore';
import { sql } from 'kysely';
import type { Snapshot } from '../store/database.ts';
import { countAnnounced } from '../store/retention.ts';
import type { OfficeCounts } from './counts.ts';

/** Beside what `countOffice` counts. @param at the present instant; days are UTC */
export async function overview(
  snapshot: Snapshot,
  at: Date,
): Promise<Omit<Overview, 'keyStores' | keyof OfficeCounts>> {
  return {
    mailByDay: await mailByDay(snapshot, at),
    retention: { ending: await countAnnounced(snapshot) },
    recoveries: await recoveries(snapshot, at),
    status: await status(snapshot),
    gateways: (await snapshot.selectFrom('gateways').select(['name', 'last_seen_at']).orderBy('name').execute()).map(
      (row) => ({ name: row.name, lastSeenAt: row.last_seen_at?.toISOString() ?? null }),
    ),
  };
}

/** How the key stores are. Asked outside of any transaction: a token may take its time. */
export async function keyStores(keyStore: KeyStore): Promise<Overview['keyStores']> {
  return (await keyStore.health()).map(({ name, state, since, device, sessions, lastError }) => ({
    name,
    state,
    since: since.toISOString(),
    device: device ?? null,
    sessions: sessions ?? null,
    lastError: lastError ? { at: lastError.at.toISOString(), message: lastError.message } : null,
  }));
}

const DAY_MS = 86_400_000;

async function mailByDay(snapshot: Snapshot, at: Date): Promise<Overview['mailByDay']> {
  const days = lastDays(at);
  const rows = await snapshot
    .selectFrom('mail_journal')
    .select([sql<string>`to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`.as('day'), 'outcome'])
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('at', '>=', startOf(days))
    .groupBy(['day', 'outcome'])
    .execute();
  return days.map((day) => {
    const count = (...outcomes: string[]) =>
      rows
        .filter((row) => row.day === day && outcomes.includes(row.outcome))
        .reduce((sum, row) => sum + Number(row.count), 0);
    return {
      day,
      signed: count('signed'),
      encrypted: count('signed-encrypted', 'encrypted'),
      decrypted: count('decrypted'),
      verified: count('verified'),
      refused: count('refused'),
      plain: count('plain'),
    };
  });
}

async function recoveries(snapshot: Snapshot, at: Date): Promise<Overview['recoveries']> {
  const row = await snapshot
    .selectFrom('recovery_requests')
    .select([
      sql<string>`count(*) FILTER (WHERE state = 'open')`.as('open'),
      sql<string>`count(*) FILTER (WHERE state = 'approved')`.as('approved'),
    ])
    .where('expires_at', '>', at)
    .executeTakeFirstOrThrow();
  return { open: Number(row.open), approved: Number(row.approved) };
}

async function status(snapshot: Snapshot): Promise<Overview['status']> {
  const crl = await snapshot
    .selectFrom('crls')
    .innerJoin('authorities', 'authorities.id', 'crls.authority_id')
    .select(['crls.number', 'crls.next_update'])
    .where('authorities.role', '=', 'issuing')
    .orderBy('crls.number', 'desc')
    .limit(1)
    .executeTakeFirst();
  return {
    crlNumber: crl === undefined ? null : Number(crl.number),
    crlNextUpdate: crl?.next_update.toISOString() ?? null,
  };
}

/** The last thirty days up to today, oldest first: `2026-11-24`. */
function lastDays(at: Date): string[] {
  return Array.from({ length: 30 }, (_, index) =>
    new Date(at.getTime() - (29 - index) * DAY_MS).toISOString().slice(0, 10),
  );
}

function startOf(days: readonly string[]): Date {
  return new Date(`${days[0]}T00:00:00Z`);
}
