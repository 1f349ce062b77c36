/** Small secrets of the office (TOTP secrets, challenges) sealed under its key-encryption key. */
import { type KeyReference, parseKeyReference } from '@chancery/keystore';
import { AuthorityError } from '../errors.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { secretsKey, setSecretsKey } from '../store/office.ts';
import { firstVault } from '../store/vaults.ts';
import type { World } from '../world.ts';

/** @param purpose what it is for and whose: it opens for nothing else */
export async function sealSecret(
  world: World,
  snapshot: Snapshot,
  purpose: string,
  secret: Uint8Array,
): Promise<Uint8Array> {
  return world.keyStore.wrap(await officeKek(snapshot), secret, Buffer.from(purpose));
}

export async function openSecret(
  world: World,
  snapshot: Snapshot,
  purpose: string,
  sealed: Uint8Array,
): Promise<Uint8Array> {
  return world.keyStore.unwrap(await officeKek(snapshot), sealed, Buffer.from(purpose));
}

/** Makes that key, at set-up. */
export async function establishSecretsKey(tx: Transaction, world: World): Promise<void> {
  await setSecretsKey(tx, await world.keyStore.generateKek('operators'));
}

async function officeKek(snapshot: Snapshot): Promise<KeyReference> {
  const own = await secretsKey(snapshot);
  if (own === undefined) {
    throw new AuthorityError(
      'not-set-up',
      'The office has not been set up yet. Nothing was changed. Open the set-up link that the start printed.',
    );
  }
  // An office from before sealed under the key of its first vault, until `move-secrets.ts` has been there.
  return parseKeyReference(own ?? (await firstVault(snapshot)).kekReference);
}
