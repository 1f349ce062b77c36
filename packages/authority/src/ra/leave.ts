/** What it is to leave, whoever says so: a person in the office, or a source of people. */
import { revokeInTransaction } from '../ca/revoke.ts';
import { endClaim } from '../kra/claim-link.ts';
import { certificatesOfPerson } from '../store/certificates.ts';
import { lockOpenClaim } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { withdrawEnrollments } from '../store/enrollments.ts';
import { dropLocks } from '../store/escrow.ts';
import { markLeft } from '../store/people.ts';
import { deletePasskeysOfPerson } from '../store/person-passkeys.ts';
import { deleteTokensOfPerson } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { revokeImportedSigning } from './imported-status.ts';

/**
 * Signing certificates are revoked, nothing more is issued, delivered or published, the person's own page is closed, and gateways
 * open their mail no longer. Encryption certificates and escrow stay: old mail must remain readable.
 * @param person held until commit, and not left already
 * @returns serial numbers of what was revoked
 */
export async function leave(tx: Transaction, world: World, { id }: { readonly id: string }): Promise<string[]> {
  const at = world.clock();
  await markLeft(tx, id, at);
  await withdrawEnrollments(tx, id, undefined, at);
  const claim = await lockOpenClaim(tx, id);
  if (claim !== undefined) await endClaim(tx, claim.id, at);
  await dropLocks(tx, { kind: 'gateway', personId: id });
  // Their page is closed to them: sessions, links, and what would open it again.
  await deleteTokensOfPerson(tx, id);
  await dropLocks(tx, { kind: 'owner', personId: id });
  await deletePasskeysOfPerson(tx, id);
  const signing = (await certificatesOfPerson(tx, id)).filter(
    (one) => one.use === 'signing' && one.revoked_at === null && one.not_after > at,
  );
  for (const { serial_number } of signing) {
    await revokeInTransaction(tx, world, { serialNumber: serial_number, reason: 'affiliationChanged' });
  }
  const imported = await revokeImportedSigning(tx, world, id);
  await world.jobs.enqueue(tx, 'publish-person', { personId: id });
  return [...signing.map(({ serial_number }) => serial_number), ...imported];
}
