/** Owner locks: put on and taken off. Opening one is the owner's browser's; what it opened is delivered by `delivery/`. */
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { type Principal, requireSelf } from '../principal.ts';
import { claimByHash, lockClaim } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { addLock, dropLocks, escrowedKeysOfPerson, keysLockedTo } from '../store/escrow.ts';
import { forgetOwnerKey, lockPersonPasskey, type PersonPasskeyRow } from '../store/person-passkeys.ts';
import { hashToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { openClaimLock } from './locks/claim.ts';
import { makeOwnerLock, readOwnerLock } from './locks/owner.ts';

const CredentialId = z.string().max(2000);

/**
 * Locks keys to a passkey of their owner: those that the claim link opens, or those that the owner's browser has opened with
 * another passkey and wrapped for this one. Later keys are locked to it as they are made.
 * @throws AuthorityError `not-found`, `wrong-state`, `wrong-credentials`, `unusable-input`
 */
export const addOwnerLocks = operation({
  action: 'key.add-owner-lock',
  permission: { guard: (by: Principal) => by.kind === 'person', description: 'a session, or the claim link' },
  input: z.strictObject({
    personId: z.uuid(),
    credentialId: CredentialId,
    from: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('claim'), secret: z.string() }),
      z.strictObject({
        kind: z.literal('owner'),
        locks: z.array(z.strictObject({ id: z.uuid(), wrapped: z.string().max(200) })).max(1000),
      }),
    ]),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, credentialId, from }, by, world) {
    requireSelf(by, personId);
    const passkey = await holdPasskey(tx, personId, credentialId);
    if (passkey.owner_key === null) {
      throw new AuthorityError('wrong-state', 'This passkey signs in only, and opens no keys. Nothing was changed.');
    }
    const locks =
      from.kind === 'claim'
        ? await lockClaimed(tx, world, passkey, from.secret)
        : await takeWrapped(tx, by, personId, from.locks);
    const at = world.clock();
    const added: string[] = [];
    for (const { id, wrapped } of locks) {
      const lock = { kind: 'owner', holder: credentialId, wrapped, expires_at: null } as const;
      if (await addLock(tx, id, lock, at)) added.push(id);
    }
    return { result: { escrowedKeyIds: added }, audit: { credentialId, by: from.kind, escrowedKeyIds: added } };
  },
});

/** A passkey opens keys no more, those of now and those to come. @throws AuthorityError `not-found` */
export const removeOwnerLocks = operation({
  action: 'key.remove-owner-lock',
  permission: 'self:write',
  input: z.strictObject({ personId: z.uuid(), credentialId: CredentialId }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, credentialId }, by) {
    requireSelf(by, personId);
    await holdPasskey(tx, personId, credentialId);
    const removed = await dropLocks(tx, { kind: 'owner', holder: credentialId });
    await forgetOwnerKey(tx, credentialId);
    return { result: undefined, audit: { credentialId, removed } };
  },
});

async function holdPasskey(tx: Transaction, personId: string, credentialId: string): Promise<PersonPasskeyRow> {
  const passkey = await lockPersonPasskey(tx, credentialId);
  if (passkey?.person_id === personId) return passkey;
  throw new AuthorityError('not-found', 'You have no such passkey. Nothing was changed.');
}

async function lockClaimed(tx: Transaction, world: World, passkey: PersonPasskeyRow, secret: string) {
  const found = await claimByHash(tx, hashToken(secret));
  const claim = found && (await lockClaim(tx, found.id));
  if (claim?.person_id !== passkey.person_id || claim.closed_at !== null || claim.expires_at <= world.clock()) {
    throw new AuthorityError('wrong-state', 'This claim link was used already, or has expired. Nothing was changed.');
  }
  const keys = await keysLockedTo(tx, { kind: 'claim', holder: claim.id, personId: claim.person_id });
  const locks: { id: string; wrapped: Buffer }[] = [];
  for (const { key, wrapped } of keys) {
    const dek = openClaimLock(key.id, secret, wrapped);
    try {
      const lock = await makeOwnerLock(world, tx, passkey, key.id, dek);
      if (lock !== undefined) locks.push({ id: key.id, wrapped: lock });
    } finally {
      dek.fill(0);
    }
  }
  return locks;
}

async function takeWrapped(
  tx: Transaction,
  by: Principal,
  personId: string,
  wrapped: readonly { readonly id: string; readonly wrapped: string }[],
) {
  if (by.kind !== 'person' || by.signedIn !== true) {
    throw new AuthorityError('forbidden', 'Sign in to your own page first. Nothing was changed.');
  }
  const own = new Set((await escrowedKeysOfPerson(tx, personId)).map(({ id }) => id));
  return wrapped.map((one) => {
    if (!own.has(one.id)) throw new AuthorityError('not-found', 'You have no such key. Nothing was changed.');
    return { id: one.id, wrapped: readOwnerLock(one.wrapped) };
  });
}
