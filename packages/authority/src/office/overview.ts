/** The office at a glance: what the first page shows, counted in the database. */
import type { Overview } from '@chancery/api';
import type { KeyStore } from '@chancery/keystore';
import { sql } from 'kysely';
import type { AuthorityConfig } from '../config.ts';
import type { Snapshot } from '../store/database.ts';

/** @param at the present instant; days and months are UTC */
export async function overview(
  snapshot: Snapshot,
  config: AuthorityConfig,
  at: Date,
): Promise<Omit<Overview, 'keyStores'>> {
  return {
    people: await people(snapshot, at),
    certificates: await certificates(snapshot, at),
    escrow: await escrow(snapshot),
    mailByDay: await mailByDay(snapshot, at),
    recoveries: await recoveries(snapshot, at),
    publication: await publication(snapshot, config),
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

async function people(snapshot: Snapshot, at: Date): Promise<Overview['people']> {
  const valid = (use: string) => sql<string>`count(*) FILTER (WHERE EXISTS (
    SELECT 1 FROM certificates c WHERE c.person_id = people.id AND c.use = ${use} AND c.revoked_at IS NULL
      AND c.not_before <= ${at} AND c.not_after > ${at}
      -- a key that its owner cannot use yet makes nobody reachable
      AND (${use} <> 'encryption' OR EXISTS (
        SELECT 1 FROM escrowed_keys e WHERE e.id = c.escrowed_key_id AND (e.delivered_at IS NOT NULL OR EXISTS (
          SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = e.id AND l.kind = 'gateway'))))))`;
  const row = await snapshot
    .selectFrom('people')
    .select([
      sql<string>`count(*)`.as('active'),
      valid('signing').as('canSign'),
      valid('encryption').as('canBeWrittenTo'),
    ])
    .where('state', '=', 'active')
    .executeTakeFirstOrThrow();
  return {
    active: Number(row.active),
    canSign: Number(row.canSign),
    canBeWrittenTo: Number(row.canBeWrittenTo),
  };
}

async function certificates(snapshot: Snapshot, at: Date): Promise<Overview['certificates']> {
  const row = await snapshot
    .selectFrom('certificates')
    .select([
      sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after > ${at} AND renew_at > ${at})`.as('valid'),
      sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after > ${at} AND renew_at <= ${at})`.as(
        'expiring',
      ),
      sql<string>`count(*) FILTER (WHERE revoked_at IS NULL AND not_after <= ${at})`.as('expired'),
      sql<string>`count(*) FILTER (WHERE revoked_at IS NOT NULL)`.as('revoked'),
    ])
    .where('person_id', 'is not', null)
    .executeTakeFirstOrThrow();
  return {
    valid: Number(row.valid),
    expiring: Number(row.expiring),
    expired: Number(row.expired),
    revoked: Number(row.revoked),
  };
}

async function escrow(snapshot: Snapshot): Promise<Overview['escrow']> {
  const keys = await snapshot
    .selectFrom('escrowed_keys')
    .select((select) => select.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  const certified = await snapshot
    .selectFrom('certificates')
    .select([
      sql<string>`count(*)`.as('all'),
      sql<string>`count(*) FILTER (WHERE EXISTS (
        SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = certificates.escrowed_key_id AND l.kind = 'vault'))`.as(
        'covered',
      ),
    ])
    .where('use', '=', 'encryption')
    .executeTakeFirstOrThrow();
  return {
    keys: Number(keys.count),
    encryptionCertificates: Number(certified.all),
    covered: Number(certified.covered),
  };
}

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

async function publication(snapshot: Snapshot, config: AuthorityConfig): Promise<Overview['publication']> {
  const rows = await snapshot
    .selectFrom('publications')
    .select([
      'target',
      sql<string>`count(*) FILTER (WHERE state = 'published')`.as('published'),
      sql<string>`count(*) FILTER (WHERE state = 'pending')`.as('pending'),
      sql<string>`count(*) FILTER (WHERE state = 'failed')`.as('failed'),
      sql<string | null>`(array_agg(error ORDER BY updated_at DESC) FILTER (WHERE error IS NOT NULL))[1]`.as(
        'lastError',
      ),
    ])
    .groupBy('target')
    .execute();
  const targets = new Set([...Object.keys(config.publication.ldap), ...rows.map((row) => row.target)]);
  return [...targets].sort().map((target) => {
    const row = rows.find((one) => one.target === target);
    return {
      target,
      published: Number(row?.published ?? 0),
      pending: Number(row?.pending ?? 0),
      failed: Number(row?.failed ?? 0),
      lastError: row?.lastError ?? null,
    };
  });
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
