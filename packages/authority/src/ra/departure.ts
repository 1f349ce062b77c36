/** What leaving or a suspension would do, told before it is done. */
import type { Departure } from '@chancery/api';
import { certificatesOfPerson } from '../store/certificates.ts';
import { openClaims } from '../store/claims.ts';
import type { Snapshot } from '../store/database.ts';
import { escrowedKeysOfPerson, locksOfKeys } from '../store/escrow.ts';
import { openHoldsOf } from '../store/legal-holds.ts';
import { activeAdministrators, type OperatorRow, operatorsNamed } from '../store/operators.ts';
import { personById } from '../store/people.ts';
import { passkeysOfPerson } from '../store/person-passkeys.ts';
import { publicationsOfPeople } from '../store/publications.ts';
import { retentionEnds } from '../store/retention.ts';
import { countSessionsOfPerson } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { noSuchPerson } from './onboarding.ts';

/** @throws AuthorityError `not-found` */
export async function describeDeparture(world: World, snapshot: Snapshot, id: string): Promise<Departure> {
  const person = await personById(snapshot, id);
  if (person === undefined) throw noSuchPerson();
  const now = world.clock();
  const certificates = (await certificatesOfPerson(snapshot, id)).filter(
    (one) =>
      (one.revoked_at === null || one.revocation_reason === 'certificateHold') &&
      one.not_after > now &&
      (one.use === 'signing' || one.use === 'encryption'),
  );
  const keys = await escrowedKeysOfPerson(snapshot, id);
  const ids = keys.map((key) => key.id);
  const ends = await retentionEnds(snapshot, ids);
  const gateways = (await locksOfKeys(snapshot, ids)).filter(({ kind }) => kind === 'gateway');
  const published = (await publicationsOfPeople(snapshot, [id])).filter(({ wanted }) => wanted);
  return {
    state: person.state,
    certificates: certificates.map((one) => ({
      serialNumber: one.serial_number,
      use: one.use === 'encryption' ? 'encryption' : 'signing',
      notAfter: one.not_after.toISOString(),
    })),
    published: [...new Set(published.map(({ target }) => target))].sort(),
    escrowedKeys: keys.length,
    keptUntil:
      ids.length > 0 && ids.every((key) => ends.has(key))
        ? new Date(Math.max(...[...ends.values()].map((end) => end.getTime()))).toISOString()
        : null,
    legalHolds: (await openHoldsOf(snapshot, id)).map(({ case_number }) => case_number),
    sessions: await countSessionsOfPerson(snapshot, id, now),
    passkeys: (await passkeysOfPerson(snapshot, id)).length,
    claimLink: (await openClaims(snapshot, [id])).some(({ expires_at }) => expires_at > now),
    gateways: new Set(gateways.map(({ holder }) => holder)).size,
    operator: await operatorOf(snapshot, [person.address, ...person.aliases]),
  };
}

async function operatorOf(snapshot: Snapshot, addresses: readonly string[]): Promise<Departure['operator']> {
  const operators = await operatorsNamed(snapshot, addresses);
  if (operators.length === 0) return null;
  const isAdministrator = ({ state, roles }: OperatorRow) => state === 'active' && roles.includes('administrator');
  const others = (await activeAdministrators(snapshot)).filter((id) => !operators.some((one) => one.id === id));
  return {
    roles: [...new Set(operators.flatMap(({ roles }) => roles))].sort(),
    last: operators.some(isAdministrator) && others.length === 0,
  };
}
