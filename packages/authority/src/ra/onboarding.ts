/** A person joins, or changes. How they leave is in `offboarding.ts`. */
import { randomUUID } from 'node:crypto';
import { NewPerson, PersonAttributes } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Transaction } from '../store/database.ts';
import { requireOffice } from '../store/office.ts';
import { addressKey, lockPeopleNamed, lockPerson, type PersonRow, whyAway } from '../store/people.ts';
import { lockSources, noteByHand } from '../store/sources.ts';
import type { World } from '../world.ts';
import { changedFields, decidedElsewhere } from './decided-elsewhere.ts';
import { rotate, settle, type WantedPerson } from './end-entity.ts';

const Address = NewPerson.shape.address;

/** @throws AuthorityError `conflict` (an address or external id is somebody else's), `not-set-up` */
export const addPerson = operation({
  action: 'person.add',
  permission: 'person:write',
  input: z.object({
    address: Address,
    name: z.string().trim().min(1).max(200),
    aliases: z.array(Address),
    externalId: z.string().nullable(),
    attributes: PersonAttributes.default({}),
    signingKey: z.enum(['device', 'gateway']),
    gatewayDecrypts: z.boolean(),
  }),
  subject: ({ address }) => `address:${addressKey(address)}`,
  async run(tx, input, _by, world) {
    await requireOffice(tx);
    await lockSources(tx);
    const person: WantedPerson = { id: randomUUID(), ...input, aliases: distinctAliases(input), profiles: {} };
    await requireFree(tx, person);
    await settle(tx, world, [{ before: undefined, wanted: person }]);
    await noteByHand(tx, 'hand', [{ personId: person.id, presented: presentedOf(person) }], world.clock());
    return { result: { id: person.id }, audit: { personId: person.id, ...described(person) } };
  },
});

/** @throws AuthorityError `not-found`, `conflict`, `wrong-state` (the person left) */
export const changePerson = operation({
  action: 'person.change',
  permission: 'person:write',
  input: z.object({
    id: z.uuid(),
    /** The one before stays theirs as an alias, unless `aliases` says which do. */
    address: Address.optional(),
    name: z.string().trim().min(1).max(200).optional(),
    aliases: z.array(Address).optional(),
    externalId: z.string().nullable().optional(),
    attributes: PersonAttributes.optional(),
    signingKey: z.enum(['device', 'gateway']).optional(),
    gatewayDecrypts: z.boolean().optional(),
  }),
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id, ...patch }, _by, world) {
    await lockSources(tx);
    const before = await lockPerson(tx, id);
    if (before === undefined) throw noSuchPerson();
    if (before.state === 'left') {
      throw new AuthorityError(
        'wrong-state',
        `${before.name} has left. Nothing was changed. Have them come back first.`,
      );
    }
    const address = patch.address ?? before.address;
    const wanted: WantedPerson = {
      id,
      address,
      name: patch.name ?? before.name,
      aliases: distinctAliases({ address, aliases: patch.aliases ?? [...before.aliases, before.address] }),
      externalId: patch.externalId === undefined ? before.external_id : patch.externalId,
      attributes: patch.attributes ?? before.attributes,
      signingKey: patch.signingKey ?? before.signing_key,
      gatewayDecrypts: patch.gatewayDecrypts ?? before.gateway_decrypts,
      profiles: before.profiles,
    };
    await requireOurs(tx, world, before, wanted);
    await requireFree(tx, wanted);
    await settle(tx, world, [{ before, wanted }]);
    await noteByHand(tx, 'hand', [{ personId: id, presented: patch }], world.clock());
    return { result: undefined, audit: described(wanted) };
  },
});

/** A fresh encryption key, for a person whose link was shown or has lapsed. @throws AuthorityError `not-found`, `wrong-state` */
export const rotateEncryptionKey = operation({
  action: 'person.rotate-key',
  permission: 'person:write',
  input: z.object({ id: z.uuid() }),
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id }, _by, world) {
    const person = await lockPerson(tx, id);
    if (person === undefined) throw noSuchPerson();
    if (person.state !== 'active') throw new AuthorityError('wrong-state', `${whyAway(person)}. No key was made.`);
    await rotate(tx, world, [id]);
    return { result: undefined, audit: {} };
  },
});

/** Aliases that differ from the address and from each other, as typed. */
export function distinctAliases({ address, aliases }: { address: string; aliases: readonly string[] }): string[] {
  const byKey = new Map(aliases.map((alias) => [addressKey(alias), alias]));
  byKey.delete(addressKey(address));
  return [...byKey.values()].toSorted((one, other) => (addressKey(one) < addressKey(other) ? -1 : 1));
}

/** What a form or a file says of a person, as a source presents it. */
export function presentedOf({
  name,
  address,
  aliases,
  externalId,
  attributes,
  signingKey,
  gatewayDecrypts,
}: WantedPerson) {
  return { name, address, aliases, externalId, attributes, signingKey, gatewayDecrypts };
}

/** @throws AuthorityError `wrong-state` */
async function requireOurs(tx: Transaction, world: World, before: PersonRow, wanted: WantedPerson): Promise<void> {
  const decided = (await decidedElsewhere(tx, world.config, [before.id], 'hand')).get(before.id);
  const what = changedFields(before, wanted).find((field) => decided?.has(field));
  if (what === undefined) return;
  throw new AuthorityError(
    'wrong-state',
    `${before.name} comes from ${decided?.get(what)}, which decides this. Nothing was changed. Change it there, or put "hand" before it in [identity] precedence.`,
    { fields: [{ path: what, message: `is decided by ${decided?.get(what)}` }] },
  );
}

/** @throws AuthorityError `conflict` */
async function requireFree(tx: Transaction, person: WantedPerson): Promise<void> {
  const keys = [person.address, ...person.aliases].map(addressKey);
  const others = await lockPeopleNamed(tx, {
    keys,
    externalIds: person.externalId === null ? [] : [person.externalId],
  });
  for (const other of others.filter(({ id }) => id !== person.id)) {
    const taken = [other.address, ...other.aliases].find((address) => keys.includes(addressKey(address)));
    throw new AuthorityError(
      'conflict',
      taken === undefined
        ? `The external id ${person.externalId} is that of ${other.name} <${other.address}>. Nothing was changed.`
        : `The address ${taken} belongs to ${other.name}${other.state === 'left' ? ', who has left, and whose keys stay in escrow under it. Nothing was changed. Import the same person again to have them back.' : ' already. Nothing was changed.'}`,
      { fields: [{ path: taken === undefined ? 'externalId' : 'address', message: 'is taken' }] },
    );
  }
}

function described({ id: _, ...person }: WantedPerson) {
  return { ...person, aliases: [...person.aliases] };
}

export function noSuchPerson(): AuthorityError {
  return new AuthorityError('not-found', 'There is no such person. Nothing was changed.');
}
