/**
 * The passkeys of employees. One may give an owner key too, to which all the keys of its owner are locked from then on. So that
 * nobody with a stolen session or mailbox gets there, an owner key is taken with the secret of a claim link, or with another
 * passkey that opens keys already; and any further passkey with one of those before it.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { sealOwnerKey } from '../kra/locks/owner.ts';
import { writeLetter } from '../notices/letters.ts';
import { operation } from '../operation.ts';
import { type Principal, requireSelf } from '../principal.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { dropLocks } from '../store/escrow.ts';
import { findOffice } from '../store/office.ts';
import { personById } from '../store/people.ts';
import {
  deletePasskeysOfPerson,
  deletePersonPasskey,
  insertPersonPasskey,
  lockPersonPasskey,
  type PersonPasskeyRow,
  passkeysOfPerson,
} from '../store/person-passkeys.ts';
import { deleteTokensOfPerson } from '../store/tokens.ts';
import type { World } from '../world.ts';
import {
  acceptPasskey,
  newFlow,
  passkeyChallenge,
  passkeyRegistration,
  personPasskeyAnswer,
  spendFlow,
} from './passkey.ts';

/** What a browser needs to make a passkey, and to show one that is there. */
export async function offerPersonPasskey(world: World, snapshot: Snapshot, personId: string, origin: string) {
  const person = await personById(snapshot, personId);
  if (person === undefined) throw new Error(`There is no person ${personId}`);
  const known = await passkeysOfPerson(snapshot, personId);
  const { challenge, flow } = await newFlow(world, snapshot, `person:${personId}:enrol`);
  const options = await passkeyRegistration({
    origin,
    challenge,
    userId: Buffer.from(personId.replaceAll('-', ''), 'hex'),
    address: person.address,
    name: person.name,
    organisation: (await findOffice(snapshot))?.organisation ?? '',
    known,
  });
  return {
    flow,
    options,
    personId,
    show: known.length === 0 ? null : await passkeyChallenge(world, snapshot, origin, `person:${personId}:show`, known),
  };
}

const Shown = z.strictObject({ flow: z.string(), response: z.record(z.string(), z.unknown()) });

/** Whoever made the principal has checked the session, or the secret of the claim link. */
const ownPerson = { guard: (by: Principal) => by.kind === 'person', description: 'a session, or the claim link' };

/**
 * Takes a new passkey of the caller.
 * @throws AuthorityError `unusable-input`, `wrong-credentials`, `forbidden` (without a passkey that is there already), `conflict`
 */
export const enrolPersonPasskey = operation({
  action: 'person.enrol-passkey',
  permission: ownPerson,
  input: z.strictObject({
    personId: z.uuid(),
    flow: z.string(),
    response: z.record(z.string(), z.unknown()),
    origin: z.string(),
    name: z.string().trim().min(1).max(60),
    /** Public, base64url: where the passkey gives one, all keys are locked to it from now on. */
    ownerKey: z.string().max(200).nullable(),
    /** A passkey that is there already. */
    shown: Shown.nullable(),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, input, by, world) {
    const { personId, origin, ownerKey, shown } = input;
    requireSelf(by, personId);
    const before = await passkeysOfPerson(tx, personId);
    const witness = shown === null ? undefined : await ownPasskeyShown(world, tx, personId, { ...shown, origin });
    // The claim link stands for the keys themselves; a session does not.
    if (by.kind === 'person' && by.signedIn === true) refuseUnwitnessed(before, witness, ownerKey !== null);
    const challenge = await spendFlow(world, tx, `person:${personId}:enrol`, input.flow);
    const passkey = await acceptPasskey(input.response, { origin, challenge });
    const { credentialId } = passkey;
    const added = await insertPersonPasskey(tx, {
      credential_id: credentialId,
      person_id: personId,
      public_key: Buffer.from(passkey.publicKey),
      counter: passkey.counter,
      transports: [...passkey.transports],
      name: input.name,
      owner_key: ownerKey === null ? null : await sealOwnerKey(world, tx, { personId, credentialId }, ownerKey),
      created_at: world.clock(),
    });
    if (!added) throw new AuthorityError('conflict', 'This passkey is known here already. Nothing was changed.');
    await tellOwner(tx, world, personId, ownerKey === null ? 'added' : 'added-opening', input.name);
    return {
      result: { credentialId },
      audit: { credentialId, name: input.name, opensKeys: ownerKey !== null },
    };
  },
});

/** Takes a passkey away that opens nothing any more. @throws AuthorityError `not-found`, `wrong-state` (it opens keys still) */
export const removePersonPasskey = operation({
  action: 'person.remove-passkey',
  permission: 'self:write',
  input: z.strictObject({ personId: z.uuid(), credentialId: z.string().max(2000) }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, credentialId }, by) {
    requireSelf(by, personId);
    const passkey = await lockPersonPasskey(tx, credentialId);
    if (passkey?.person_id !== personId) throw noSuchPasskey();
    if (passkey.owner_key !== null) {
      throw new AuthorityError(
        'wrong-state',
        'This passkey opens keys still. Nothing was changed. Take that away first.',
      );
    }
    await deletePersonPasskey(tx, credentialId);
    return { result: undefined, audit: { credentialId, name: passkey.name } };
  },
});

/** All passkeys of somebody who lost them, with their sessions: the next one is made from a claim link, or signs in only. */
export const removePasskeysOfPerson = operation({
  action: 'person.remove-passkeys',
  permission: 'person:write',
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `person:${id}`,
  async run(tx, { id }, _by, world) {
    if ((await personById(tx, id)) === undefined) {
      throw new AuthorityError('not-found', 'There is no such person. Nothing was changed.');
    }
    await deleteTokensOfPerson(tx, id);
    const locks = await dropLocks(tx, { kind: 'owner', personId: id });
    const passkeys = await deletePasskeysOfPerson(tx, id);
    await tellOwner(tx, world, id, 'removed', '–');
    return { result: undefined, audit: { passkeys, locks } };
  },
});

/** Who adds a passkey in another's place is found out by that other. */
async function tellOwner(
  tx: Transaction,
  world: World,
  personId: string,
  change: 'added' | 'added-opening' | 'removed',
  device: string,
): Promise<void> {
  const to = await personById(tx, personId);
  if (to === undefined) return;
  const key = `passkeys-changed ${randomUUID()}`;
  await writeLetter(tx, world, { letter: 'passkeys-changed', key, to, facts: { change, device } });
}

async function ownPasskeyShown(
  world: World,
  tx: Transaction,
  personId: string,
  answer: Parameters<typeof personPasskeyAnswer>[3],
): Promise<PersonPasskeyRow> {
  const passkey = await personPasskeyAnswer(world, tx, `person:${personId}:show`, answer);
  if (passkey.person_id === personId) return passkey;
  throw new AuthorityError('wrong-credentials', 'This passkey is not one of yours. Nothing was changed.');
}

function refuseUnwitnessed(
  before: readonly PersonPasskeyRow[],
  witness: PersonPasskeyRow | undefined,
  opensKeys: boolean,
): void {
  if (opensKeys && witness?.owner_key == null) {
    throw new AuthorityError(
      'forbidden',
      'A passkey that opens your keys is made on the claim page, or with another that opens them. Nothing was changed.',
    );
  }
  if (before.length > 0 && witness === undefined) {
    throw new AuthorityError(
      'forbidden',
      'Another passkey is made with one of those that you have. Nothing was changed. If all are lost, ask your registration officer.',
    );
  }
}

function noSuchPasskey(): AuthorityError {
  return new AuthorityError('not-found', 'You have no such passkey. Nothing was changed.');
}
