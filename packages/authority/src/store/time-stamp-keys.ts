/** Keys that stamp times in the office's name, with the certificates that say so. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type TimeStampKeyRow = Selectable<Schema['time_stamp_keys']>;

/** The one that stamps at that instant; undefined where there is none, or the next is due. */
export async function presentTimeStampKey(snapshot: Snapshot, at: Date): Promise<TimeStampKeyRow | undefined> {
  return snapshot
    .selectFrom('time_stamp_keys')
    .selectAll()
    .where('made_at', '<=', at)
    .where('renew_at', '>', at)
    .orderBy('made_at', 'desc')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
}

export async function insertTimeStampKey(tx: Transaction, row: TimeStampKeyRow): Promise<void> {
  await tx.insertInto('time_stamp_keys').values(row).execute();
}
