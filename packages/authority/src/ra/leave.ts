/** What it is to leave, whoever says so: a person in the office, or a source of people. */
import { changePersonInTransaction } from '../ca/revoke.ts';
import { endClaim } from '../kra/claim-link.ts';
import { lockOpenClaim } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { withdrawEnrollments } from '../store/enrollments.ts';
import { dropLocks } from '../store/escrow.ts';
import { markLeft, type PersonRow } from '../store/people.ts';
import { deletePasskeysOfPerson } from '../store/person-passkeys.ts';
import { takeHeld } from '../store/suspensions.ts';
import { deleteTokensOfPerson } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { type AccessChange, endAccess } from './operator-access.ts';

/** What came of it, for the trail. */
export interface Left {
  /** Serial numbers. */
  readonly revoked: readonly string[];
  /** What became of their access as an operator. */
  readonly operators: readonly AccessChange[];
  readonly ended: {
    readonly claimLink: boolean;
    readonly sessions: number;
    readonly passkeys: number;
    readonly ownerLocks: number;
    readonly gatewayLocks: number;
  };
}

/**
 * Every certificate is revoked, nothing more is issued, delivered or published, the person's own page is closed, and gateways open
 * their mail no longer. Keys stay in escrow: old mail is for a quorum to read.
 * @param person held until commit, and not left already
 */
export async function leave(
  tx: Transaction,
  world: World,
  person: Pick<PersonRow, 'id' | 'address' | 'aliases'>,
): Promise<Left> {
  const { id } = person;
  const at = world.clock();
  await markLeft(tx, id, at);
  await withdrawEnrollments(tx, id, undefined, at);
  const claim = await lockOpenClaim(tx, id);
  if (claim !== undefined) await endClaim(tx, claim.id, at);
  const gatewayLocks = await dropLocks(tx, { kind: 'gateway', personId: id });
  // Their page is closed to them: sessions, links, and what would open it again.
  const sessions = await deleteTokensOfPerson(tx, id);
  const ownerLocks = await dropLocks(tx, { kind: 'owner', personId: id });
  const passkeys = await deletePasskeysOfPerson(tx, id);
  await takeHeld(tx, id);
  const operators = await endAccess(tx, person);
  // Whoever encrypts to somebody who has left writes what nobody reads: relying parties are told.
  const revoked = await changePersonInTransaction(tx, world, id, { act: 'revoke', reason: 'affiliationChanged' });
  await world.jobs.enqueue(tx, 'publish-person', { personId: id });
  return {
    revoked: revoked.map(({ serialNumber }) => serialNumber).sort(),
    operators,
    ended: { claimLink: claim !== undefined, sessions, passkeys, ownerLocks, gatewayLocks },
  };
}
