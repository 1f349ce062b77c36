/** Small secrets of the office (TOTP secrets, challenges) sealed under its key-encryption key. */
import { type KeyReference, parseKeyReference } from '@chancery/keystore';
import { AuthorityError } from '../errors.ts';
import type { Snapshot } from '../store/database.ts';
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

async function officeKek(snapshot: Snapshot): Promise<KeyReference> {
  const vault = await snapshot
    .selectFrom('vaults')
    .select('kek_reference')
    .orderBy('created_at')
    .limit(1)
    .executeTakeFirst();
  if (vault !== undefined) return parseKeyReference(vault.kek_reference);
  throw new AuthorityError(
    'not-set-up',
    'The office has not been set up yet. Nothing was changed. Open the set-up link that the start printed.',
  );
}
