/** The vault: the key-encryption key that every escrowed key is locked to, and how many officers open it. */
import type { Transaction } from '../store/database.ts';
import type { World } from '../world.ts';

/** Makes the office's vault; its key never leaves the key store. */
export async function establishVault(tx: Transaction, world: World, vault: { threshold: number }): Promise<void> {
  const kekReference = await world.keyStore.generateKek('vault');
  await tx
    .insertInto('vaults')
    .values({ name: 'vault', kek_reference: kekReference, threshold: vault.threshold, created_at: world.clock() })
    .execute();
}
