/** What is revoked, as lists and OCSP need it: narrow, and with the version of its last change. `certificates` is the truth. */
import { type RevocationReason, revocationReasons } from '@chancery/smime';
import { sql } from 'kysely';
import type { CrlScope } from './crls.ts';
import type { Snapshot, Transaction } from './database.ts';
import { changeImportedStatus, importedStatus } from './imported-certificates.ts';

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

/** One entry of a list to be made. */
export interface RevocationEntry {
  readonly serialNumber: string;
  /** Milliseconds since 1970, UTC. */
  readonly revokedAt: number;
  readonly reason: RevocationReason | undefined;
}

/** Rows of one fetch. */
const BATCH = 20_000;

/**
 * What a list holds, by cursor: a million rows are never in memory together. Certificates that ended before `endedBefore` are left out.
 * @param since of a delta: the version of its base. What was released since then comes as `removeFromCRL`
 */
export async function forEachRevocation(
  tx: Transaction,
  scope: CrlScope,
  { endedBefore, since }: { endedBefore: Date; since?: number },
  use: (entry: RevocationEntry) => void,
): Promise<void> {
  const inScope = scope.shard === null ? sql`true` : sql`crl_shard = ${scope.shard}::int`;
  const changed = since === undefined ? sql`NOT released` : sql`version > ${since}::bigint`;
  await sql`DECLARE revoked NO SCROLL CURSOR FOR
    SELECT serial_number AS s, (extract(epoch FROM revoked_at) * 1000)::bigint AS t,
      CASE WHEN released THEN 'removeFromCRL' ELSE reason END AS r
    FROM revocations WHERE authority_id = ${scope.authorityId}::uuid AND not_after >= ${endedBefore}::timestamptz
      AND ${inScope} AND ${changed}`.execute(tx);
  const fetch = sql<{ s: string; t: string; r: string }>`FETCH ${sql.lit(BATCH)} FROM revoked`;
  for (let count = BATCH; count === BATCH; ) {
    const { rows } = await fetch.execute(tx);
    count = rows.length;
    for (const { s, t, r } of rows) use({ serialNumber: s, revokedAt: Number(t), reason: reasonOf(r) });
  }
  await sql`CLOSE revoked`.execute(tx);
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
  const held = sql<boolean>`revocation_reason = 'certificateHold'`;
  let query = tx.updateTable('certificates').set(
    change.act === 'release'
      ? { revoked_at: null, revocation_reason: null }
      : {
          revoked_at: sql<Date>`coalesce(revoked_at, ${at}::timestamptz)`,
          revocation_reason: change.act === 'hold' ? 'certificateHold' : change.reason,
        },
  );
  if ('serialNumber' in target) query = query.where('serial_number', '=', target.serialNumber);
  else {
    query = query.where('not_after', '>=', target.now);
    query =
      'personId' in target
        ? query.where('person_id', '=', target.personId)
        : query.where('authority_id', '=', target.authorityId);
  }
  if (change.act === 'release') query = query.where(held);
  else if (change.act === 'hold') query = query.where('revoked_at', 'is', null);
  else query = query.where((where) => where.or([where('revoked_at', 'is', null), held]));
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
