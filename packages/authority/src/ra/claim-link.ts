/** The claim link: how the keys of a person reach that person. Shown once; a second link makes a fresh key. */
import { z } from 'zod';
import { publicUrlOf } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { claimExpiry, unsealClaimSecret } from '../kra/claim-link.ts';
import { operation, perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { lockOpenClaim, markShown, openClaims } from '../store/claims.ts';
import { waitingEnrollments } from '../store/enrollments.ts';
import { setLockExpiry } from '../store/escrow.ts';
import { lockPerson, whyAway } from '../store/people.ts';
import { currentVault, vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { fulfilEnrollment } from './enrollment.ts';
import { rotateEncryptionKey } from './onboarding.ts';

interface ClaimLink {
  readonly url: string;
  readonly expiresAt: Date;
}

/**
 * The link of the person's waiting claim. Where the last link was shown already, its key is its holder's alone: a fresh
 * key is made for the new link, and the old one stays in escrow. Nobody gets an existing key by making a link.
 * @throws AuthorityError `not-found`, `wrong-state` (the person left), `unavailable` (the key is still being made)
 */
export async function newClaimLink(world: World, by: Principal, personId: string): Promise<ClaimLink> {
  const ready = await world.database.snapshot(async (snapshot) => {
    const [claim] = await openClaims(snapshot, [personId]);
    const waiting = await waitingEnrollments(snapshot, [personId]);
    return {
      unseen: claim?.sealed_secret != null && claim.expires_at > world.clock(),
      beingMade: waiting.some(({ use }) => use === 'encryption'),
    };
  });
  if (!ready.unseen && !ready.beingMade) await perform(world, rotateEncryptionKey, by, { id: personId });
  await made(world, personId);
  return perform(world, showClaim, by, { personId });
}

/** Shows the secret of an open claim, once, and forgets it. */
export const showClaim = operation({
  action: 'claim.show',
  permission: 'person:write',
  input: z.object({ personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId }, _by, world): Promise<{ result: ClaimLink; audit: Record<string, unknown> }> {
    const person = await lockPerson(tx, personId);
    if (person === undefined) throw new AuthorityError('not-found', 'There is no such person.');
    if (person.state !== 'active') throw new AuthorityError('wrong-state', `${whyAway(person)}. There is no link.`);
    const claim = await lockOpenClaim(tx, personId);
    if (claim?.sealed_secret == null) {
      throw new AuthorityError('wrong-state', 'The link was shown in the meantime. Make a new one if it is lost.');
    }
    const secret = await unsealClaimSecret(
      world,
      claim.vault_id === null ? await currentVault(tx) : await vaultById(tx, claim.vault_id),
      claim.id,
      claim.sealed_secret,
    );
    // Its time begins now: a link that waited unseen for a week must not lapse on its way.
    const expiresAt = claimExpiry(world, world.clock());
    await markShown(tx, claim.id, expiresAt);
    await setLockExpiry(tx, claim.id, expiresAt);
    const url = `${publicUrlOf(world.config)}/claim#${secret}`;
    return { result: { url, expiresAt }, audit: { claimId: claim.id, expiresAt: expiresAt.toISOString() } };
  },
});

/** Makes the key here and now: whoever stands before a person must not wait for thousands of others in the queue. */
async function made(world: World, personId: string): Promise<void> {
  const find = async () => {
    const waiting = await world.database.snapshot((snapshot) => waitingEnrollments(snapshot, [personId]));
    return waiting.find(({ use }) => use === 'encryption');
  };
  const enrollment = await find();
  if (enrollment === undefined) return;
  try {
    await fulfilEnrollment(world, enrollment.id);
  } catch (error) {
    // A job may have been at the same enrolment: what counts is whether it is done.
    if (!(error instanceof AuthorityError)) throw error;
    if ((await find()) === undefined) return;
    throw new AuthorityError(
      'unavailable',
      `The encryption key is still being made: ${error.message} Nothing was lost. Ask for the link again in a minute.`,
      { cause: error },
    );
  }
}
