/** Every key for encryption that a person ever had: when it was good, who opens it, and until when it is kept. */
import type { PersonDetail } from '@chancery/api';
import type { CertificateEntry } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { keyHistory, locksOfKeys } from '../store/escrow.ts';
import { gatewayNames } from '../store/gateways.ts';
import type { ImportedEntry } from '../store/imported-certificates.ts';
import { retentionEnds } from '../store/retention.ts';

/** Newest first. @param certificates of that person, ours; `imported`: those of another office */
export async function describeKeyHistory(
  snapshot: Snapshot,
  personId: string,
  certificates: readonly CertificateEntry[],
  imported: readonly ImportedEntry[],
): Promise<PersonDetail['escrowedKeys']> {
  const keys = await keyHistory(snapshot, personId);
  const ids = keys.map(({ id }) => id);
  const locks = await locksOfKeys(snapshot, ids);
  const ends = await retentionEnds(snapshot, ids);
  const gateways = await gatewayNames(snapshot);
  const all = [
    ...certificates.map((one) => ({ ...one, ours: true })),
    ...imported.map((one) => ({ ...one, ours: false })),
  ].toSorted((one, other) => one.not_before.getTime() - other.not_before.getTime());
  return keys.map((key) => ({
    id: key.id,
    createdAt: key.created_at.toISOString(),
    origin: key.origin,
    algorithm: key.key_algorithm,
    serialNumber: certificates.find((one) => one.escrowed_key_id === key.id)?.serial_number ?? null,
    certificates: all
      .filter((one) => one.escrowed_key_id === key.id)
      .map((one) => ({
        serialNumber: one.serial_number,
        ours: one.ours,
        notBefore: one.not_before.toISOString(),
        notAfter: one.not_after.toISOString(),
        revokedAt: one.revoked_at?.toISOString() ?? null,
        onHold: one.revoked_at !== null && one.revocation_reason === 'certificateHold',
      })),
    deliveredAt: key.delivered_at?.toISOString() ?? null,
    keptUntil: ends.get(key.id)?.toISOString() ?? null,
    destroyedAt: key.destroyed_at?.toISOString() ?? null,
    locks: locks
      .filter((lock) => lock.escrowed_key_id === key.id)
      .map((lock) => ({
        kind: lock.kind,
        holder: lock.kind === 'gateway' ? (gateways.get(lock.holder) ?? null) : null,
        expiresAt: lock.expires_at?.toISOString() ?? null,
      })),
  }));
}
