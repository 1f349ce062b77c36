/**
 * What a manager would have to be given to read the old mail of somebody who has left. It is looked up and shown, and nothing more:
 * whoever may ask for keys asks, and a quorum of officers decides.
 */
import type { Handover } from '@chancery/api';
import { derToPem } from '@chancery/smime';
import { managerIn } from '../identity/sources/describe.ts';
import type { Snapshot } from '../store/database.ts';
import { escrowedKeysOfPerson } from '../store/escrow.ts';
import { personById } from '../store/people.ts';
import { openRequestAbout } from '../store/recovery.ts';
import type { World } from '../world.ts';
import { usableCertificates } from './gateways.ts';
import { noSuchPerson } from './onboarding.ts';

/** @throws AuthorityError `not-found` */
export async function describeHandover(world: World, snapshot: Snapshot, id: string): Promise<Handover> {
  const person = await personById(snapshot, id);
  if (person === undefined) throw noSuchPerson();
  const keys = (await escrowedKeysOfPerson(snapshot, id)).length;
  const manager = await managerIn(world, snapshot, person);
  const [newest] = manager === null ? [] : await usableCertificates(snapshot, manager.address, world.clock());
  return {
    manager,
    certificate: newest === undefined ? null : derToPem(newest.certificate, 'CERTIFICATE'),
    problem: problemOf({ state: person.state, keys, manager, hasCertificate: newest !== undefined }),
    keys,
    leftAt: person.left_at?.toISOString() ?? null,
    requestId: (await openRequestAbout(snapshot, id)) ?? null,
  };
}

function problemOf({
  state,
  keys,
  manager,
  hasCertificate,
}: {
  readonly state: string;
  readonly keys: number;
  readonly manager: Handover['manager'];
  readonly hasCertificate: boolean;
}): string | null {
  if (state !== 'left') return 'They have not left: they read their mail themselves.';
  if (keys === 0) return 'No key of theirs is in escrow: there is nothing to read their mail with.';
  if (manager === null) return 'No source names a manager who is here.';
  return hasCertificate ? null : `${manager.name} has no certificate to encrypt the keys to.`;
}
