/** What is revoked, as lists and OCSP need it: narrow, and with the version of its last change. `certificates` is the truth. */
import { type RevocationReason, revocationReasons } from '@chancery/smime';
import { sql } from 'kysely';
import type { CrlScope } from './crls.ts';
import type { Snapshot, Transaction } from './database.ts';
import { changeImportedStatus, importedStatus } from './imported-certificates.ts';
import { changedStatus, mayChange } from './status-change.ts';

/** The version up to which an authority's revocations have committed; 0 where nothing was ever revoked. */
export async function revocationVersion(snapshot: Snapshot, authorityId: string): Promise<number> {
  const row = await snapshot
    .selectFrom('revocation_versions')
    .select('version')
    .where('authority_id', '=', authorityId)
    .executeTakeFirst();
  return Number(row?.version ?? 0);
}

/** Of every authority at which anything was ever revoked, by id. */
export async function revocationVersions(snapshot: Snapshot): Promise<Map<string, number>> {
  const rows = await snapshot.selectFrom('revocation_versions').selectAll().execute();
  return new Map(rows.map(({ authority_id, version }) => [authority_id, Number(version)]));
}

/** Serial numbers whose status changed after that version, at most `limit`; more mean that it is no use to name them. */
export async function changedSince(
  snapshot: Snapshot,
  authorityId: string,
  version: number,
  limit: number,
): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('revocations')
    .select('serial_number')
    .where('authority_id', '=', authorityId)
    .where('version', '>', String(version))
    .limit(limit)
    .execute();
  return rows.map(({ serial_number }) => serial_number);
}

/** Did anything of that scope change after that version? */
export async function hasChanged(snapshot: Snapshot, scope: CrlScope, version: number): Promise<boolean> {
  let query = snapshot
    .selectFrom('revocations')
    .select('serial_number')
    .where('authority_id', '=', scope.authorityId)
    .where('version', '>', String(version));
  if (scope.shard !== null) query = query.where('crl_shard', '=', scope.shard);
  return (await query.limit(1).executeTakeFirst()) !== undefined;
}

/** What a list of few must hold: revoked, not released, and not ended before that. */
export async function listRevocations(
  snapshot: Snapshot,
  authorityId: string,
  at: Date,
): Promise<{ serialNumber: string; reason: string; revokedAt: Date }[]> {
  const rows = await snapshot
    .selectFrom('revocations')
    .select(['serial_number', 'reason', 'revoked_at'])
    .where('authority_id', '=', authorityId)
    .where('released', '=', false)
    .where('not_after', '>', at)
    .orderBy('revoked_at')
    .limit(10_000)
    .execute();
  return rows.map((row) => ({ serialNumber: row.serial_number, reason: row.reason, revokedAt: row.revoked_at }));
}

/** One entry of a list to be made. */
export interface RevocationEntry {
  readonly serialNumber: string;
  /** Milliseconds since 1970, UTC. */
  readonly revokedAt: number;
  readonly reason: RevocationReason | undefined;
}

/** Which entries a list holds. */
export interface WantedRevocations {
  /** Certificates that ended before are left out. */
  readonly endedBefore: Date;
  /** Of a delta: the version of its base. What was released since then comes as `removeFromCRL`. */
  readonly since?: number;
}

/** How many entries a list would hold now. */
export async function countRevocations(
  snapshot: Snapshot,
  scope: CrlScope,
  wanted: WantedRevocations,
): Promise<number> {
  const { count } = await snapshot
    .selectFrom('revocations')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where(inList(scope, wanted))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** What a list holds, by cursor: a million rows are never in memory together. @param count as `countRevocations` has it */
export async function forEachRevocation(
  tx: Transaction,
  scope: CrlScope,
  wanted: WantedRevocations,
  count: number,
  use: (entry: RevocationEntry) => void,
): Promise<void> {
  const lines = count > MANY ? linesByBlocks(scope, wanted) : linesByRows(scope, wanted);
  await sql`DECLARE revoked NO SCROLL CURSOR FOR ${lines}`.execute(tx);
  const fetch = sql<{ lines: string }>`FETCH ${sql.lit(count > MANY ? 8 : 1_000)} FROM revoked`;
  const reasons = new Map<string, RevocationReason | undefined>();
  for (let found = true; found; ) {
    const { rows } = await fetch.execute(tx);
    found = rows.length > 0;
    for (const row of rows) {
      for (let at = 0; at < row.lines.length; ) {
        const end = row.lines.indexOf('\n', at);
        const line = row.lines.slice(at, end);
        at = end + 1;
        const first = line.indexOf(' ');
        const second = line.indexOf(' ', first + 1);
        const reason = line.slice(second + 1);
        if (!reasons.has(reason)) reasons.set(reason, reasonOf(reason));
        use({
          serialNumber: line.slice(first + 1, second),
          revokedAt: Number(line.slice(0, first)),
          reason: reasons.get(reason),
        });
      }
    }
  }
  await sql`CLOSE revoked`.execute(tx);
}

/** From so many on the table is read from beginning to end, and its rows come by the block. */
const MANY = 20_000;

/** SQL: one text for each row. One column, as the driver takes longer for each of three; neither hex nor a reason has a blank in it. */
const LINE = sql`(extract(epoch FROM revoked_at) * 1000)::bigint || ' ' || serial_number || ' ' ||
  CASE WHEN released THEN 'removeFromCRL' ELSE replace(reason, E'\n', '') END || E'\n'`;

function linesByRows(scope: CrlScope, wanted: WantedRevocations) {
  return sql`SELECT ${LINE} AS lines FROM revocations WHERE ${inList(scope, wanted)}`;
}

/**
 * SQL: one text for all rows in 32 blocks of the table. A row that is an object of its own costs the driver more than all that is
 * done with it. It is one statement, so that what changes meanwhile is seen nowhere or everywhere, wherever its row moves to.
 */
function linesByBlocks(scope: CrlScope, wanted: WantedRevocations) {
  return sql`SELECT part.lines FROM
    generate_series(0::bigint, pg_relation_size('revocations') / current_setting('block_size')::bigint, 32) AS block,
    LATERAL (
      SELECT string_agg(${LINE}, '') AS lines FROM revocations
      WHERE ctid >= ('(' || block || ',0)')::tid AND ctid < ('(' || block + 32 || ',0)')::tid AND ${inList(scope, wanted)}
    ) AS part
    WHERE part.lines IS NOT NULL`;
}

function inList({ authorityId, shard }: CrlScope, { endedBefore, since }: WantedRevocations) {
  const inScope = shard === null ? sql`true` : sql`crl_shard = ${shard}::int`;
  const changed = since === undefined ? sql`NOT released` : sql`version > ${since}::bigint`;
  return sql<boolean>`authority_id = ${authorityId}::uuid AND not_after >= ${endedBefore}::timestamptz
    AND ${inScope} AND ${changed}`;
}

/** As RFC 5280 5.3.1 and RFC 6960 4.2.1 have it: `unspecified` is said by saying nothing, and so is what is no reason. */
export function reasonOf(text: string | null): RevocationReason | undefined {
  return text === null || text === 'unspecified' || !Object.hasOwn(revocationReasons, text)
    ? undefined
    : (text as RevocationReason);
}

/** What can become of a certificate: revoked for good, put on hold, or let go again. */
export type StatusChange =
  | { readonly act: 'revoke'; readonly reason: Exclude<RevocationReason, 'certificateHold' | 'removeFromCRL'> }
  | { readonly act: 'hold' }
  | { readonly act: 'release' };

/** Which certificates a change is for. Those that have ended are left as they are, except where one is named. */
export type StatusTarget =
  | { readonly serialNumber: string }
  | { readonly personId: string; readonly now: Date }
  | { readonly authorityId: string; readonly now: Date };

export interface ChangedCertificate {
  readonly serialNumber: string;
  readonly authorityId: string;
  readonly personId: string | null;
}

/**
 * Changes the status of every certificate for which that is a change, also of those that an authority of ours signed before it
 * came here, except where one is named by its serial number; a revocation follows a hold, and begins when the hold began.
 * Lists and OCSP know it from the commit on: a trigger notes it for them.
 */
export async function changeStatus(
  tx: Transaction,
  target: StatusTarget,
  change: StatusChange,
  at: Date,
): Promise<ChangedCertificate[]> {
  let query = tx.updateTable('certificates').set(changedStatus(change, at));
  if ('serialNumber' in target) query = query.where('serial_number', '=', target.serialNumber);
  else {
    query = query.where('not_after', '>=', target.now);
    query =
      'personId' in target
        ? query.where('person_id', '=', target.personId)
        : query.where('authority_id', '=', target.authorityId);
  }
  query = query.where(mayChange(change));
  const rows = await query.returning(['serial_number', 'authority_id', 'person_id']).execute();
  const changed = rows.map((row) => ({
    serialNumber: row.serial_number,
    authorityId: row.authority_id,
    personId: row.person_id,
  }));
  return 'serialNumber' in target ? changed : [...changed, ...(await changeImportedStatus(tx, target, change, at))];
}

/** The same for an authority's own certificate, at its issuer. False where that is no change. */
export async function changeAuthorityStatus(
  tx: Transaction,
  authority: { id: string; issuerId: string; serialNumber: string; notAfter: Date },
  change: StatusChange,
  at: Date,
): Promise<boolean> {
  const present = await tx
    .selectFrom('authorities')
    .select(['revoked_at', 'revocation_reason'])
    .where('id', '=', authority.id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  const held = present.revocation_reason === 'certificateHold';
  if (change.act === 'release' ? !held : present.revoked_at !== null && !(held && change.act === 'revoke'))
    return false;
  const released = change.act === 'release';
  const revokedAt = present.revoked_at ?? at;
  const reason = change.act === 'revoke' ? change.reason : 'certificateHold';
  await tx
    .updateTable('authorities')
    .set(
      released ? { revoked_at: null, revocation_reason: null } : { revoked_at: revokedAt, revocation_reason: reason },
    )
    .where('id', '=', authority.id)
    .execute();
  await noteRevocation(tx, {
    authorityId: authority.issuerId,
    serialNumber: authority.serialNumber,
    revokedAt,
    reason,
    released,
    notAfter: authority.notAfter,
  });
  return true;
}

/** What lists say of a certificate that is in no inventory: of an authority, or a cross-certificate. */
export async function noteRevocation(
  tx: Transaction,
  certificate: {
    /** Who signed it. */
    readonly authorityId: string;
    readonly serialNumber: string;
    readonly revokedAt: Date;
    readonly reason: string;
    readonly released: boolean;
    readonly notAfter: Date;
  },
): Promise<void> {
  await tx
    .insertInto('revocations')
    .values({
      authority_id: certificate.authorityId,
      serial_number: certificate.serialNumber,
      crl_shard: null,
      revoked_at: certificate.revokedAt,
      reason: certificate.reason,
      released: certificate.released,
      not_after: certificate.notAfter,
      version: sql<string>`next_revocation_version(${certificate.authorityId}::uuid)`,
    })
    .onConflict((conflict) =>
      conflict.columns(['authority_id', 'serial_number']).doUpdateSet({
        revoked_at: (row) => row.ref('excluded.revoked_at'),
        reason: (row) => row.ref('excluded.reason'),
        released: (row) => row.ref('excluded.released'),
        version: (row) => row.ref('excluded.version'),
      }),
    )
    .execute();
}

/**
 * What OCSP needs to know about serial numbers, and no more. Serial numbers that were never issued are absent. What an
 * authority signed before it came here is asked for only where the inventory does not know it.
 */
export async function revocationStatus(snapshot: Snapshot, authorityId: string, serialNumbers: readonly string[]) {
  const rows = await snapshot
    .selectFrom('certificates')
    .select(['serial_number', 'revoked_at', 'revocation_reason'])
    .where('serial_number', 'in', serialNumbers)
    .where('authority_id', '=', authorityId)
    .execute();
  if (rows.length >= serialNumbers.length) return rows;
  return [...rows, ...(await importedStatus(snapshot, authorityId, serialNumbers))];
}
