/** Rollovers: an authority whose certificates are all replaced by those of another. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type RolloverRow = Selectable<Schema['rollovers']>;

/** Newest first. */
export async function listRollovers(snapshot: Snapshot): Promise<RolloverRow[]> {
  return snapshot.selectFrom('rollovers').selectAll().orderBy('begun_at', 'desc').orderBy('id').limit(100).execute();
}

export async function runningRollovers(snapshot: Snapshot): Promise<RolloverRow[]> {
  return snapshot.selectFrom('rollovers').selectAll().where('state', '=', 'running').orderBy('begun_at').execute();
}

/** Held until commit. */
export async function lockRollover(tx: Transaction, id: string): Promise<RolloverRow | undefined> {
  return tx.selectFrom('rollovers').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

/** @returns false where one of that authority is open already */
export async function insertRollover(tx: Transaction, row: Omit<RolloverRow, 'state' | 'closed_at'>): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('rollovers')
    .values({ ...row, state: 'running', closed_at: null })
    .onConflict((conflict) => conflict.column('authority_id').where('closed_at', 'is', null).doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

export async function setRolloverState(
  tx: Transaction,
  id: string,
  state: RolloverRow['state'],
  at: Date,
): Promise<void> {
  await tx
    .updateTable('rollovers')
    .set({
      state,
      closed_at: state === 'done' || state === 'ended' ? sql<Date>`${at}::timestamptz` : null,
    })
    .where('id', '=', id)
    .execute();
}
