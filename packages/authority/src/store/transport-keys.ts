/** Keys that escrow keys are sealed to on their way here. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type TransportKeyRow = Selectable<Schema['transport_keys']>;

/** Those that have not ended, the newest first. */
export async function transportKeys(snapshot: Snapshot, at: Date): Promise<TransportKeyRow[]> {
  return snapshot
    .selectFrom('transport_keys')
    .selectAll()
    .where('not_after', '>', at)
    .orderBy('created_at', 'desc')
    .execute();
}

export async function insertTransportKey(tx: Transaction, row: TransportKeyRow): Promise<void> {
  await tx.insertInto('transport_keys').values(row).execute();
}

export async function endedTransportKeys(snapshot: Snapshot, at: Date): Promise<TransportKeyRow[]> {
  return snapshot.selectFrom('transport_keys').selectAll().where('not_after', '<=', at).execute();
}

export async function removeTransportKeys(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.deleteFrom('transport_keys').where('id', 'in', ids).execute();
}
