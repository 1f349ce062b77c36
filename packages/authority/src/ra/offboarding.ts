/**
 * How people leave, for a time or for good, and come back. Leaving revokes what they have; a suspension holds it, and a return
 * releases what the suspension held. In each case the keys stay in escrow, under their retention and whatever legal hold there is.
 */
import { z } from 'zod';
import { changeIfPossible, changePersonInTransaction } from '../ca/revoke.ts';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { certificatesOfPerson } from '../store/certificates.ts';
import type { Transaction } from '../store/database.ts';
import { withdrawEnrollments } from '../store/enrollments.ts';
import { enrolledGateways, locksOfKeys, newestKeys } from '../store/escrow.ts';
import { changeImportedStatus, importedOfPerson } from '../store/imported-certificates.ts';
import { lockPerson, markActive, markSuspended, type PersonRow } from '../store/people.ts';
import { startByHand, stopByHand } from '../store/sources.ts';
import { noteHeld, takeHeld } from '../store/suspensions.ts';
import { deleteTokensOfPerson } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { enrol, rotate } from './end-entity.ts';
import { leave } from './leave.ts';
import { noSuchPerson } from './onboarding.ts';

const ThePerson = z.strictObject({ id: z.uuid(), note: z.string().trim().max(1000).default('') });

/**
 * A person leaves: every certificate is revoked, nothing more is issued, delivered or published, their own page is closed, and
 * gateways open their mail no longer. Keys stay in escrow: old mail is for a quorum to read.
 * @throws AuthorityError `not-found`, `wrong-state`
 */
export const removePerson = operation({
  action: 'person.leave',
  permission: 'person:write',
  input: ThePerson,
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id, note }, _by, world) {
    const person = await hold(tx, id);
    if (person.state === 'left')
      throw new AuthorityError('wrong-state', `${person.name} has left already. Nothing was changed.`);
    const { revoked, ended } = await leave(tx, world, person);
    await stopByHand(tx, id, world.clock());
    return { result: undefined, audit: { address: person.address, note, revoked, ended } };
  },
});

/**
 * Everything is put on hold that is not ended, held or revoked; nothing is issued or published meanwhile, and their sessions end.
 * Passkeys and locks stay for when they return.
 * @throws AuthorityError `not-found`, `wrong-state` (suspended already, or left)
 */
export const suspendPerson = operation({
  action: 'person.suspend',
  permission: 'person:write',
  input: ThePerson,
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id, note }, _by, world) {
    const person = await hold(tx, id);
    if (person.state !== 'active') {
      const how = person.state === 'left' ? 'has left' : 'is suspended already';
      throw new AuthorityError('wrong-state', `${person.name} ${how}. Nothing was changed.`);
    }
    const at = world.clock();
    await markSuspended(tx, id, at);
    await withdrawEnrollments(tx, id, undefined, at);
    const sessions = await deleteTokensOfPerson(tx, id);
    const held = await changePersonInTransaction(tx, world, id, { act: 'hold' });
    const serialNumbers = held.map(({ serialNumber }) => serialNumber).sort();
    await noteHeld(tx, id, serialNumbers);
    await world.jobs.enqueue(tx, 'publish-person', { personId: id });
    return { result: undefined, audit: { address: person.address, note, held: serialNumbers, ended: { sessions } } };
  },
});

/**
 * Good again: what the suspension held is released; what ended or changed meanwhile is begun anew. Somebody who had left comes
 * back as whoever joins does, with keys of their own time.
 * @throws AuthorityError `not-found`, `wrong-state` (they are here)
 */
export const returnPerson = operation({
  action: 'person.return',
  permission: 'person:write',
  input: ThePerson,
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id, note }, _by, world) {
    const person = await hold(tx, id);
    if (person.state === 'active')
      throw new AuthorityError('wrong-state', `${person.name} is here. Nothing was changed.`);
    const held = await takeHeld(tx, id);
    await markActive(tx, [id]);
    await startByHand(tx, id, world.clock());
    const released = person.state === 'left' ? [] : await release(tx, world, id, held);
    const begun = await beginWhatLacks(tx, world, person);
    await world.jobs.enqueue(tx, 'publish-person', { personId: id });
    return { result: undefined, audit: { address: person.address, note, from: person.state, released, begun } };
  },
});

async function hold(tx: Transaction, id: string): Promise<PersonRow> {
  const person = await lockPerson(tx, id);
  if (person === undefined) throw noSuchPerson();
  return person;
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
