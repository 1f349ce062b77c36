/**
 * What it is to be suspended, and to return, whoever says so: a person in the office, or a source of people. A suspension holds what
 * leaving would revoke, and a return releases what the suspension held.
 */
import { changeIfPossible, changePersonInTransaction } from '../ca/revoke.ts';
import { certificatesOfPerson } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import { waitingEnrollments, withdrawEnrollments } from '../store/enrollments.ts';
import { enrolledGateways, locksOfKeys, newestKeys } from '../store/escrow.ts';
import { changeImportedStatus, importedOfPerson } from '../store/imported-certificates.ts';
import { markActive, markChangedWhileSuspended, markSuspended, type PersonRow } from '../store/people.ts';
import { noteHeld, takeHeld } from '../store/suspensions.ts';
import { deleteTokensOfPerson } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { enrol, rotate } from './end-entity.ts';
import { type AccessChange, endAccess, restoreAccess } from './operator-access.ts';

/**
 * Everything is put on hold that is not ended, held or revoked; nothing is issued or published meanwhile, and their sessions end.
 * Passkeys and locks stay for when they return.
 * @param person held until commit, and active
 * @param source that says so, and whose word lets them return; null: somebody in the office
 */
export async function suspend(
  tx: Transaction,
  world: World,
  person: Pick<PersonRow, 'id' | 'address' | 'aliases'>,
  source: string | null,
): Promise<{ held: string[]; sessions: number; operators: AccessChange[] }> {
  const { id } = person;
  const at = world.clock();
  await markSuspended(tx, id, at, source);
  // A certificate that was on its way says what the one on hold does not: it is made when they return.
  const waiting = await waitingEnrollments(tx, [id]);
  if (waiting.some(({ use }) => use === 'encryption')) await markChangedWhileSuspended(tx, [id]);
  await withdrawEnrollments(tx, id, undefined, at);
  const sessions = await deleteTokensOfPerson(tx, id);
  const changed = await changePersonInTransaction(tx, world, id, { act: 'hold' });
  const held = changed.map(({ serialNumber }) => serialNumber).sort();
  await noteHeld(tx, id, held);
  const operators = await endAccess(tx, person);
  await world.jobs.enqueue(tx, 'publish-person', { personId: id });
  return { held, sessions, operators };
}

/**
 * Good again: what the suspension held is released; what ended or changed meanwhile is begun anew. Somebody who had left comes
 * back as whoever joins does, with keys of their own time.
 * @param person as they stand, held until commit, and not active
 */
export async function bringBack(
  tx: Transaction,
  world: World,
  person: PersonRow,
): Promise<{ released: string[]; begun: string[]; operators: AccessChange[] }> {
  const held = await takeHeld(tx, person.id);
  await markActive(tx, [person.id]);
  const released = person.state === 'left' ? [] : await release(tx, world, person.id, held);
  const begun = await beginWhatLacks(tx, world, person);
  const operators = await restoreAccess(tx, person);
  await world.jobs.enqueue(tx, 'publish-person', { personId: person.id });
  return { released, begun, operators };
}

/** Those of them that nobody revoked meanwhile, ours and those that an authority of ours signed before it came here. */
async function release(tx: Transaction, world: World, personId: string, held: readonly string[]): Promise<string[]> {
  const released: string[] = [];
  for (const serialNumber of held) {
    const changed = await changeIfPossible(tx, world, serialNumber, { act: 'release' });
    released.push(...changed.map((one) => one.serialNumber));
  }
  const imported = (await importedOfPerson(tx, personId)).filter(({ serial_number }) => held.includes(serial_number));
  for (const { id } of imported) {
    for (const { serialNumber, authorityId } of await changeImportedStatus(
      tx,
      { id },
      { act: 'release' },
      world.clock(),
    )) {
      released.push(serialNumber);
      await world.jobs.enqueue(tx, 'generate-crl', { authorityId });
    }
  }
  return released.sort();
}

/** @param person as they were before they returned */
async function beginWhatLacks(tx: Transaction, world: World, person: PersonRow): Promise<string[]> {
  const now = world.clock();
  const good = (await certificatesOfPerson(tx, person.id)).filter(
    ({ revoked_at, not_after }) => revoked_at === null && not_after > now,
  );
  const begun: string[] = [];
  if (person.state === 'left' || !good.some(({ use }) => use === 'signing')) {
    await enrol(tx, world, [{ personId: person.id, use: 'signing' }]);
    begun.push('signing');
  }
  const key = (await newestKeys(tx, [person.id])).get(person.id);
  const fresh =
    person.state === 'left' ||
    key === undefined ||
    (person.gateway_decrypts && !(await isOpenToGateways(tx, key, now)));
  if (fresh) {
    await rotate(tx, world, [person.id]);
    begun.push('encryption');
  } else if (person.changed_while_suspended || !good.some(({ use }) => use === 'encryption')) {
    await enrol(tx, world, [{ personId: person.id, use: 'encryption', escrowedKeyId: key }]);
    begun.push('encryption');
  }
  return begun;
}

async function isOpenToGateways(tx: Transaction, escrowedKeyId: string, at: Date): Promise<boolean> {
  const open = new Set(
    (await locksOfKeys(tx, [escrowedKeyId])).flatMap(({ kind, holder }) => (kind === 'gateway' ? holder : [])),
  );
  return (await enrolledGateways(tx, at)).every(({ id }) => open.has(id));
}
