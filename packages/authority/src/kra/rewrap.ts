/**
 * Moves what a live vault holds into the one that replaced it. The old vault's officers contribute to batches of its locks;
 * what a quorum of them opens is a data key, which is locked to the new vault in the same transaction. No private key is
 * touched.
 */
import { randomUUID } from 'node:crypto';
import { KeyStoreError } from '@chancery/keystore';
import { type LockedPoint, MOST_IN_BATCH, type Transcript, VaultError } from '@chancery/vault';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { bulkOperation, operation } from '../operation.ts';
import { actorOf } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import { moveLock, type OwnedLockRow } from '../store/escrow.ts';
import {
  endRoundsOfVault,
  finishBatch,
  insertRound,
  openRound,
  type RecordOutcome,
  type RoundRow,
  unplannedLocks,
} from '../store/rounds.ts';
import { currentVault, foundingTranscript, type VaultRow, vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { lockedPoints, makeVaultLock, openVaultLock } from './locks/vault.ts';
import { addBatch, holdQuorumBatch, lockOfBatch, type QuorumBatch } from './rounds.ts';
import { keyOfFounding } from './vault.ts';

/** Lays out the next batch of what a replaced vault holds, for its officers. @returns how many records are in it */
export const planRewrap = operation({
  action: 'vault.plan-rewrap',
  permission: 'system',
  input: z.strictObject({ vaultId: z.uuid(), records: z.int().min(1).max(MOST_IN_BATCH).default(MOST_IN_BATCH) }),
  subject: ({ vaultId }) => `vault:${vaultId}`,
  async run(tx, { vaultId, records }, by, world) {
    const [from, to] = [await vaultById(tx, vaultId), await currentVault(tx)];
    if (from.state !== 'live' || to.state !== 'live' || from.id === to.id) {
      throw new AuthorityError('wrong-state', 'This vault was not replaced by another. Nothing was changed.');
    }
    const at = world.clock();
    const round = await roundInto(tx, from, to, actorOf(by), at);
    const locks = await unplannedLocks(tx, round.id, from.id, records);
    if (locks.length === 0) return { result: { planned: 0 }, audit: { roundId: round.id, records: 0 } };
    const target = await targetOf(tx, to);
    const { id, digest } = await addBatch(tx, round, locks, { kind: 'rewrap', target }, at);
    return {
      result: { planned: locks.length },
      audit: { roundId: round.id, batchId: id, digest, records: locks.length, targetVaultId: to.id },
    };
  },
});

/** Moves the records of one batch, together or not at all. @throws AuthorityError `wrong-state` */
export const rewrapKeys = bulkOperation({
  action: 'vault.rewrap',
  permission: 'system',
  input: z.strictObject({ batchId: z.uuid(), escrowedKeyId: z.uuid(), personId: z.uuid().nullable() }),
  subject: ({ personId }) => (personId === null ? null : `person:${personId}`),
  async runAll(tx, inputs, _by, world) {
    const [first] = inputs;
    if (first === undefined) return [];
    const work = await holdQuorumBatch(tx, first.batchId, 'rewrap');
    const to = await currentVault(tx);
    const { document } = work;
    const intended = document.kind === 'rewrap' && document.target.publicKey === to.publicKey?.toString('base64url');
    if (!intended || document.target.vaultId !== to.id) {
      throw new AuthorityError(
        'wrong-state',
        'The officers contributed for another vault than that of now. Nothing was moved.',
      );
    }
    const outcomes = [];
    for (const input of inputs) outcomes.push({ ...input, ...(await moveOne(tx, world, work, to, input)) });
    await finishBatch(tx, first.batchId, outcomes, world.clock());
    await world.jobs.enqueue(tx, 'empty-vaults', {});
    return outcomes.map(({ escrowedKeyId, outcome, error, locked }) => ({
      result: outcome,
      audit: {
        escrowedKeyId,
        outcome,
        ...(error === null ? {} : { error }),
        batchId: first.batchId,
        digest: work.batch.digest,
        fromVaultId: work.vault.id,
        toVaultId: to.id,
        contributedBy: work.officerIds,
        locked,
      },
    }));
  },
});

async function moveOne(
  tx: Transaction,
  world: World,
  work: QuorumBatch,
  to: VaultRow,
  { escrowedKeyId, personId }: { readonly escrowedKeyId: string; readonly personId: string | null },
): Promise<{ outcome: RecordOutcome; error: string | null; locked: LockedPoint[] }> {
  if (personId === null) return { outcome: 'gone', error: null, locked: [] };
  const held = await lockOfBatch(tx, work, escrowedKeyId);
  if ('refused' in held) return { ...held.refused, locked: [] };
  const { lock, point } = held;
  let dek: Buffer;
  try {
    dek = await openVaultLock(world, work.vault, escrowedKeyId, lock.wrapped, point);
  } catch (error) {
    if (!isUnopenable(error)) throw error;
    return { outcome: 'failed', error: 'The lock does not open: it was altered.', locked: [] };
  }
  return {
    outcome: 'moved',
    error: null,
    locked: await lockAnew(tx, world, { ...lock, person_id: personId }, to, dek),
  };
}

/** Puts a key into another vault. Zeroes the DEK. @returns what the audit trail says of its lock there */
export async function lockAnew(
  tx: Transaction,
  world: World,
  lock: Pick<OwnedLockRow, 'id' | 'escrowed_key_id' | 'person_id'>,
  to: VaultRow,
  dek: Buffer,
): Promise<LockedPoint[]> {
  try {
    const owner = { recordId: lock.escrowed_key_id, personId: lock.person_id };
    const wrapped = await makeVaultLock(world, to, owner, dek);
    await moveLock(tx, lock.id, to.id, wrapped);
    return lockedPoints(to, owner, wrapped);
  } finally {
    dek.fill(0);
  }
}

/** What no second try would open. A key store that does not answer is another matter: the batch waits for it. */
export function isUnopenable(error: unknown): boolean {
  if (error instanceof KeyStoreError) return error.code === 'unwrap-failed';
  if (error instanceof VaultError) return error.code === 'cannot-open' || error.code === 'malformed';
  return error instanceof Error && /authenticate data/.test(error.message);
}

async function roundInto(tx: Transaction, from: VaultRow, to: VaultRow, begunBy: string, at: Date): Promise<RoundRow> {
  const open = await openRound(tx, from.id, 'rewrap');
  if (open !== undefined && open.target_vault_id === to.id) return open;
  // The vault was replaced once more before the one before it was empty: its keys go to the newest.
  await endRoundsOfVault(tx, from.id, null, at);
  const round = {
    id: randomUUID(),
    kind: 'rewrap' as const,
    vault_id: from.id,
    target_vault_id: to.id,
    begun_by: begunBy,
    begun_at: at,
  };
  await insertRound(tx, round);
  return { ...round, closed_at: null, outcome: null };
}

async function targetOf(tx: Transaction, to: VaultRow) {
  const text = await foundingTranscript(tx, to.id);
  const founded = keyOfFounding(to, JSON.parse(text) as Transcript);
  return {
    vaultId: to.id,
    publicKey: Buffer.from(founded.publicKey).toString('base64url'),
    transcript: founded.transcript,
  };
}
