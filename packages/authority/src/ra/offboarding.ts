/**
 * How people leave, for a time or for good, and come back. Leaving revokes what they have; a suspension holds it, and a return
 * releases what the suspension held. In each case the keys stay in escrow, under their retention and whatever legal hold there is.
 */
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Transaction } from '../store/database.ts';
import { lockPerson, markSuspended, type PersonRow } from '../store/people.ts';
import { startByHand, stopByHand } from '../store/sources.ts';
import { leave } from './leave.ts';
import { noSuchPerson } from './onboarding.ts';
import type { AccessChange } from './operator-access.ts';
import { bringBack, suspend } from './suspend.ts';

const ThePerson = z.strictObject({ id: z.uuid(), note: z.string().trim().max(1000).default('') });

/**
 * A person leaves: every certificate is revoked, nothing more is issued, delivered or published, their own page is closed, and
 * gateways open their mail no longer. An operator who is that person signs in no more. Keys stay in escrow: old mail is for a quorum
 * to read.
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
    const { revoked, ended, operators } = await leave(tx, world, person);
    await stopByHand(tx, id, world.clock());
    return { result: undefined, audit: { address: person.address, note, revoked, ended, ...told(operators) } };
  },
});

/**
 * Until somebody in the office has them return. Whoever is suspended because a source switched them off is from now on suspended by
 * the office: that source does not have them return any more.
 * @throws AuthorityError `not-found`, `wrong-state` (suspended already, or left)
 */
export const suspendPerson = operation({
  action: 'person.suspend',
  permission: 'person:write',
  input: ThePerson,
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id, note }, _by, world) {
    const person = await hold(tx, id);
    if (person.state === 'suspended' && person.suspended_by !== null) {
      await markSuspended(tx, id, person.suspended_at ?? world.clock(), null);
      return { result: undefined, audit: { address: person.address, note, insteadOf: person.suspended_by } };
    }
    if (person.state !== 'active') {
      const how = person.state === 'left' ? 'has left' : 'is suspended already';
      throw new AuthorityError('wrong-state', `${person.name} ${how}. Nothing was changed.`);
    }
    const { held, sessions, operators } = await suspend(tx, world, person, null);
    return {
      result: undefined,
      audit: { address: person.address, note, held, ended: { sessions }, ...told(operators) },
    };
  },
});

/**
 * As `bringBack` has it.
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
    await startByHand(tx, id, world.clock());
    const { released, begun, operators } = await bringBack(tx, world, person);
    const audit = { address: person.address, note, from: person.state, released, begun, ...told(operators) };
    return { result: undefined, audit };
  },
});

const told = (operators: readonly AccessChange[]) => (operators.length > 0 ? { operators } : {});

async function hold(tx: Transaction, id: string): Promise<PersonRow> {
  const person = await lockPerson(tx, id);
  if (person === undefined) throw noSuchPerson();
  return person;
}
