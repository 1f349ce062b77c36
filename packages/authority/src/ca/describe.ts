/** A certificate of the inventory as lists show it. */
import { CertificateSummary } from '@chancery/api';
import { type CertificateEntry, certificateState } from '../store/certificates.ts';

export function describeCertificate(row: CertificateEntry, now: Date): CertificateSummary {
  return {
    serialNumber: row.serial_number,
    use: row.use,
    profile: row.profile,
    profileVersion: row.profile_version,
    personId: row.person_id,
    address: row.addresses[0] ?? null,
    subject: row.subject,
    state: certificateState(row, now),
    notBefore: row.not_before.toISOString(),
    notAfter: row.not_after.toISOString(),
    renewFrom: row.renew_at.toISOString(),
    keyAlgorithm: row.key_algorithm,
    keyOrigin: row.key_origin,
    revokedAt: row.revoked_at?.toISOString() ?? null,
    revocationReason: CertificateSummary.shape.revocationReason.parse(row.revocation_reason),
  };
}
