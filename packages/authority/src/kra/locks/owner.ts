/**
 * The owner lock: opens with a key pair that its owner's passkey gives in their browser. The office has the public half, sealed
 * under its own key: whoever writes the database puts no owner key of theirs in its place.
 */
import { parseKeyReference } from '@chancery/keystore';
import { checkOwnerPublicKey, OWNER_LOCK_LENGTH, sealOwnerLock } from '@chancery/vault';
import { AuthorityError } from '../../errors.ts';
import type { Snapshot } from '../../store/database.ts';
import type { LockRow } from '../../store/escrow.ts';
import { secretsKey } from '../../store/office.ts';
import { type PersonPasskeyRow, passkeysOfPerson } from '../../store/person-passkeys.ts';
import type { World } from '../../world.ts';
import { trust } from '../vault.ts';

type OwnerLock = Pick<LockRow, 'kind' | 'holder' | 'wrapped' | 'expires_at'>;

interface OwnerKeyBinding {
  readonly personId: string;
  readonly credentialId: string;
}

/** @param publicKey base64url @throws AuthorityError `unusable-input` */
export async function sealOwnerKey(
  world: World,
  snapshot: Snapshot,
  binding: OwnerKeyBinding,
  publicKey: string,
): Promise<Buffer> {
  trust(() => checkOwnerPublicKey(publicKey));
  const kek = parseKeyReference(await officeKey(snapshot));
  return Buffer.from(await world.keyStore.wrap(kek, Buffer.from(publicKey, 'base64url'), purposeOf(binding)));
}

/** Locks of a record to every owner key of that person; none where there is no such key. */
export async function makeOwnerLocks(
  world: World,
  snapshot: Snapshot,
  { recordId, personId }: { recordId: string; personId: string },
  dek: Uint8Array,
): Promise<OwnerLock[]> {
  const locks: OwnerLock[] = [];
  for (const passkey of await passkeysOfPerson(snapshot, personId)) {
    try {
      const wrapped = await makeOwnerLock(world, snapshot, passkey, recordId, dek);
      if (wrapped !== undefined)
        locks.push({ kind: 'owner', holder: passkey.credential_id, wrapped, expires_at: null });
    } catch (error) {
      // Somebody altered it: no lock is made to it, and the person gets their key all the same.
      world.log.error('owner-lock.not-made', {
        personId,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return locks;
}

/** @returns undefined for a passkey that gives no owner key */
export async function makeOwnerLock(
  world: World,
  snapshot: Snapshot,
  passkey: PersonPasskeyRow,
  recordId: string,
  dek: Uint8Array,
): Promise<Buffer | undefined> {
  if (passkey.owner_key === null) return undefined;
  const { person_id: personId, credential_id: credentialId } = passkey;
  const kek = parseKeyReference(await officeKey(snapshot));
  const publicKey = await world.keyStore.unwrap(kek, passkey.owner_key, purposeOf({ personId, credentialId }));
  return Buffer.from(await sealOwnerLock(Buffer.from(publicKey).toString('base64url'), dek, { recordId, personId }));
}

/** What a browser has wrapped: its form is checked, and nobody here can check more. @throws AuthorityError `unusable-input` */
export function readOwnerLock(wrapped: string): Buffer {
  const octets = Buffer.from(wrapped, 'base64url');
  if (octets.length === OWNER_LOCK_LENGTH && octets[0] === 1) return octets;
  throw new AuthorityError('unusable-input', 'This is not an owner lock. Nothing was changed.');
}

const purposeOf = ({ personId, credentialId }: OwnerKeyBinding): Uint8Array =>
  Buffer.from(`chancery:owner-key:${personId}:${credentialId}`);

/** An office from before it had a key of its own gets one within a minute of its first start. */
async function officeKey(snapshot: Snapshot): Promise<string> {
  const reference = await secretsKey(snapshot);
  if (reference != null) return reference;
  throw new AuthorityError(
    'unavailable',
    'The office is being brought up to date. Nothing was changed. Try again in a minute.',
  );
}
