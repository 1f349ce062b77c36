/** Cross-certificates: those of our authorities by other roots, and those that our roots gave to others. */
import { type Certificate, parseCertificate } from '@chancery/smime';
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export interface CrossCertificate {
  readonly id: string;
  /** Whose name and key it certifies; null where that is no authority of ours. */
  readonly subjectId: string | null;
  /** Who signed it; null where that is no authority of ours. */
  readonly issuerId: string | null;
  readonly certificate: Certificate;
  /** DER certificates from an outside issuer's up to its root. */
  readonly above: readonly Uint8Array[];
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

export async function insertCrossCertificate(
  tx: Transaction,
  { id, subjectId, issuerId, certificate, above, createdAt }: Omit<CrossCertificate, 'revokedAt'>,
): Promise<void> {
  await tx
    .insertInto('cross_certificates')
    .values({
      id,
      subject_id: subjectId,
      issuer_id: issuerId,
      serial_number: certificate.serialNumber,
      certificate: Buffer.from(certificate.der),
      above: above.map((der) => Buffer.from(der)),
      not_after: certificate.notAfter,
      created_at: createdAt,
    })
    .execute();
}

/** Oldest first. */
export async function listCrossCertificates(snapshot: Snapshot): Promise<CrossCertificate[]> {
  return (
    await snapshot.selectFrom('cross_certificates').selectAll().orderBy('created_at').orderBy('id').execute()
  ).map(read);
}

/** Those of these authorities, and not revoked by us. */
export async function crossCertificatesOf(
  snapshot: Snapshot,
  authorityIds: readonly string[],
): Promise<CrossCertificate[]> {
  return (await listCrossCertificates(snapshot)).filter(
    ({ subjectId, revokedAt }) => subjectId !== null && authorityIds.includes(subjectId) && revokedAt === null,
  );
}

/** That authority of ours signed those. */
export async function placeCrossBelow(tx: Transaction, ids: readonly string[], issuerId: string): Promise<void> {
  if (ids.length === 0) return;
  await tx.updateTable('cross_certificates').set({ issuer_id: issuerId, above: [] }).where('id', 'in', ids).execute();
}

/** Held until commit. */
export async function holdCrossCertificate(tx: Transaction, id: string): Promise<CrossCertificate | undefined> {
  const row = await tx.selectFrom('cross_certificates').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
  return row && read(row);
}

export async function markCrossRevoked(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx.updateTable('cross_certificates').set({ revoked_at: at }).where('id', '=', id).execute();
}

function read(row: Selectable<Schema['cross_certificates']>): CrossCertificate {
  return {
    id: row.id,
    subjectId: row.subject_id,
    issuerId: row.issuer_id,
    certificate: parseCertificate(row.certificate),
    above: row.above,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  };
}
