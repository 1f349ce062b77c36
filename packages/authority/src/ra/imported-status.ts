/** Certificates of other offices as lists show them, and the status of those that an authority of ours signed elsewhere. */
import { ImportedCertificate, RevocationReason } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import {
  changeImportedStatus,
  type ImportedEntry,
  importedById,
  importedState,
} from '../store/imported-certificates.ts';

export function describeImported(row: ImportedEntry, now: Date): ImportedCertificate {
  return {
    id: row.id,
    personId: row.person_id,
    address: ImportedCertificate.shape.address.catch(null).parse(row.addresses[0] ?? null),
    subject: row.subject,
    issuer: row.issuer,
    serialNumber: row.serial_number,
    authorityId: row.authority_id,
    use: row.use,
    alsoSigns: row.also_signs,
    state: importedState(row, now),
    keyAlgorithm: row.key_algorithm,
    fingerprintSha256: row.fingerprint.toString('hex'),
    escrowedKeyId: row.escrowed_key_id,
    notBefore: row.not_before.toISOString(),
    notAfter: row.not_after.toISOString(),
    source: row.source,
    importedAt: row.imported_at.toISOString(),
    revokedAt: row.revoked_at?.toISOString() ?? null,
    revocationReason: ImportedCertificate.shape.revocationReason.catch('unspecified').parse(row.revocation_reason),
  };
}

/**
 * For OCSP at once, and on the next list of its authority, as a certificate that was issued here.
 * @throws AuthorityError `not-found`, `wrong-state` (its issuer is not here, or it is revoked already)
 */
export const revokeImportedCertificate = operation({
  action: 'certificate.revoke-imported',
  permission: 'certificate:revoke',
  input: z.strictObject({ id: z.uuid(), reason: RevocationReason, note: z.string().max(1000).default('') }),
  subject: ({ id }) => `imported-certificate:${id}`,
  async run(tx, { id, reason, note }, _by, world) {
    const row = await importedById(tx, id);
    if (row === undefined)
      throw new AuthorityError('not-found', 'There is no such imported certificate. Nothing was changed.');
    if (row.authority_id === null)
      throw new AuthorityError(
        'wrong-state',
        `${row.issuer} issued this certificate and is not here, so that nothing here would tell anybody. Nothing was changed. Have it revoked there, and import its list with the certificate.`,
      );
    const [changed] = await changeImportedStatus(tx, { id }, { act: 'revoke', reason }, world.clock());
    if (changed === undefined)
      throw new AuthorityError('wrong-state', 'This certificate was revoked already. Nothing was changed.');
    await world.jobs.enqueue(tx, 'generate-crl', { authorityId: changed.authorityId });
    return {
      result: undefined,
      audit: { reason, note, holder: row.person_id, serialNumber: row.serial_number, issuer: row.issuer },
    };
  },
});
