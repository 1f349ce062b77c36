/** The vault: the key-encryption key that every escrowed key is locked to, and how many officers open it. */
import { randomUUID } from 'node:crypto';
import { KeyStoreError, parseKeyReference } from '@chancery/keystore';
import {
  type CeremonyPlan,
  type PastCeremony,
  readTranscript,
  type Transcript,
  VaultError,
  type VaultKey,
  vaultKeyOf,
} from '@chancery/vault';
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

/** Whose key store holds the vault's key-encryption key. */
export type HasKeys = { readonly keyStore: Pick<World['keyStore'], 'wrap' | 'unwrap'> };

/** Seals a small secret of the KRA under the vault's key. @param purpose what it is for and whose: it opens for nothing else */
export async function sealUnderVault(
  world: HasKeys,
  vault: Pick<VaultRow, 'kekReference'>,
  purpose: string,
  secret: Uint8Array,
): Promise<Buffer> {
  return Buffer.from(await world.keyStore.wrap(parseKeyReference(vault.kekReference), secret, Buffer.from(purpose)));
}

/** Opens what `sealUnderVault` made for that purpose. The caller zeroes the result. */
export async function openUnderVault(
  world: HasKeys,
  vault: Pick<VaultRow, 'kekReference' | 'previousKekReference'>,
  purpose: string,
  sealed: Uint8Array,
): Promise<Buffer> {
  const unwrap = async (reference: string) =>
    Buffer.from(await world.keyStore.unwrap(parseKeyReference(reference), sealed, Buffer.from(purpose)));
  try {
    return await unwrap(vault.kekReference);
  } catch (error) {
    const rotates =
      vault.previousKekReference !== null && error instanceof KeyStoreError && error.code === 'unwrap-failed';
    if (!rotates) throw error;
    return unwrap(vault.previousKekReference);
  }
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

/** What the ceremony that founded a vault made, checked whole. @throws AuthorityError `internal` where that is not this vault */
export function keyOfFounding(vault: VaultRow, founding: Transcript): VaultKey {
  const key = trust(() => readTranscript(founding));
  if (vault.publicKey?.equals(Buffer.from(key.publicKey)) === true && founding.plan.vaultId === vault.id) return key;
  throw new AuthorityError('internal', 'The stored ceremony did not found this vault. Nothing was changed.');
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
