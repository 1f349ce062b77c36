/**
 * Rounds: what a quorum does a batch of records at a time. Here is what drills and re-wrappings share: a batch and its canonical
 * document, the officers' parts, and what a complete quorum of them adds up to.
 */
import { randomUUID } from 'node:crypto';
import { routes } from '@chancery/api';
import {
  type BatchDocument,
  type BatchKind,
  type CeremonyPlan,
  canonical,
  checkPartial,
  digestOf,
  isSignedBy,
  openingOfBatch,
  openPoints,
  type Partial,
  PURPOSES,
  readBatch,
} from '@chancery/vault';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { holdVaultLock, type LockRow, type OwnedLockRow } from '../store/escrow.ts';
import {
  type BatchRow,
  countBatches,
  insertBatch,
  insertBatchPart,
  lockBatch,
  markReady,
  partsOfBatch,
  type RecordOutcome,
  type RoundRow,
  roundById,
} from '../store/rounds.ts';
import { type VaultRow, vaultById } from '../store/vaults.ts';
import { type OpenedPoint, sealedHalfOf } from './locks/vault.ts';
import { keyOfVault, planOfVault, trust } from './vault.ts';

/** One officer's part of a batch. The last that is needed has the batch opened. @throws AuthorityError `wrong-state`, `forbidden`, `unusable-input` */
export const contributeToBatch = operation({
  action: 'vault.contribute',
  permission: 'recovery:approve',
  input: z.strictObject({ id: z.uuid(), ...routes.contribute.body.shape }),
  subject: ({ id }) => `batch:${id}`,
  async run(tx, { id, digest, signature, partial }, by, world) {
    const batch = await lockBatch(tx, id);
    if (batch === undefined) throw new AuthorityError('not-found', 'There is no such batch. Nothing was changed.');
    if (batch.state !== 'open') {
      throw new AuthorityError('wrong-state', 'This batch waits for nobody any more. Nothing was changed.');
    }
    const { round, vault } = await surroundings(tx, batch);
    const { plan, key } = keyOfVault(vault);
    const index = officerIndex(vault, by.id);
    if (index === 0) {
      throw new AuthorityError(
        'forbidden',
        'Only an officer who holds a share of this vault does this. Nothing was changed.',
      );
    }
    requireIntact(batch, round);
    if (digest !== batch.digest) throw unusable('The part is for another batch than this');
    if (partial.officer !== index) throw unusable('The part is another officer’s');
    requireSignature(batch, round.kind, plan, { position: index, signature });
    trust(() => checkPartial(partial, key, openingOfBatch(batch.canonical)));
    const at = world.clock();
    const kept = await insertBatchPart(tx, {
      batch_id: id,
      position: index,
      operator_id: by.id,
      signature,
      partial: JSON.stringify(partial),
      at,
    });
    if (!kept) throw new AuthorityError('wrong-state', 'You have done your part of this batch. Nothing was changed.');
    const complete = (await partsOfBatch(tx, id)).length >= plan.threshold;
    if (complete) {
      await markReady(tx, id);
      await world.jobs.enqueue(tx, 'open-batch', { batchId: id });
    }
    return {
      result: round.id,
      audit: { roundId: round.id, kind: round.kind, vaultId: vault.id, digest, signature, complete },
    };
  },
});

/** Stores the next batch of a round, over these locks, and says what officers will sign. */
export async function addBatch(
  tx: Transaction,
  round: Pick<RoundRow, 'id' | 'vault_id'>,
  locks: readonly OwnedLockRow[],
  what: { readonly kind: 'drill' } | Pick<Extract<BatchDocument, { kind: 'rewrap' }>, 'kind' | 'target'>,
  at: Date,
): Promise<{ id: string; digest: string }> {
  const id = randomUUID();
  const document: BatchDocument = {
    version: 1,
    id,
    roundId: round.id,
    vaultId: round.vault_id,
    records: locks.map(({ escrowed_key_id, person_id, wrapped }) => {
      const { encapsulation, ownership } = sealedHalfOf(wrapped);
      return { id: escrowed_key_id, person: person_id, encapsulation, ownership };
    }),
    at: at.toISOString(),
    ...what,
  };
  const digest = digestOf(document);
  await insertBatch(
    tx,
    {
      id,
      round_id: round.id,
      position: await countBatches(tx, round.id),
      canonical: Buffer.from(canonical(document)).toString('utf8'),
      digest,
    },
    locks.map(({ escrowed_key_id }) => escrowed_key_id),
  );
  return { id, digest };
}

export interface QuorumBatch {
  readonly batch: BatchRow;
  readonly round: RoundRow;
  readonly vault: VaultRow;
  readonly document: BatchDocument;
  /** Of each record, by its id: what the officers' parts add up to, and the point that they multiplied. */
  readonly points: ReadonlyMap<string, { readonly opened: OpenedPoint; readonly encapsulation: string }>;
  /** Who contributed. */
  readonly officerIds: readonly string[];
}

/**
 * A batch whose quorum is complete, held until commit. Each part and its signature are checked again.
 * @throws AuthorityError `wrong-state` (it waits, is done, or is of another kind), `internal` (it was altered)
 */
export async function holdQuorumBatch(tx: Transaction, batchId: string, kind: BatchKind): Promise<QuorumBatch> {
  const batch = await lockBatch(tx, batchId);
  if (batch?.state !== 'ready') {
    throw new AuthorityError(
      'wrong-state',
      'This batch is not one that a quorum has contributed to. Nothing was opened.',
    );
  }
  const { round, vault } = await surroundings(tx, batch);
  const document = requireIntact(batch, round);
  if (document.kind !== kind) {
    throw new AuthorityError(
      'wrong-state',
      `The officers contributed to something else than this. Nothing was opened.`,
    );
  }
  const { plan, key } = keyOfVault(vault);
  const opening = openingOfBatch(batch.canonical);
  const parts = await partsOfBatch(tx, batchId);
  const partials = parts.flatMap(({ position, signature, partial }) => {
    if (partial === null) return [];
    requireSignature(batch, kind, plan, { position, signature });
    return [JSON.parse(partial) as Partial];
  });
  const points = trust(() => openPoints(partials, key, opening));
  return {
    batch,
    round,
    vault,
    document,
    points: new Map(
      opening.records.map(({ id, encapsulation }) => [id, { opened: points.get(id) as OpenedPoint, encapsulation }]),
    ),
    officerIds: parts.map(({ operator_id }) => operator_id),
  };
}

/** From 1; 0 for whoever holds no share of that vault. */
export function officerIndex(vault: VaultRow, operatorId: string): number {
  return (planOfVault(vault)?.officers.findIndex(({ id }) => id === operatorId) ?? -1) + 1;
}

async function surroundings(snapshot: Snapshot, batch: BatchRow): Promise<{ round: RoundRow; vault: VaultRow }> {
  const round = await roundById(snapshot, batch.round_id);
  if (round === undefined) throw new AuthorityError('internal', 'This batch is part of nothing. Nothing was changed.');
  return { round, vault: await vaultById(snapshot, round.vault_id) };
}

/** Is what is stored what the officers sign, in every column that the rules read? */
function requireIntact(batch: BatchRow, round: RoundRow): BatchDocument {
  const document = trust(() => readBatch(batch.canonical));
  const intact =
    digestOf(document) === batch.digest &&
    document.id === batch.id &&
    document.roundId === round.id &&
    document.vaultId === round.vault_id &&
    document.kind === round.kind &&
    (document.kind === 'drill' || document.target.vaultId === round.target_vault_id);
  if (intact) return document;
  throw new AuthorityError('internal', 'The stored batch is not the one that was made. Nothing was changed.');
}

function requireSignature(
  batch: BatchRow,
  kind: BatchKind,
  plan: CeremonyPlan,
  part: { readonly position: number; readonly signature: string },
): void {
  const signingKey = plan.officers[part.position - 1]?.publicKeys.signing ?? '';
  if (!isSignedBy(signingKey, part.signature, PURPOSES[kind], { request: batch.digest })) {
    throw unusable('The part is not signed with your share key for this purpose');
  }
}

/**
 * The vault lock of a record of a batch, held until commit, and what opens it.
 * @returns what became of the record instead, where it has none any more, or another than the officers contributed for
 */
export async function lockOfBatch(
  tx: Transaction,
  { vault, points }: QuorumBatch,
  escrowedKeyId: string,
): Promise<
  | { readonly lock: LockRow; readonly point: OpenedPoint }
  | { readonly refused: { readonly outcome: RecordOutcome; readonly error: string | null } }
> {
  const lock = await holdVaultLock(tx, escrowedKeyId, vault.id);
  if (lock === undefined) return { refused: { outcome: 'gone', error: null } };
  const point = points.get(escrowedKeyId);
  if (point === undefined || sealedHalfOf(lock.wrapped).encapsulation !== point.encapsulation) {
    const error = 'The lock is not the one that the officers contributed for.';
    return { refused: { outcome: 'failed', error } };
  }
  return { lock, point: point.opened };
}

const unusable = (what: string) => new AuthorityError('unusable-input', `${what}. Nothing was changed.`);
