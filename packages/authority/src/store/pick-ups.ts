/** Files that wait for a device to fetch them by a link. Only the hash of its secret is here. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type PickUpRow = Selectable<Schema['pick_ups']>;

export async function insertPickUp(tx: Transaction, row: Omit<PickUpRow, 'fetches'>): Promise<void> {
  await tx
    .insertInto('pick_ups')
    .values({ ...row, fetches: 0 })
    .execute();
}

/** Held until commit. */
export async function lockPickUp(tx: Transaction, secretHash: Buffer): Promise<PickUpRow | undefined> {
  return tx.selectFrom('pick_ups').selectAll().where('secret_hash', '=', secretHash).forUpdate().executeTakeFirst();
}

export async function countFetch(tx: Transaction, id: string): Promise<void> {
  await tx
    .updateTable('pick_ups')
    .set((row) => ({ fetches: row('fetches', '+', 1) }))
    .where('id', '=', id)
    .execute();
}

export async function hasEndedPickUps(snapshot: Snapshot, at: Date): Promise<boolean> {
  const row = await snapshot
    .selectFrom('pick_ups')
    .select('id')
    .where('expires_at', '<=', at)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** @returns how many */
export async function deleteEndedPickUps(tx: Transaction, at: Date): Promise<number> {
  const { numDeletedRows } = await tx.deleteFrom('pick_ups').where('expires_at', '<=', at).executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
