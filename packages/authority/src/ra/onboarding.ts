/** A person joins, changes, leaves. */
import { randomUUID } from 'node:crypto';
import { NewPerson, PersonAttributes } from '@chancery/api';
import { z } from 'zod';
import { revokeInTransaction } from '../ca/revoke.ts';
import { AuthorityError } from '../errors.ts';
import { endClaim } from '../kra/claim-link.ts';
import { operation } from '../operation.ts';
import { certificatesOfPerson } from '../store/certificates.ts';
import { lockOpenClaim } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { withdrawEnrollments } from '../store/enrollments.ts';
import { dropLocks } from '../store/escrow.ts';
import { requireOffice } from '../store/office.ts';
import { addressKey, lockPeopleNamed, lockPerson, markLeft } from '../store/people.ts';
import { deletePasskeysOfPerson } from '../store/person-passkeys.ts';
import { deleteTokensOfPerson } from '../store/tokens.ts';
import { rotate, settle, type WantedPerson } from './end-entity.ts';
import { revokeImportedSigning } from './imported-status.ts';

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
    const person: WantedPerson = { id: randomUUID(), ...input, aliases: distinctAliases(input) };
    await requireFree(tx, person);
    await settle(tx, world, [{ before: undefined, wanted: person }]);
    return { result: { id: person.id }, audit: { personId: person.id, ...described(person) } };
  },
});

/** @throws AuthorityError `not-found`, `conflict`, `wrong-state` (the person left) */
export const changePerson = operation({
  action: 'person.change',
  permission: 'person:write',
  input: z.object({
    id: z.uuid(),
    name: z.string().trim().min(1).max(200).optional(),
    aliases: z.array(Address).optional(),
    externalId: z.string().nullable().optional(),
    attributes: PersonAttributes.optional(),
    signingKey: z.enum(['device', 'gateway']).optional(),
    gatewayDecrypts: z.boolean().optional(),
  }),
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id, ...patch }, _by, world) {
    const before = await lockPerson(tx, id);
    if (before === undefined) throw noSuchPerson();
    if (before.state !== 'active') {
      throw new AuthorityError('wrong-state', `${before.name} has left. Nothing was changed. Import them again first.`);
    }
    const wanted: WantedPerson = {
      id,
      address: before.address,
      name: patch.name ?? before.name,
      aliases: distinctAliases({ address: before.address, aliases: patch.aliases ?? before.aliases }),
      externalId: patch.externalId === undefined ? before.external_id : patch.externalId,
      attributes: patch.attributes ?? before.attributes,
      signingKey: patch.signingKey ?? before.signing_key,
      gatewayDecrypts: patch.gatewayDecrypts ?? before.gateway_decrypts,
    };
    await requireFree(tx, wanted);
    await settle(tx, world, [{ before, wanted }]);
    return { result: undefined, audit: described(wanted) };
  },
});

/**
 * A person leaves: their signing certificates are revoked, nothing more is issued, delivered or published, their own page
 * is closed, and gateways open their mail no longer. Encryption certificates and escrow stay: old mail must remain readable.
 * @throws AuthorityError `not-found`, `wrong-state`
 */
export const removePerson = operation({
  action: 'person.leave',
  permission: 'person:write',
  input: z.object({ id: z.uuid() }),
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id }, _by, world) {
    const person = await lockPerson(tx, id);
    if (person === undefined) throw noSuchPerson();
    if (person.state === 'left')
      throw new AuthorityError('wrong-state', `${person.name} has left already. Nothing was changed.`);
    const at = world.clock();
    await markLeft(tx, id, at);
    await withdrawEnrollments(tx, id, undefined, at);
    const claim = await lockOpenClaim(tx, id);
    if (claim !== undefined) await endClaim(tx, claim.id, at);
    await dropLocks(tx, { kind: 'gateway', personId: id });
    // Their page is closed to them: sessions, links, and what would open it again.
    await deleteTokensOfPerson(tx, id);
    await dropLocks(tx, { kind: 'owner', personId: id });
    await deletePasskeysOfPerson(tx, id);
    const signing = (await certificatesOfPerson(tx, id)).filter(
      (one) => one.use === 'signing' && one.revoked_at === null && one.not_after > at,
    );
    for (const { serial_number } of signing) {
      await revokeInTransaction(tx, world, { serialNumber: serial_number, reason: 'affiliationChanged' });
    }
    const imported = await revokeImportedSigning(tx, world, id);
    await world.jobs.enqueue(tx, 'publish-person', { personId: id });
    return {
      result: undefined,
      audit: {
        address: person.address,
        revoked: [...signing.map(({ serial_number }) => serial_number), ...imported],
      },
    };
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
    if (person.state !== 'active') throw new AuthorityError('wrong-state', `${person.name} has left. No key was made.`);
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

function noSuchPerson(): AuthorityError {
  return new AuthorityError('not-found', 'There is no such person. Nothing was changed.');
}
