/** Rounds of a quorum's work (drills, re-wrappings), their batches, what became of each record, and what officers contributed. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import { type OwnedLockRow, vaultLocksIn } from './escrow.ts';
import { insertion } from './many-rows.ts';
import type { Schema } from './schema.ts';

export type RoundRow = Selectable<Schema['vault_rounds']>;
export type BatchRow = Selectable<Schema['vault_batches']>;
export type BatchPartRow = Selectable<Schema['vault_batch_parts']>;
export type RecordOutcome = NonNullable<Schema['vault_batch_records']['outcome']>;

export async function insertRound(tx: Transaction, round: Omit<RoundRow, 'closed_at' | 'outcome'>): Promise<void> {
  await tx
    .insertInto('vault_rounds')
    .values({ ...round, closed_at: null, outcome: null })
    .execute();
}

export async function roundById(snapshot: Snapshot, id: string): Promise<RoundRow | undefined> {
  return snapshot.selectFrom('vault_rounds').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The one of that kind that is not closed. */
export async function openRound(
  snapshot: Snapshot,
  vaultId: string,
  kind: RoundRow['kind'],
): Promise<RoundRow | undefined> {
  return snapshot
    .selectFrom('vault_rounds')
    .selectAll()
    .where('vault_id', '=', vaultId)
    .where('kind', '=', kind)
    .where('closed_at', 'is', null)
    .executeTakeFirst();
}

/** Newest first. */
export async function listRounds(snapshot: Snapshot, limit: number): Promise<RoundRow[]> {
  return snapshot
    .selectFrom('vault_rounds')
    .selectAll()
    .orderBy('begun_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute();
}

export async function closeRound(
  tx: Transaction,
  id: string,
  outcome: NonNullable<RoundRow['outcome']>,
  at: Date,
): Promise<void> {
  await tx
    .updateTable('vault_rounds')
    .set({ outcome, closed_at: at })
    .where('id', '=', id)
    .where('closed_at', 'is', null)
    .execute();
}

/** The shares were dealt anew, or the vault replaced: what was contributed adds up no more. @returns the rounds that ended so */
export async function endRoundsOfVault(
  tx: Transaction,
  vaultId: string,
  kind: RoundRow['kind'] | null,
  at: Date,
): Promise<string[]> {
  let rounds = tx
    .updateTable('vault_rounds')
    .set({ outcome: 'ended', closed_at: at })
    .where('vault_id', '=', vaultId)
    .where('closed_at', 'is', null);
  if (kind !== null) rounds = rounds.where('kind', '=', kind);
  const ids = (await rounds.returning('id').execute()).map(({ id }) => id);
  for (const id of ids) {
    const ended = await tx
      .updateTable('vault_batches')
      .set({ state: 'ended' })
      .where('round_id', '=', id)
      .where('state', 'in', ['open', 'ready'])
      .returning('id')
      .execute();
    for (const batch of ended) await forgetParts(tx, batch.id);
  }
  return ids;
}

export async function insertBatch(
  tx: Transaction,
  batch: Omit<BatchRow, 'state'>,
  escrowedKeyIds: readonly string[],
): Promise<void> {
  await tx
    .insertInto('vault_batches')
    .values({ ...batch, state: 'open' })
    .execute();
  const rows = escrowedKeyIds.map((id) => ({
    batch_id: batch.id,
    escrowed_key_id: id,
    outcome: null,
    error: null,
    at: null,
  }));
  await insertion('vault_batch_records', rows).execute(tx);
}

/** The position of the next one. */
export async function countBatches(snapshot: Snapshot, roundId: string): Promise<number> {
  const { count } = await snapshot
    .selectFrom('vault_batches')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('round_id', '=', roundId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Held until commit: parts of one batch come one after another. */
export async function lockBatch(tx: Transaction, id: string): Promise<BatchRow | undefined> {
  return tx.selectFrom('vault_batches').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export async function batchById(snapshot: Snapshot, id: string): Promise<BatchRow | undefined> {
  return snapshot.selectFrom('vault_batches').selectAll().where('id', '=', id).executeTakeFirst();
}

/** What waits for an officer. @param position index of the officer, from 1 */
export async function batchesWaitingFor(
  snapshot: Snapshot,
  roundId: string,
  position: number,
  limit: number,
): Promise<BatchRow[]> {
  return waiting(snapshot, roundId, position).selectAll().orderBy('position').limit(limit).execute();
}

export async function countWaitingFor(snapshot: Snapshot, roundId: string, position: number): Promise<number> {
  const { count } = await waiting(snapshot, roundId, position)
    .select((select) => select.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

const waiting = (snapshot: Snapshot, roundId: string, position: number) =>
  snapshot
    .selectFrom('vault_batches')
    .where('round_id', '=', roundId)
    .where('state', '=', 'open')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('vault_batch_parts')
            .select('vault_batch_parts.position')
            .whereRef('batch_id', '=', 'vault_batches.id')
            .where('vault_batch_parts.position', '=', position),
        ),
      ),
    );

/** @returns false where that part is there already */
export async function insertBatchPart(tx: Transaction, part: BatchPartRow): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('vault_batch_parts')
    .values(part)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

export async function partsOfBatch(snapshot: Snapshot, batchId: string): Promise<BatchPartRow[]> {
  return snapshot
    .selectFrom('vault_batch_parts')
    .selectAll()
    .where('batch_id', '=', batchId)
    .orderBy('position')
    .execute();
}

export async function markReady(tx: Transaction, batchId: string): Promise<void> {
  await tx.updateTable('vault_batches').set({ state: 'ready' }).where('id', '=', batchId).execute();
}

/** What became of every record of a batch; what officers contributed is erased. */
export async function finishBatch(
  tx: Transaction,
  batchId: string,
  outcomes: readonly {
    readonly escrowedKeyId: string;
    readonly outcome: RecordOutcome;
    readonly error: string | null;
  }[],
  at: Date,
): Promise<void> {
  for (const { escrowedKeyId, outcome, error } of outcomes) {
    await tx
      .updateTable('vault_batch_records')
      .set({ outcome, error, at })
      .where('batch_id', '=', batchId)
      .where('escrowed_key_id', '=', escrowedKeyId)
      .execute();
  }
  await tx.updateTable('vault_batches').set({ state: 'done' }).where('id', '=', batchId).execute();
  await forgetParts(tx, batchId);
}

/** With the point that officers multiplied, a part opens exactly these records: it is kept for as long as that takes. */
async function forgetParts(tx: Transaction, batchId: string): Promise<void> {
  await tx.updateTable('vault_batch_parts').set({ partial: null }).where('batch_id', '=', batchId).execute();
}

/** Keys of a batch, each with its person; null where the key was destroyed meanwhile. */
export async function recordsOfBatch(
  snapshot: Snapshot,
  batchId: string,
): Promise<{ escrowedKeyId: string; personId: string | null }[]> {
  const rows = await snapshot
    .selectFrom('vault_batch_records as r')
    .leftJoin('escrowed_keys as e', 'e.id', 'r.escrowed_key_id')
    .select(['r.escrowed_key_id as escrowedKeyId', 'e.person_id as personId'])
    .where('r.batch_id', '=', batchId)
    .orderBy('r.escrowed_key_id')
    .execute();
  return rows;
}

/** A quorum has contributed to them, and nobody has opened them yet. */
export async function readyBatches(snapshot: Snapshot): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('vault_batches')
    .select('id')
    .where('state', '=', 'ready')
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

export async function hasPendingBatches(snapshot: Snapshot, roundId: string): Promise<boolean> {
  const row = await snapshot
    .selectFrom('vault_batches')
    .select('id')
    .where('round_id', '=', roundId)
    .where('state', 'in', ['open', 'ready'])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Vault locks of that vault that no batch of the round holds. */
export async function unplannedLocks(
  snapshot: Snapshot,
  roundId: string | null,
  vaultId: string,
  limit: number,
): Promise<OwnedLockRow[]> {
  return vaultLocksIn(snapshot, vaultId)
    .where(
      sql<boolean>`NOT EXISTS (SELECT 1 FROM vault_batch_records r JOIN vault_batches b ON b.id = r.batch_id
        WHERE r.escrowed_key_id = l.escrowed_key_id AND b.round_id = ${roundId}::uuid)`,
    )
    .orderBy('l.created_at')
    .orderBy('l.id')
    .limit(limit)
    .execute();
}

/** Vault locks of certified keys in that vault, drawn at random. */
export async function randomLocks(snapshot: Snapshot, vaultId: string, limit: number): Promise<OwnedLockRow[]> {
  return vaultLocksIn(snapshot, vaultId)
    .where(
      sql<boolean>`(EXISTS (SELECT 1 FROM certificates c WHERE c.escrowed_key_id = l.escrowed_key_id)
        OR EXISTS (SELECT 1 FROM imported_certificates i WHERE i.escrowed_key_id = l.escrowed_key_id))`,
    )
    .orderBy(sql`random()`)
    .limit(limit)
    .execute();
}

export interface RoundCounts {
  readonly records: number;
  readonly done: number;
  readonly failed: number;
  readonly batches: number;
  readonly batchesDone: number;
}

export async function countRound(snapshot: Snapshot, roundId: string): Promise<RoundCounts> {
  const records = await snapshot
    .selectFrom('vault_batch_records as r')
    .innerJoin('vault_batches as b', 'b.id', 'r.batch_id')
    .select([
      sql<string>`count(*)`.as('records'),
      sql<string>`count(*) FILTER (WHERE r.outcome IN ('proven', 'moved', 'gone'))`.as('done'),
      sql<string>`count(*) FILTER (WHERE r.outcome = 'failed')`.as('failed'),
    ])
    .where('b.round_id', '=', roundId)
    .executeTakeFirstOrThrow();
  const batches = await snapshot
    .selectFrom('vault_batches')
    .select([sql<string>`count(*)`.as('batches'), sql<string>`count(*) FILTER (WHERE state = 'done')`.as('done')])
    .where('round_id', '=', roundId)
    .executeTakeFirstOrThrow();
  return {
    records: Number(records.records),
    done: Number(records.done),
    failed: Number(records.failed),
    batches: Number(batches.batches),
    batchesDone: Number(batches.done),
  };
}

/** How many batches each officer has contributed to. */
export async function contributionsTo(snapshot: Snapshot, roundId: string): Promise<Map<number, number>> {
  const rows = await snapshot
    .selectFrom('vault_batch_parts as p')
    .innerJoin('vault_batches as b', 'b.id', 'p.batch_id')
    .select(['p.position', (select) => select.fn.countAll<string>().as('count')])
    .where('b.round_id', '=', roundId)
    .groupBy('p.position')
    .execute();
  return new Map(rows.map(({ position, count }) => [position, Number(count)]));
}

/** What did not open, the newest first. */
export async function failuresOf(
  snapshot: Snapshot,
  roundId: string,
): Promise<{ escrowedKeyId: string; error: string }[]> {
  const rows = await snapshot
    .selectFrom('vault_batch_records as r')
    .innerJoin('vault_batches as b', 'b.id', 'r.batch_id')
    .select(['r.escrowed_key_id as escrowedKeyId', 'r.error'])
    .where('b.round_id', '=', roundId)
    .where('r.outcome', '=', 'failed')
    .orderBy('r.at', 'desc')
    .limit(20)
    .execute();
  return rows.map(({ escrowedKeyId, error }) => ({ escrowedKeyId, error: error ?? '' }));
}

/** Keys of that vault that a drill has opened, ever, and when the last drill was complete. */
export async function drillStanding(
  snapshot: Snapshot,
  vaultId: string,
): Promise<{ proven: number; keys: number; failed: number; lastAt: Date | null }> {
  const counts = await snapshot
    .selectFrom('escrow_locks as l')
    .select([
      sql<string>`count(*)`.as('keys'),
      sql<string>`count(*) FILTER (WHERE EXISTS (SELECT 1 FROM vault_batch_records r
        WHERE r.escrowed_key_id = l.escrowed_key_id AND r.outcome = 'proven'))`.as('proven'),
      // What failed once and was proven since counts as proven.
      sql<string>`count(*) FILTER (WHERE (SELECT r.outcome FROM vault_batch_records r
        WHERE r.escrowed_key_id = l.escrowed_key_id AND r.outcome IN ('proven', 'failed')
        ORDER BY r.at DESC LIMIT 1) = 'failed')`.as('failed'),
    ])
    .where('l.kind', '=', 'vault')
    .where('l.holder', '=', vaultId)
    .executeTakeFirstOrThrow();
  const last = await snapshot
    .selectFrom('vault_rounds')
    .select('closed_at')
    .where('kind', '=', 'drill')
    .where('outcome', '=', 'complete')
    .orderBy('closed_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return {
    proven: Number(counts.proven),
    keys: Number(counts.keys),
    failed: Number(counts.failed),
    lastAt: last?.closed_at ?? null,
  };
}
