/** What people ask the registration officers for, on their own page. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type HelpRequestRow = Selectable<Schema['help_requests']>;

/** @returns false where that person waits for help already */
export async function insertHelpRequest(
  tx: Transaction,
  request: Pick<HelpRequestRow, 'id' | 'person_id' | 'topic' | 'note' | 'asked_at'>,
): Promise<boolean> {
  const inserted = await tx
    .insertInto('help_requests')
    .values({ ...request, closed_at: null, closed_by: null })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function openHelpRequest(snapshot: Snapshot, personId: string): Promise<HelpRequestRow | undefined> {
  return snapshot
    .selectFrom('help_requests')
    .selectAll()
    .where('person_id', '=', personId)
    .where('closed_at', 'is', null)
    .executeTakeFirst();
}

/** Those that wait, oldest first, with who asks. */
export async function openHelpRequests(snapshot: Snapshot, limit: number) {
  return snapshot
    .selectFrom('help_requests as h')
    .innerJoin('people as p', 'p.id', 'h.person_id')
    .innerJoin('person_addresses as a', (join) => join.onRef('a.person_id', '=', 'p.id').on('a.is_primary', '=', true))
    .select(['h.id', 'h.person_id', 'h.topic', 'h.note', 'h.asked_at', 'p.name', 'a.address'])
    .where('h.closed_at', 'is', null)
    .orderBy('h.asked_at')
    .limit(limit)
    .execute();
}

/** @returns whose it was; undefined for one that is closed, or none */
export async function closeHelpRequest(
  tx: Transaction,
  id: string,
  { by, at }: { by: string; at: Date },
): Promise<string | undefined> {
  const closed = await tx
    .updateTable('help_requests')
    .set({ closed_at: at, closed_by: by })
    .where('id', '=', id)
    .where('closed_at', 'is', null)
    .returning('person_id')
    .executeTakeFirst();
  return closed?.person_id;
}
