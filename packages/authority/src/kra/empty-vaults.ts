/**
 * Empties vaults that were replaced. What a provisional one holds moves by itself; what a live one holds moves as far as its
 * officers contribute (`rewrap.ts`). Then the old vault's key is destroyed: what a backup holds of it opens no more.
 */
import { KeyStoreError, parseKeyReference } from '@chancery/keystore';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { claimsSealedUnder } from '../store/claims.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { holdVaultLocks, unfinishedOf, vaultHolds } from '../store/escrow.ts';
import { closeRound, openRound, unplannedLocks } from '../store/rounds.ts';
import {
  currentVault,
  isQuiet,
  lockVault,
  markReplaced,
  retireVault,
  type VaultRow,
  vaultById,
  vaultsToEmpty,
} from '../store/vaults.ts';
import type { World } from '../world.ts';
import { moveClaimSecret } from './claim-link.ts';
import { openProvisionalLock } from './locks/vault.ts';
import { lockAnew, planRewrap } from './rewrap.ts';

/** Records in one transaction: a crash does that many again, and nobody waits longer for the trail. */
const GROUP = 100;

/** Moves what needs no officer: keys of a provisional vault, and the secrets of claims of any. */
export const moveKeys = operation({
  action: 'vault.move-keys',
  permission: 'system',
  input: z.strictObject({ fromVaultId: z.uuid() }),
  subject: ({ fromVaultId }) => `vault:${fromVaultId}`,
  async run(tx, { fromVaultId }, _by, world) {
    const [from, to] = [await vaultById(tx, fromVaultId), await currentVault(tx)];
    const replaced = to.state === 'live' && to.id !== from.id;
    if (replaced) await markReplaced(tx, from.id);
    const locks = from.state === 'provisional' && replaced ? await holdVaultLocks(tx, from.id, GROUP) : [];
    const locked = [];
    for (const lock of locks) {
      const dek = await openProvisionalLock(world, from, lock.escrowed_key_id, lock.wrapped);
      locked.push(...(await lockAnew(tx, world, lock, to, dek)));
    }
    const claims = locks.length < GROUP && replaced ? await moveClaims(tx, world, from, to) : 0;
    return {
      result: { moved: locks.length + claims },
      audit: { toVaultId: to.id, escrowedKeyIds: locks.map((lock) => lock.escrowed_key_id), claims, locked },
    };
  },
});

/** The vault holds nothing more: its key goes. @throws AuthorityError `wrong-state` where it does */
export const closeVault = operation({
  action: 'vault.close',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ vaultId: z.uuid() }),
  subject: ({ vaultId }) => `vault:${vaultId}`,
  async run(tx, { vaultId }, _by, world) {
    const vault = await lockVault(tx, vaultId);
    // A release that had begun before may have sealed its password meanwhile.
    if (await vaultHolds(tx, vaultId)) {
      throw new AuthorityError(
        'wrong-state',
        'Something is sealed under the key of this vault. Nothing was destroyed.',
      );
    }
    await retireVault(tx, vaultId);
    const round = await openRound(tx, vaultId, 'rewrap');
    if (round !== undefined) await closeRound(tx, round.id, 'complete', world.clock());
    // Last, and in the transaction: where it fails nothing has happened. Where the commit fails the key is gone, and the next
    // try finds that out; nothing was in there.
    const references = [
      vault.kekReference,
      ...(vault.previousKekReference === null ? [] : [vault.previousKekReference]),
    ];
    for (const reference of references) await destroyKek(world, reference);
    return { result: undefined, audit: { keyReferences: references } };
  },
});

/** Destroys a key-encryption key that nothing is sealed under; one that is gone already is as good. */
export async function destroyKek(world: World, reference: string): Promise<void> {
  await world.keyStore.destroy(parseKeyReference(reference)).catch((error) => {
    if (!(error instanceof KeyStoreError && error.code === 'key-not-found')) throw error;
  });
}

/** The job; idempotent. */
export async function emptyVaults(world: World): Promise<void> {
  for (const vault of await world.database.snapshot((snapshot) => vaultsToEmpty(snapshot)))
    await emptyVault(world, vault);
}

async function emptyVault(world: World, vault: VaultRow): Promise<void> {
  await moveAll(world, vault);
  if (!(await becomesQuiet(() => world.database.snapshot((snapshot) => isQuiet(snapshot, vault.id, 'replaced_at')))))
    return;
  // Whoever had begun before the vault was replaced has locked their key by now.
  await moveAll(world, vault);
  const holds = await world.database.snapshot((snapshot) => vaultHolds(snapshot, vault.id));
  // A recovered password that waits to be told is the last thing there can be; the scheduler looks again.
  if (holds) return;
  try {
    await perform(world, closeVault, system, { vaultId: vault.id });
  } catch (error) {
    // It holds such a password since.
    if (!(error instanceof AuthorityError && error.code === 'wrong-state')) throw error;
  }
}

async function moveAll(world: World, { id, state }: VaultRow): Promise<void> {
  for (;;) {
    const { unmarked, locks, claims } = await world.database.snapshot((snapshot) => unfinishedOf(snapshot, id));
    if (!unmarked && !claims && !(locks && state === 'provisional')) break;
    const { moved } = await perform(world, moveKeys, system, { fromVaultId: id });
    // What is left is held by another node, which moves it.
    if (moved === 0 && !unmarked) break;
  }
  if (state !== 'live') return;
  while (await world.database.snapshot(async (snapshot) => isUnplanned(snapshot, id))) {
    await perform(world, planRewrap, system, { vaultId: id });
  }
}

async function isUnplanned(snapshot: Snapshot, vaultId: string): Promise<boolean> {
  const round = await openRound(snapshot, vaultId, 'rewrap');
  const into = (await currentVault(snapshot)).id;
  const current = round?.target_vault_id === into ? round.id : null;
  return (await unplannedLocks(snapshot, current, vaultId, 1)).length > 0;
}

/** @returns false where something is still going on after two seconds: the scheduler comes again */
export async function becomesQuiet(isQuietNow: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + 2_000;
  while (!(await isQuietNow())) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

async function moveClaims(tx: Transaction, world: World, from: VaultRow, to: VaultRow): Promise<number> {
  const claims = await claimsSealedUnder(tx, from.id, { limit: GROUP });
  for (const claim of claims) await moveClaimSecret(tx, world, claim, from, to);
  return claims.length;
}
