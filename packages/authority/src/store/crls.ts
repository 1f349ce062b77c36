/** Certificate revocation lists, and what goes into them. */
import type { Snapshot, Transaction } from './database.ts';

export interface CrlRow {
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  /** DER. */
  readonly crl: Buffer;
}

export async function latestCrl(snapshot: Snapshot, authorityId: string): Promise<CrlRow | undefined> {
  const row = await snapshot
    .selectFrom('crls')
    .selectAll()
    .where('authority_id', '=', authorityId)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  return (
    row && {
      number: Number(row.number),
      thisUpdate: row.this_update,
      nextUpdate: row.next_update,
      entries: row.entries,
      crl: row.crl,
    }
  );
}

/** One CRL of an authority is made at a time, so that its number grows and its contents never shrink. Until commit. */
export async function holdAuthority(tx: Transaction, authorityId: string): Promise<void> {
  await tx.selectFrom('authorities').select('id').where('id', '=', authorityId).forUpdate().execute();
}

export async function insertCrl(tx: Transaction, authorityId: string, row: CrlRow): Promise<void> {
  await tx
    .insertInto('crls')
    .values({
      authority_id: authorityId,
      number: row.number,
      this_update: row.thisUpdate,
      next_update: row.nextUpdate,
      entries: row.entries,
      crl: row.crl,
    })
    .execute();
}

/** Lists that ended before that instant serve nobody. The newest is kept: the next number follows from it. */
export async function dropEndedCrls(tx: Transaction, authorityId: string, newest: number, before: Date): Promise<void> {
  await tx
    .deleteFrom('crls')
    .where('authority_id', '=', authorityId)
    .where('number', '<', String(newest))
    .where('next_update', '<', before)
    .execute();
}

/** Revoked certificates that had not ended by `expiredAfter`, oldest revocation first. */
export async function revokedCertificates(snapshot: Snapshot, authorityId: string, expiredAfter: Date) {
  return ofRevoked(snapshot, authorityId, expiredAfter)
    .select(['serial_number', 'revoked_at', 'revocation_reason'])
    .orderBy('revoked_at')
    .orderBy('serial_number')
    .execute();
}

export async function countRevoked(snapshot: Snapshot, authorityId: string, expiredAfter: Date): Promise<number> {
  const { count } = await ofRevoked(snapshot, authorityId, expiredAfter)
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function ofRevoked(snapshot: Snapshot, authorityId: string, expiredAfter: Date) {
  return snapshot
    .selectFrom('certificates')
    .where('authority_id', '=', authorityId)
    .where('revoked_at', 'is not', null)
    .where('not_after', '>=', expiredAfter);
}
