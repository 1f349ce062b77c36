/** Comparisons of a target with the inventory: how far each has come, and what it found. */
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { DriftByPerson, Schema } from './schema.ts';

export type ReconciliationRow = Selectable<Schema['reconciliations']>;

export async function openReconciliation(snapshot: Snapshot, target: string): Promise<ReconciliationRow | undefined> {
  return snapshot
    .selectFrom('reconciliations')
    .selectAll()
    .where('target', '=', target)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
}

/** Of each target the newest, at most `limit` of them; newest first. */
export async function newestReconciliations(snapshot: Snapshot, limit: number): Promise<ReconciliationRow[]> {
  const { rows } = await sql<ReconciliationRow>`
    SELECT r.* FROM (SELECT DISTINCT target FROM reconciliations) AS t
    CROSS JOIN LATERAL (
      SELECT * FROM reconciliations WHERE target = t.target ORDER BY begun_at DESC, id LIMIT ${limit}) AS r
    ORDER BY r.begun_at DESC, r.target`.execute(snapshot as never);
  return rows;
}

/** Held until commit; undefined where it has ended, or another node has come further. */
export async function holdReconciliation(
  tx: Transaction,
  id: string,
  reached: string | null,
): Promise<ReconciliationRow | undefined> {
  const row = await tx.selectFrom('reconciliations').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
  return row?.ended_at === null && row.reached === reached ? row : undefined;
}

/** One that is open already stays the one. @returns whether it was put in */
export async function insertReconciliation(
  tx: Transaction,
  row: Pick<Insertable<Schema['reconciliations']>, 'id' | 'target' | 'mends' | 'begun_by' | 'begun_at' | 'people'>,
): Promise<boolean> {
  const inserted = await tx
    .insertInto('reconciliations')
    .values({ ...row, ended_at: null, reached: null, error: null })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

type Tally = Pick<ReconciliationRow, 'checked' | 'missing' | 'extra' | 'mended' | 'not_found' | 'refused' | 'others'>;

/** A page is done: everyone up to `reached` has been looked at. */
export async function advanceReconciliation(tx: Transaction, id: string, reached: string, tally: Tally): Promise<void> {
  const sum = (column: keyof Tally) => sql<number>`${sql.ref(column)} + ${tally[column]}`;
  await tx
    .updateTable('reconciliations')
    .set({
      reached,
      in_hand: '{}',
      error: null,
      checked: sum('checked'),
      missing: sum('missing'),
      extra: sum('extra'),
      mended: sum('mended'),
      not_found: sum('not_found'),
      refused: sum('refused'),
      others: sum('others'),
    })
    .where('id', '=', id)
    .execute();
}

/** What is about to be mended. */
export async function takeInHand(tx: Transaction, id: string, drift: DriftByPerson): Promise<void> {
  await tx
    .updateTable('reconciliations')
    .set({ in_hand: JSON.stringify(drift) })
    .where('id', '=', id)
    .execute();
}

export async function noteWaiting(tx: Transaction, id: string, error: string): Promise<void> {
  await tx.updateTable('reconciliations').set({ error }).where('id', '=', id).execute();
}

export async function endReconciliation(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx
    .updateTable('reconciliations')
    .set({ ended_at: at, error: null, in_hand: '{}' })
    .where('id', '=', id)
    .execute();
}

/** Everyone of whom something of ours may stand somewhere, in the order of their ids. */
export async function peopleWithCertificates(
  snapshot: Snapshot,
  after: string | null,
  limit: number,
): Promise<string[]> {
  let query = snapshot
    .selectFrom('people')
    .select('id')
    .where(sql<boolean>`EXISTS (SELECT 1 FROM certificates c WHERE c.person_id = people.id)`)
    .orderBy('id')
    .limit(limit);
  if (after !== null) query = query.where('id', '>', after);
  return (await query.execute()).map(({ id }) => id);
}

export async function countPeopleWithCertificates(snapshot: Snapshot): Promise<number> {
  const row = await snapshot
    .selectFrom('certificates')
    .select((select) => select.fn.count<string>('person_id').distinct().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}
