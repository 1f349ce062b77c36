/** The status of an authority's own certificate: its issuer says it, on the issuer's CRL. */
import { RevocationReason } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { authorityById } from '../store/authorities.ts';
import { changeAuthorityStatus, type StatusChange } from '../store/revocations.ts';

/**
 * Revokes it, puts it on hold or releases it. A revoked or held authority signs no certificates, and what it signed is not
 * believed; it still says what it revoked.
 * @throws AuthorityError `not-found`, `wrong-state` (a root, or no change)
 */
export const changeAuthority = operation({
  action: 'authority.change-status',
  permission: 'authority:write',
  input: z.strictObject({
    authorityId: z.uuid(),
    change: z.discriminatedUnion('act', [
      z.strictObject({ act: z.literal('revoke'), reason: RevocationReason }),
      z.strictObject({ act: z.literal('hold') }),
      z.strictObject({ act: z.literal('release') }),
    ]),
    note: z.string().max(1000).default(''),
  }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId, change, note }, _by, world) {
    const authority = await authorityById(tx, authorityId);
    if (authority === undefined)
      throw new AuthorityError('not-found', 'There is no such authority. Nothing was changed.');
    const { issuerId, certificate, name } = authority;
    if (issuerId === null) {
      throw new AuthorityError(
        'wrong-state',
        `Nobody stands above ${name}: no CRL can revoke it. Ask relying parties to remove it from their trust. Nothing was changed.`,
      );
    }
    const own = { id: authority.id, issuerId, serialNumber: certificate.serialNumber, notAfter: certificate.notAfter };
    if (!(await changeAuthorityStatus(tx, own, change, world.clock()))) throw noChange(name, change);
    await world.jobs.enqueue(tx, 'generate-crl', { authorityId: issuerId });
    return {
      result: undefined,
      audit: { authority: authority.slug, serialNumber: certificate.serialNumber, ...change, note },
    };
  },
});

function noChange(name: string, { act }: StatusChange): AuthorityError {
  const state = { revoke: 'is revoked already', hold: 'is on hold or revoked already', release: 'is not on hold' }[act];
  return new AuthorityError('wrong-state', `${name} ${state}. Nothing was changed.`);
}
