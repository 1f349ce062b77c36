/** Legal holds: who may not lose a key, for which case. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type LegalHoldRow = Selectable<Schema['legal_holds']>;

/** With the names of the operators. */
export interface NamedHold extends LegalHoldRow {
  readonly placedByName: string;
  readonly liftedByName: string | null;
}

/** Is there a hold that nobody has lifted? Whoever acts upon it holds the person (`lockPerson`), as whoever places one does. */
export async function isUnderHold(snapshot: Snapshot, personId: string): Promise<boolean> {
  const open = await snapshot
    .selectFrom('legal_holds')
    .select('id')
    .where('person_id', '=', personId)
    .where('lifted_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return open !== undefined;
}

/** Those that nobody has lifted, the oldest first. */
export async function openHoldsOf(snapshot: Snapshot, personId: string): Promise<LegalHoldRow[]> {
  return snapshot
    .selectFrom('legal_holds')
    .selectAll()
    .where('person_id', '=', personId)
    .where('lifted_at', 'is', null)
    .orderBy('placed_at')
    .execute();
}

/** All of them, the oldest first. */
export async function holdsOf(snapshot: Snapshot, personId: string): Promise<LegalHoldRow[]> {
  return snapshot
    .selectFrom('legal_holds')
    .selectAll()
    .where('person_id', '=', personId)
    .orderBy('placed_at')
    .execute();
}

/** @returns false where that person has an open hold for that case already */
export async function insertHold(
  tx: Transaction,
  hold: Pick<LegalHoldRow, 'id' | 'person_id' | 'case_number' | 'reason' | 'placed_by' | 'placed_at'>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('legal_holds')
    .values({ ...hold, lifted_by: null, lifted_at: null, lift_reason: null })
    .onConflict((conflict) => conflict.columns(['person_id', 'case_number']).where('lifted_at', 'is', null).doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Held until commit. */
export async function lockHold(tx: Transaction, id: string): Promise<LegalHoldRow | undefined> {
  return tx.selectFrom('legal_holds').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export async function markLifted(
  tx: Transaction,
  id: string,
  lifted: { readonly by: string; readonly at: Date; readonly reason: string },
): Promise<void> {
  await tx
    .updateTable('legal_holds')
    .set({ lifted_by: lifted.by, lifted_at: lifted.at, lift_reason: lifted.reason })
    .where('id', '=', id)
    .execute();
}

export interface HoldFilter {
  readonly id?: string | undefined;
  readonly personId?: string | undefined;
  readonly open?: boolean | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function listHolds(snapshot: Snapshot, { id, personId, open, limit }: HoldFilter): Promise<NamedHold[]> {
  let query = snapshot
    .selectFrom('legal_holds as h')
    .innerJoin('operators as placer', 'placer.id', 'h.placed_by')
    .leftJoin('operators as lifter', 'lifter.id', 'h.lifted_by')
    .selectAll('h')
    .select(['placer.name as placedByName', 'lifter.name as liftedByName'])
    .orderBy('h.placed_at', 'desc')
    .orderBy('h.id')
    .limit(limit);
  if (id !== undefined) query = query.where('h.id', '=', id);
  if (personId !== undefined) query = query.where('h.person_id', '=', personId);
  if (open !== undefined) query = query.where(sql<boolean>`(h.lifted_at IS NULL) = ${open}`);
  return query.execute();
}
