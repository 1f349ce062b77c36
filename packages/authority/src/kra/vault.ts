/** The vault: the key-encryption key that every escrowed key is locked to, and how many officers open it. */
import { parseKeyReference } from '@chancery/keystore';
import type { Transaction } from '../store/database.ts';
import type { VaultRow } from '../store/escrow.ts';
import type { World } from '../world.ts';

/** Makes the office's vault; its key never leaves the key store. */
export async function establishVault(tx: Transaction, world: World, vault: { threshold: number }): Promise<void> {
  const kekReference = await world.keyStore.generateKek('vault');
  await tx
    .insertInto('vaults')
    .values({ name: 'vault', kek_reference: kekReference, threshold: vault.threshold, created_at: world.clock() })
    .execute();
}

/** Seals a small secret of the KRA under the vault's key. @param purpose what it is for and whose: it opens for nothing else */
export async function sealUnderVault(
  world: World,
  vault: VaultRow,
  purpose: string,
  secret: Uint8Array,
): Promise<Buffer> {
  return Buffer.from(await world.keyStore.wrap(parseKeyReference(vault.kekReference), secret, Buffer.from(purpose)));
}

/** Opens what `sealUnderVault` made for that purpose. The caller zeroes the result. */
export async function openUnderVault(
  world: World,
  vault: VaultRow,
  purpose: string,
  sealed: Uint8Array,
): Promise<Buffer> {
  return Buffer.from(await world.keyStore.unwrap(parseKeyReference(vault.kekReference), sealed, Buffer.from(purpose)));
}
