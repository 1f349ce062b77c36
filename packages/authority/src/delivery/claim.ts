/** What a claim link offers the person who opens it, and whom its secret proves them to be. */

import { z } from 'zod';
import { endClaim } from '../kra/escrow.ts';
import { openClaimOf } from '../kra/release.ts';
import { operation, perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { listAuthorities } from '../store/authorities.ts';
import { certificateState, certificatesOfPerson } from '../store/certificates.ts';
import { expiredClaims } from '../store/claims.ts';
import { keysLockedTo } from '../store/escrow.ts';
import { requireOffice } from '../store/office.ts';
import { personById } from '../store/people.ts';
import type { World } from '../world.ts';

export interface OpenedClaim {
  readonly organisation: string;
  readonly name: string;
  readonly address: string;
  readonly expiresAt: Date;
  readonly signing: 'needed' | 'done' | 'gateway';
  readonly encryption: 'ready' | 'delivered' | 'none';
  /** DER. */
  readonly caCertificates: readonly Uint8Array[];
}

/** The person that the secret proves. @throws AuthorityError `not-found`, `wrong-state` (spent or lapsed) */
export async function claimant(world: World, secret: string): Promise<Extract<Principal, { kind: 'person' }>> {
  return world.database.snapshot(async (snapshot) => {
    const claim = await openClaimOf(snapshot, secret, world.clock());
    const person = await personById(snapshot, claim.person_id);
    if (person === undefined) throw new Error(`The claim ${claim.id} is for nobody`);
    return { kind: 'person', id: person.id, name: person.name };
  });
}

/** Same errors. */
export async function openClaim(world: World, secret: string): Promise<OpenedClaim> {
  return world.database.snapshot(async (snapshot) => {
    const now = world.clock();
    const claim = await openClaimOf(snapshot, secret, now);
    const person = await personById(snapshot, claim.person_id);
    if (person === undefined) throw new Error(`The claim ${claim.id} is for nobody`);
    const signing = (await certificatesOfPerson(snapshot, person.id)).filter((one) => one.use === 'signing');
    const signs = signing.some((one) => ['valid', 'expiring'].includes(certificateState(one, now)));
    const locked = await keysLockedTo(snapshot, { kind: 'claim', holder: claim.id, personId: person.id });
    return {
      organisation: (await requireOffice(snapshot)).organisation,
      name: person.name,
      address: person.address,
      expiresAt: claim.expires_at,
      signing: person.signing_key === 'gateway' ? 'gateway' : signs ? 'done' : 'needed',
      encryption: locked.length === 0 ? 'none' : claim.claimed_at === null ? 'ready' : 'delivered',
      caCertificates: (await listAuthorities(snapshot)).map(({ certificate }) => certificate.der),
    };
  });
}

/** A link past its time opens nothing: its locks go. */
export const expireClaim = operation({
  action: 'claim.expire',
  permission: 'system',
  input: z.object({ claimId: z.uuid() }),
  subject: ({ claimId }) => `claim:${claimId}`,
  async run(tx, { claimId }, _by, world) {
    await endClaim(tx, claimId, world.clock());
    return { result: undefined, audit: {} };
  },
});

export async function expireClaims(world: World): Promise<void> {
  const lapsed = await world.database.snapshot((snapshot) => expiredClaims(snapshot, world.clock()));
  for (const { id } of lapsed) await perform(world, expireClaim, system, { claimId: id });
}
