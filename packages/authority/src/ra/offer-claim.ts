/**
 * Mails people the claim link with which they collect a key that took another's place, or make one. Nobody has to ask for it; it is
 * sent once there is something to collect, and not where the office sends no mail: then an operator shows it.
 */
import type { NoticeLetter } from '@chancery/api';
import { z } from 'zod';
import { publicUrlOf } from '../config.ts';
import { claimExpiry, endClaim, insertShownClaim, unsealClaimSecret } from '../kra/claim-link.ts';
import { writeLetter } from '../notices/letters.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { type ClaimOffer, readyOffers, takeOffer } from '../store/claim-offers.ts';
import { lockOpenClaim, markShown } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { locksOfHolder, setLockExpiry } from '../store/escrow.ts';
import { lockPerson } from '../store/people.ts';
import { currentVault, vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';

/** In one round of the scheduler. */
const MOST = 200;

/** For the scheduler. */
export async function sendOffers(world: World): Promise<void> {
  if (world.mail === undefined) return;
  const ready = await world.database.snapshot((snapshot) => readyOffers(snapshot, MOST));
  for (const { person_id: personId } of ready) await perform(world, sendOffer, system, { personId });
}

export const sendOffer = operation({
  action: 'claim.offer',
  permission: 'system',
  input: z.strictObject({ personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId }, _by, world) {
    const person = await lockPerson(tx, personId);
    const offer = await takeOffer(tx, personId);
    if (offer === undefined || person?.state !== 'active') return { result: false, audit: { outcome: 'not-needed' } };
    const link = await linkFor(tx, world, personId);
    // The link that they have already opens what waits for them.
    if (link === undefined) return { result: false, audit: { outcome: 'has-one', why: offer.why } };
    await writeLetter(tx, world, {
      letter: LETTERS[offer.why],
      key: `${LETTERS[offer.why]} ${link.id}`,
      to: person,
      facts: { until: link.expiresAt },
      link: { claimLink: `${publicUrlOf(world.config)}/claim#${link.secret}` },
      about: `claim:${link.id}`,
      expiresAt: link.expiresAt,
    });
    return {
      result: true,
      audit: { outcome: 'sent', why: offer.why, claimId: link.id, expiresAt: link.expiresAt.toISOString() },
    };
  },
});

/** The waiting link, unseen by anybody; a new one where there is none, or where nothing waits behind the one that they have. */
async function linkFor(tx: Transaction, world: World, personId: string) {
  const at = world.clock();
  const expiresAt = claimExpiry(world, at);
  const open = await lockOpenClaim(tx, personId);
  if (open?.sealed_secret != null && open.expires_at > at) {
    const vault = open.vault_id === null ? await currentVault(tx) : await vaultById(tx, open.vault_id);
    const secret = await unsealClaimSecret(world, vault, open.id, open.sealed_secret);
    await markShown(tx, open.id, expiresAt);
    await setLockExpiry(tx, open.id, expiresAt);
    return { id: open.id, secret, expiresAt };
  }
  if (open !== undefined && open.expires_at > at && (await locksOfHolder(tx, 'claim', open.id)) > 0) return undefined;
  if (open !== undefined) await endClaim(tx, open.id, at);
  return insertShownClaim(tx, personId, { at, expiresAt });
}

const LETTERS = { renewal: 'renewal-link', compromise: 'key-replaced' } as const satisfies Record<
  ClaimOffer['why'],
  NoticeLetter
>;
