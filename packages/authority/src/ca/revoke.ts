/** Revocation: in force for OCSP at once, and on the next CRL, which is ordered in the same transaction. */
import { RevocationReason } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { type CertificateEntry, certificateBySerial, markRevoked } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import type { World } from '../world.ts';

/** @throws AuthorityError `not-found`, `wrong-state` (already revoked) */
export const revokeCertificate = operation({
  action: 'certificate.revoke',
  permission: 'certificate:revoke',
  input: z.strictObject({
    serialNumber: z.string().regex(/^[0-9a-f]{2,40}$/),
    reason: RevocationReason,
    note: z.string().max(1000).default(''),
  }),
  subject: ({ serialNumber }) => `certificate:${serialNumber}`,
  async run(tx, { serialNumber, reason, note }, _by, world) {
    const revoked = await revokeInTransaction(tx, world, { serialNumber, reason });
    return {
      result: revoked,
      audit: { reason, note, use: revoked.use, holder: revoked.person_id ?? revoked.gateway_id },
    };
  },
});

/** For operations of other rooms that revoke as a part of what they do. Same errors. */
export async function revokeInTransaction(
  tx: Transaction,
  world: World,
  { serialNumber, reason }: { serialNumber: string; reason: RevocationReason },
): Promise<CertificateEntry> {
  const revoked = await markRevoked(tx, serialNumber, reason, world.clock());
  if (revoked === undefined) {
    const existing = await certificateBySerial(tx, serialNumber);
    if (existing === undefined) {
      throw new AuthorityError('not-found', 'No certificate has that serial number. Nothing was revoked.');
    }
    throw new AuthorityError(
      'wrong-state',
      `This certificate was revoked already, on ${existing.revoked_at?.toISOString()} (${existing.revocation_reason}). Nothing was changed.`,
    );
  }
  await world.jobs.enqueue(tx, 'generate-crl', { authorityId: revoked.authority_id });
  if (revoked.person_id !== null) await world.jobs.enqueue(tx, 'publish-person', { personId: revoked.person_id });
  return revoked;
}
