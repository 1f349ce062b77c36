/**
 * Moves what a provisional vault holds into the vault that the officers have founded, and then destroys the old vault's key:
 * what a backup holds of it opens no more.
 */
import { KeyStoreError, parseKeyReference } from '@chancery/keystore';
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { claimsSealedUnder, resealClaim } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { holdVaultLocks, moveLock, vaultHolds } from '../store/escrow.ts';
import { currentVault, retireVault, type VaultRow, vaultById, vaultsToEmpty } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { sealClaimSecret, unsealClaimSecret } from './claim-link.ts';
import { lockedPoints, makeVaultLock, openProvisionalLock } from './locks/vault.ts';

/** Records in one transaction: a crash does that many again, and nobody waits longer for the trail. */
const GROUP = 100;

export const moveKeys = operation({
  action: 'vault.move-keys',
  permission: 'system',
  input: z.strictObject({ fromVaultId: z.uuid() }),
  subject: ({ fromVaultId }) => `vault:${fromVaultId}`,
  async run(tx, { fromVaultId }, _by, world) {
    const [from, to] = [await vaultById(tx, fromVaultId), await currentVault(tx)];
    const locks = from.state === 'provisional' && to.state === 'live' ? await holdVaultLocks(tx, from.id, GROUP) : [];
    const locked = [];
    for (const lock of locks) {
      const owner = { recordId: lock.escrowed_key_id, personId: lock.person_id };
      const dek = await openProvisionalLock(world, from, lock.escrowed_key_id, lock.wrapped);
      try {
        const wrapped = await makeVaultLock(world, to, owner, dek);
        await moveLock(tx, lock.id, to.id, wrapped);
        locked.push(...lockedPoints(to, owner, wrapped));
      } finally {
        dek.fill(0);
      }
    }
    const claims = locks.length < GROUP && to.state === 'live' ? await moveClaims(tx, world, from, to) : 0;
    return {
      result: { moved: locks.length + claims },
      audit: { toVaultId: to.id, escrowedKeyIds: locks.map((lock) => lock.escrowed_key_id), claims, locked },
    };
  },
});

/** The vault holds nothing more: its key goes. */
export const closeVault = operation({
  action: 'vault.close',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ vaultId: z.uuid() }),
  subject: ({ vaultId }) => `vault:${vaultId}`,
  async run(tx, { vaultId }, _by, world) {
    const vault = await vaultById(tx, vaultId);
    await retireVault(tx, vaultId);
    // Last, and in the transaction: where it fails nothing has happened. Where the commit fails the key is gone, and the next
    // try finds that out; nothing was in there.
    await world.keyStore.destroy(parseKeyReference(vault.kekReference)).catch((error) => {
      if (!(error instanceof KeyStoreError && error.code === 'key-not-found')) throw error;
    });
    return { result: undefined, audit: { keyReference: vault.kekReference } };
  },
});

/** The job; idempotent. */
export async function emptyVaults(world: World): Promise<void> {
  for (const vault of await world.database.snapshot((snapshot) => vaultsToEmpty(snapshot))) {
    if (vault.state !== 'provisional') continue;
    for (;;) {
      const { moved } = await perform(world, moveKeys, system, { fromVaultId: vault.id });
      if (moved === 0) break;
    }
    const holds = await world.database.snapshot((snapshot) => vaultHolds(snapshot, vault.id));
    // A recovered password that waits to be told is the last thing there can be; the scheduler looks again.
    if (!holds) await perform(world, closeVault, system, { vaultId: vault.id });
  }
}

async function moveClaims(tx: Transaction, world: World, from: VaultRow, to: VaultRow): Promise<number> {
  const claims = await claimsSealedUnder(tx, from.id, GROUP);
  for (const { id, sealed_secret } of claims) {
    if (sealed_secret === null) continue;
    const secret = await unsealClaimSecret(world, from, id, sealed_secret);
    await resealClaim(tx, id, to.id, await sealClaimSecret(world, to, id, secret));
  }
  return claims.length;
}
