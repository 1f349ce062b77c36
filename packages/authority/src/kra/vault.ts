/** The vault: the key-encryption key that every escrowed key is locked to, and how many officers open it. */
import { randomUUID } from 'node:crypto';
import { parseKeyReference } from '@chancery/keystore';
import { type CeremonyPlan, type PastCeremony, type Transcript, VaultError, vaultKeyOf } from '@chancery/vault';
import { AuthorityError } from '../errors.ts';
import type { Transaction } from '../store/database.ts';
import { insertVault, type VaultRow } from '../store/vaults.ts';
import type { World } from '../world.ts';

/**
 * Makes the vault of a new office. It is provisional: it opens with the key store alone, so nothing is ever released from it,
 * and what it holds moves to the vault that the officers found.
 */
export async function establishVault(tx: Transaction, world: World, vault: { threshold: number }): Promise<void> {
  await insertVault(tx, {
    id: randomUUID(),
    kekReference: await world.keyStore.generateKek('vault'),
    threshold: vault.threshold,
    state: 'provisional',
    epoch: 0,
    publicKey: null,
    transcript: null,
    createdAt: world.clock(),
  });
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

/** The plan and the key of a live vault, out of the transcript of its epoch, which was checked when the epoch began. */
export function keyOfVault(vault: VaultRow): PastCeremony {
  if (vault.transcript === null || vault.publicKey === null) {
    throw new AuthorityError(
      'wrong-state',
      'This vault has no officers yet. Nothing was opened. Hold the ceremony first.',
    );
  }
  const transcript = JSON.parse(vault.transcript) as Transcript;
  const key = vaultKeyOf(transcript);
  if (!Buffer.from(key.publicKey).equals(vault.publicKey)) {
    throw new AuthorityError('internal', 'The stored transcript is not that of this vault. Nothing was opened.');
  }
  return { plan: transcript.plan, key };
}

/** Who holds a share of a vault; nobody of a provisional one. */
export function planOfVault({ transcript }: VaultRow): CeremonyPlan | null {
  return transcript === null ? null : (JSON.parse(transcript) as Transcript).plan;
}

/** What a check of the vault's package refuses is bad input, with the officer's number where there is one. */
export function trust<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof VaultError) {
      throw new AuthorityError('unusable-input', `${error.message} Nothing was changed.`);
    }
    throw error;
  }
}
