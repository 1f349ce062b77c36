/**
 * The vault lock: opens with the vault's key in the key store, once a quorum has approved. In this version the quorum is
 * the server's rule (`quorum.ts`), not yet a second half of the key.
 */
import type { VaultRow } from '../../store/escrow.ts';
import type { World } from '../../world.ts';
import { openUnderVault, sealUnderVault } from '../vault.ts';

export async function makeVaultLock(world: World, vault: VaultRow, recordId: string, dek: Uint8Array): Promise<Buffer> {
  return sealUnderVault(world, vault, purposeOf(recordId), dek);
}

/** The DEK; the caller zeroes it. For `release.ts` alone. */
export async function openVaultLock(
  world: World,
  vault: VaultRow,
  recordId: string,
  wrapped: Uint8Array,
): Promise<Buffer> {
  return openUnderVault(world, vault, purposeOf(recordId), wrapped);
}

const purposeOf = (recordId: string): string => `chancery:vault-lock:${recordId}`;
