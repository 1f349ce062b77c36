/**
 * Which certificates are due for renewal, which renewals have begun, and what will be due. A certificate is renewed once another
 * of the same holder and use lasts longer, is good, and can be used by its holder.
 */
import type { CertificateUse } from '@chancery/api';
import { type RawBuilder, type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { KeyOrigin, Schema } from './schema.ts';

export type RenewalRow = Selectable<Schema['renewals']>;

/** A certificate in force whose holder is here and which nothing has taken the place of. */
export interface DueCertificate {
  readonly serialNumber: string;
  readonly use: CertificateUse;
  readonly keyOrigin: KeyOrigin;
  readonly profile: string;
  readonly personId: string | null;
  readonly gatewayId: string | null;
  readonly authorityId: string;
  readonly escrowedKeyId: string | null;
  readonly addresses: readonly string[];
  readonly renewAt: Date;
  readonly notAfter: Date;
  /** What has begun of it. */
  readonly way: RenewalRow['way'] | null;
  readonly fresh: boolean | null;
  readonly rolloverId: string | null;
  readonly tries: number;
  readonly nextAt: Date | null;
  readonly begunAt: Date | null;
}

/** No window is longer: what ends later is not looked at. */
const LONGEST_WINDOW_DAYS = 366;

/**
 * Those whose turn has come: spread over the first part of their window by their holder, the same every time it is asked, and those
 * near their end whatever their place. What ends first comes first.
 * @param spread part of the window, 0 to 1
 */
export async function dueRenewals(
  snapshot: Snapshot,
  { at, spread, urgent, limit }: { at: Date; spread: number; urgent: boolean; limit: number },
): Promise<DueCertificate[]> {
  const turn = urgent
    ? sql<boolean>`${share(URGENT)} <= ${at}::timestamptz`
    : sql<boolean>`${dueAt(spread)} <= ${at}::timestamptz AND ${share(URGENT)} > ${at}::timestamptz`;
  return read(
    snapshot,
    sql<boolean>`c.renew_at <= ${at}::timestamptz AND ${turn}
      AND (r.serial_number IS NULL OR r.next_at <= ${at}::timestamptz)
      AND c.use IN ('signing', 'encryption', 'gateway') AND ${isUnrenewed(at)}`,
    at,
    limit,
  );
}

/** Part of the window after which a renewal waits for no ceiling. */
const URGENT = 0.6;
/** Part of the window after which what is not renewed is told as overdue. */
const OVERDUE = 0.75;

/** In force and far into their window with nothing that takes their place; those that end first come first. */
export async function overdueRenewals(snapshot: Snapshot, at: Date, limit: number): Promise<DueCertificate[]> {
  return read(
    snapshot,
    sql<boolean>`c.use <> 'ocsp' AND ${share(OVERDUE)} <= ${at}::timestamptz AND ${isUnrenewed(at)}`,
    at,
    limit,
  );
}

/** Certificates that this authority signed, which are in force and for which no other has signed one since. */
export async function dueForRollover(
  snapshot: Snapshot,
  { authorityId, rolloverId, at, limit }: { authorityId: string; rolloverId: string; at: Date; limit: number },
): Promise<DueCertificate[]> {
  return read(
    snapshot,
    sql<boolean>`${isToRoll(authorityId, at)}
      AND (r.serial_number IS NULL OR r.rollover_id IS DISTINCT FROM ${rolloverId}::uuid OR r.next_at <= ${at}::timestamptz)`,
    at,
    limit,
    true,
  );
}

/** How far a rollover has come. */
export async function rolloverProgress(
  snapshot: Snapshot,
  { authorityId, rolloverId, at }: { authorityId: string; rolloverId: string; at: Date },
): Promise<{ left: number; begun: number }> {
  const left = await joined(snapshot)
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where(inForce(at))
    .where(isToRoll(authorityId, at))
    .executeTakeFirstOrThrow();
  const begun = await snapshot
    .selectFrom('renewals')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('rollover_id', '=', rolloverId)
    .executeTakeFirstOrThrow();
  return { left: Number(left.count), begun: Number(begun.count) };
}

/** Renewals of that rollover, or of none, that began since then. */
export async function begunSince(snapshot: Snapshot, rolloverId: string | null, since: Date): Promise<number> {
  const { count } = await snapshot
    .selectFrom('renewals')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('begun_at', '>=', since)
    .where('rollover_id', rolloverId === null ? 'is' : '=', rolloverId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Of these, those that nothing has taken the place of yet, held until commit so that a second round finds them begun. */
export async function holdDue(
  tx: Transaction,
  serialNumbers: readonly string[],
  at: Date,
  rollover: { readonly authorityId: string } | null,
): Promise<DueCertificate[]> {
  // Two nodes that come upon the same certificates take turns, and the second finds them begun.
  await sql`SELECT pg_advisory_xact_lock(hashtextextended('renewals', 0))`.execute(tx);
  const open = rollover === null ? isUnrenewed(at) : isToRoll(rollover.authorityId, at);
  return read(
    tx,
    sql<boolean>`c.serial_number = ANY (${serialNumbers}::text[]) AND ${open}`,
    at,
    serialNumbers.length,
    rollover !== null,
  );
}

/** Begun, or begun again. */
export async function noteRenewals(
  tx: Transaction,
  rows: readonly Pick<RenewalRow, 'serial_number' | 'way' | 'fresh' | 'rollover_id' | 'next_at'>[],
  at: Date,
): Promise<void> {
  for (let from = 0; from < rows.length; from += 1000) {
    await tx
      .insertInto('renewals')
      .values(rows.slice(from, from + 1000).map((row) => ({ ...row, tries: 1, begun_at: at })))
      .onConflict((conflict) =>
        conflict.column('serial_number').doUpdateSet({
          way: (row) => row.ref('excluded.way'),
          fresh: (row) => row.ref('excluded.fresh'),
          rollover_id: sql`coalesce(excluded.rollover_id, renewals.rollover_id)`,
          next_at: (row) => row.ref('excluded.next_at'),
          // A rollover counts what it begins, also of what had begun before it.
          begun_at: sql`CASE WHEN excluded.rollover_id IS DISTINCT FROM renewals.rollover_id AND excluded.rollover_id IS NOT NULL
            THEN excluded.begun_at ELSE renewals.begun_at END`,
          tries: sql`renewals.tries + 1`,
        }),
      )
      .execute();
  }
}

/** Of these certificates, those whose renewal has begun. */
export async function renewalsBegun(snapshot: Snapshot, serialNumbers: readonly string[]): Promise<Set<string>> {
  const rows = await snapshot
    .selectFrom('renewals')
    .select('serial_number')
    .where(sql<boolean>`serial_number = ANY (${serialNumbers}::text[])`)
    .execute();
  return new Set(rows.map(({ serial_number }) => serial_number));
}

/** Certificates that gateways shall replace, in force still. */
export async function gatewayRenewals(snapshot: Snapshot, at: Date): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('renewals as r')
    .innerJoin('certificates as c', 'c.serial_number', 'r.serial_number')
    .select('r.serial_number')
    .where('r.way', '=', 'gateway')
    .where('c.revoked_at', 'is', null)
    .where('c.not_after', '>', at)
    .orderBy('r.serial_number')
    .execute();
  return rows.map(({ serial_number }) => serial_number);
}

export interface ForecastRow {
  /** Of the span of time, from 0; what is due already is in the first. */
  readonly span: number;
  readonly profile: string;
  readonly use: CertificateUse;
  readonly keyOrigin: KeyOrigin;
  readonly certificates: number;
}

/** What is to be renewed when, by the spans of time that end at these instants. */
export async function forecastRenewals(
  snapshot: Snapshot,
  { at, spread, ends }: { at: Date; spread: number; ends: readonly Date[] },
): Promise<ForecastRow[]> {
  const last = ends.at(-1) ?? at;
  const rows = await joined(snapshot)
    .select([
      'c.profile',
      'c.use',
      'c.key_origin',
      sql<number>`width_bucket(${dueAt(spread)}, ${ends.map((end) => end.toISOString())}::timestamptz[])`.as('span'),
    ])
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where(inForce(at))
    .where(
      sql<boolean>`c.use <> 'ocsp' AND c.renew_at < ${last}::timestamptz AND ${dueAt(spread)} < ${last}::timestamptz`,
    )
    .where(isUnrenewed(at))
    .groupBy(['c.profile', 'c.use', 'c.key_origin', 'span'])
    .orderBy('span')
    .orderBy('c.profile')
    .orderBy('c.key_origin')
    .execute();
  return rows.map((row) => ({
    span: row.span,
    profile: row.profile,
    use: row.use,
    keyOrigin: row.key_origin,
    certificates: Number(row.count),
  }));
}

/** When its turn comes: so far into its window as its holder's place is. */
function dueAt(spread: number): RawBuilder<Date> {
  return sql<Date>`(c.renew_at + (c.not_after - c.renew_at) * (${spread}::double precision
    * (('x' || substr(md5(coalesce(c.person_id, c.gateway_id)::text || c.use), 1, 8))::bit(32)::bigint / 4294967296::double precision)))`;
}

/** When so large a part of its window is over. */
const share = (part: number): RawBuilder<Date> =>
  sql<Date>`(c.renew_at + (c.not_after - c.renew_at) * ${part}::double precision)`;

const inForce = (at: Date) => sql<boolean>`c.revoked_at IS NULL AND c.not_after > ${at}::timestamptz
  AND (c.person_id IS NULL OR p.state = 'active')
  -- what stands in for a key that the person no longer signs with ends by itself
  AND (c.use <> 'signing' OR (c.key_origin = 'gateway') = (p.signing_key = 'gateway'))`;

/** Nothing that its holder can use has taken its place. */
const isUnrenewed = (at: Date) => sql<boolean>`NOT EXISTS (
  SELECT 1 FROM certificates n LEFT JOIN escrowed_keys e ON e.id = n.escrowed_key_id
  WHERE ${isSuccessor(at)} AND n.not_after > c.not_after AND (n.use <> 'encryption' OR ${isUsable}))`;

/** The authority signed it, and no other has signed one for the same since. */
const isToRoll = (authorityId: string, at: Date) => sql<boolean>`c.authority_id = ${authorityId}::uuid
  AND c.use IN ('signing', 'encryption', 'gateway') AND NOT EXISTS (
    SELECT 1 FROM certificates n LEFT JOIN escrowed_keys e ON e.id = n.escrowed_key_id
    WHERE ${isSuccessor(at)} AND n.authority_id <> c.authority_id AND (n.use <> 'encryption' OR ${isUsable}))
  -- of several of one key or place, the newest stands for them
  AND NOT EXISTS (
    SELECT 1 FROM certificates n WHERE ${isSuccessor(at)} AND n.authority_id = c.authority_id)`;

const isSuccessor = (at: Date) => sql`coalesce(n.person_id, n.gateway_id) = coalesce(c.person_id, c.gateway_id)
  AND (n.person_id = c.person_id OR n.gateway_id = c.gateway_id)
  AND n.use = c.use AND n.serial_number <> c.serial_number
  AND n.revoked_at IS NULL AND n.not_after > ${at}::timestamptz
  AND (n.issued_at, n.not_after) > (c.issued_at, c.not_after)
  AND (n.use = 'encryption' OR n.key_origin = c.key_origin OR (n.key_origin <> 'gateway' AND c.key_origin <> 'gateway'))`;

const isUsable = sql`(e.delivered_at IS NOT NULL OR EXISTS (
  SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = e.id AND l.kind = 'gateway'))`;

function joined(snapshot: Snapshot) {
  return snapshot
    .selectFrom('certificates as c')
    .leftJoin('people as p', 'p.id', 'c.person_id')
    .leftJoin('renewals as r', 'r.serial_number', 'c.serial_number');
}

async function read(
  snapshot: Snapshot,
  which: RawBuilder<boolean>,
  at: Date,
  limit: number,
  anyEnd = false,
): Promise<DueCertificate[]> {
  let query = joined(snapshot)
    .select([
      'c.serial_number',
      'c.use',
      'c.key_origin',
      'c.profile',
      'c.person_id',
      'c.gateway_id',
      'c.authority_id',
      'c.escrowed_key_id',
      'c.addresses',
      'c.renew_at',
      'c.not_after',
      'r.way',
      'r.fresh',
      'r.rollover_id',
      'r.tries',
      'r.next_at',
      'r.begun_at',
    ])
    .where(inForce(at))
    .where(which);
  if (!anyEnd) {
    query = query.where(
      sql<boolean>`c.not_after <= ${at}::timestamptz + make_interval(days => ${LONGEST_WINDOW_DAYS}::int)`,
    );
  }
  const rows = await query.orderBy('c.not_after').orderBy('c.serial_number').limit(limit).execute();
  return rows.map((row) => ({
    serialNumber: row.serial_number,
    use: row.use,
    keyOrigin: row.key_origin,
    profile: row.profile,
    personId: row.person_id,
    gatewayId: row.gateway_id,
    authorityId: row.authority_id,
    escrowedKeyId: row.escrowed_key_id,
    addresses: row.addresses,
    renewAt: row.renew_at,
    notAfter: row.not_after,
    way: row.way,
    fresh: row.fresh,
    rolloverId: row.rollover_id,
    tries: row.tries ?? 0,
    nextAt: row.next_at,
    begunAt: row.begun_at,
  }));
}
