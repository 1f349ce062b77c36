/** Whoever has joined is sent the link by which they collect their keys, once those are made: nobody need hand it to them. */

import { settingsOf } from '@chancery/api';
import { z } from 'zod';
import { publicUrlOf } from '../config.ts';
import { claimExpiry, unsealClaimSecret } from '../kra/claim-link.ts';
import { settingsInForce } from '../notices/rules.ts';
import { tell } from '../notices/tell.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { lockOpenClaim, markShown, unseenClaims } from '../store/claims.ts';
import { setLockExpiry } from '../store/escrow.ts';
import { findOffice } from '../store/office.ts';
import { lockPerson } from '../store/people.ts';
import { currentVault, vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';

/** For the scheduler. An office that can send no mail keeps its links for an officer to give away. */
export async function welcomePeople(world: World): Promise<void> {
  if (world.mail === undefined) return;
  const people = await world.database.snapshot(async (snapshot) => {
    if ((await findOffice(snapshot)) === undefined) return [];
    const { settings } = await settingsInForce(snapshot);
    if (settingsOf(settings, 'welcome').person === 'off') return [];
    return unseenClaims(snapshot, world.clock(), AT_ONCE);
  });
  for (const personId of people) await perform(world, welcome, system, { personId });
}

/** In a minute. */
const AT_ONCE = 200;

/** The link leaves for the person's own mailbox, and the office forgets it: as where an officer is shown it. */
export const welcome = operation({
  action: 'person.welcome',
  permission: 'system',
  input: z.strictObject({ personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId }, _by, world) {
    const person = await lockPerson(tx, personId);
    const claim = person?.state === 'active' ? await lockOpenClaim(tx, personId) : undefined;
    const at = world.clock();
    if (claim?.sealed_secret == null || claim.expires_at <= at) {
      return { result: false, audit: { outcome: 'shown, or over, in the meantime' } };
    }
    const vault = claim.vault_id === null ? await currentVault(tx) : await vaultById(tx, claim.vault_id);
    const secret = await unsealClaimSecret(world, vault, claim.id, claim.sealed_secret);
    const expiresAt = claimExpiry(world, at);
    await markShown(tx, claim.id, expiresAt);
    await setLockExpiry(tx, claim.id, expiresAt);
    await tell(tx, world, [
      {
        event: 'welcome',
        key: `welcome ${claim.id}`,
        personId,
        facts: { until: expiresAt },
        claimLink: `${publicUrlOf(world.config)}/claim#${secret}`,
        expiresAt,
      },
    ]);
    return { result: true, audit: { claimId: claim.id, expiresAt: expiresAt.toISOString() } };
  },
});
