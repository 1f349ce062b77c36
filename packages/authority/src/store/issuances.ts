/** Bulk issuance: batches of certificate requests and what became of each. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import { insertion } from './many-rows.ts';
import type { IssuanceItemState, Schema } from './schema.ts';

export type IssuanceItemRow = Selectable<Schema['issuance_items']>;

export interface IssuanceRow extends Selectable<Schema['issuances']> {
  readonly counts: Readonly<Record<IssuanceItemState, number>>;
}

/** One request of a batch. */
export interface ItemKey {
  readonly issuanceId: string;
  readonly position: number;
}

/** Does nothing where that batch exists. */
export async function insertIssuance(tx: Transaction, row: Selectable<Schema['issuances']>): Promise<void> {
  await tx
    .insertInto('issuances')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

/** Whoever came first to a position has it. @returns how many were new */
export async function insertItems(
  tx: Transaction,
  rows: readonly Omit<IssuanceItemRow, 'serial_number'>[],
): Promise<number> {
  if (rows.length === 0) return 0;
  const { numAffectedRows } = await sql`${insertion('issuance_items', rows)}
    ON CONFLICT (issuance_id, position) DO NOTHING`.execute(tx);
  return Number(numAffectedRows ?? 0);
}

/** In order of their positions, behind `after`. */
export async function waitingItems(
  snapshot: Snapshot,
  issuanceId: string,
  after: number,
  limit: number,
): Promise<IssuanceItemRow[]> {
  return snapshot
    .selectFrom('issuance_items')
    .selectAll()
    .where('issuance_id', '=', issuanceId)
    .where('state', '=', 'waiting')
    .where('position', '>', after)
    .orderBy('position')
    .limit(limit)
    .execute();
}

/** Batches in which something waits. */
export async function unfinishedIssuances(snapshot: Snapshot): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('issuances as i')
    .select('i.id')
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('issuance_items')
          .select('position')
          .whereRef('issuance_id', '=', 'i.id')
          .where('state', '=', 'waiting'),
      ),
    )
    .orderBy('i.created_at')
    .execute();
  return rows.map(({ id }) => id);
}

/** Which serial number each of these requests was allotted last. One that waits no longer keeps what it has. */
export async function allotSerials(
  tx: Transaction,
  items: readonly (ItemKey & { readonly serialNumber: string })[],
): Promise<void> {
  if (items.length === 0) return;
  await sql`
    UPDATE issuance_items i SET serial_number = a.serial_number
    FROM unnest(${items.map((one) => one.issuanceId)}::uuid[], ${items.map((one) => one.position)}::integer[],
      ${items.map((one) => one.serialNumber)}::text[]) AS a (issuance_id, position, serial_number)
    WHERE i.issuance_id = a.issuance_id AND i.position = a.position AND i.state = 'waiting'`.execute(tx);
}

/** The requests under these serial numbers have their certificates: in the transaction that stores them. */
export async function markItemsIssued(tx: Transaction, serialNumbers: readonly string[], at: Date): Promise<void> {
  await tx
    .updateTable('issuance_items')
    .set({ state: 'issued', updated_at: at })
    .where(sql<boolean>`serial_number = ANY (${serialNumbers}::text[])`)
    .where('state', '=', 'waiting')
    .execute();
}

export interface ItemOutcome {
  readonly position: number;
  /** Of a certificate that the very same request had before. */
  readonly issuedBefore?: string | undefined;
  readonly error?: string | undefined;
}

/** What became of requests that got no certificate now. Those that wait no longer stay as they are. */
export async function settleItems(
  tx: Transaction,
  issuanceId: string,
  outcomes: readonly ItemOutcome[],
  at: Date,
): Promise<void> {
  await sql`
    UPDATE issuance_items i
    SET state = CASE WHEN o.error IS NULL THEN 'issued' ELSE 'failed' END, error = o.error,
      serial_number = COALESCE(o.serial_number, i.serial_number), updated_at = ${at}
    FROM unnest(${outcomes.map(({ position }) => position)}::integer[],
      ${outcomes.map(({ issuedBefore }) => issuedBefore ?? null)}::text[],
      ${outcomes.map(({ error }) => error ?? null)}::text[]) AS o (position, serial_number, error)
    WHERE i.issuance_id = ${issuanceId} AND i.position = o.position AND i.state = 'waiting'`.execute(tx);
}

/** Takes back what waits. @returns how many */
export async function withdrawItems(tx: Transaction, issuanceId: string, at: Date): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('issuance_items')
    .set({ state: 'withdrawn', updated_at: at })
    .where('issuance_id', '=', issuanceId)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** Puts what failed back to wait. @returns how many */
export async function retryItems(tx: Transaction, issuanceId: string, at: Date): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('issuance_items')
    .set({ state: 'waiting', error: null, updated_at: at })
    .where('issuance_id', '=', issuanceId)
    .where('state', '=', 'failed')
    .where('person_id', 'is not', null)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** Newest first, a hundred at most. */
export async function listIssuances(snapshot: Snapshot): Promise<IssuanceRow[]> {
  const rows = await snapshot.selectFrom('issuances').selectAll().orderBy('created_at', 'desc').limit(100).execute();
  return withCounts(snapshot, rows);
}

export async function issuanceById(snapshot: Snapshot, id: string): Promise<IssuanceRow | undefined> {
  const rows = await snapshot.selectFrom('issuances').selectAll().where('id', '=', id).execute();
  return (await withCounts(snapshot, rows))[0];
}

/** One page in order of positions, with the certificates. */
export async function listItems(
  snapshot: Snapshot,
  issuanceId: string,
  page: { readonly after: number; readonly limit: number; readonly state?: IssuanceItemState | undefined },
) {
  let query = snapshot
    .selectFrom('issuance_items as i')
    .leftJoin('certificates as c', (join) =>
      join.onRef('c.serial_number', '=', 'i.serial_number').on('i.state', '=', 'issued'),
    )
    .select(['i.position', 'i.address', 'i.state', 'i.error', 'c.serial_number', 'c.certificate'])
    .where('i.issuance_id', '=', issuanceId)
    .where('i.position', '>', page.after)
    .orderBy('i.position')
    .limit(page.limit);
  if (page.state !== undefined) query = query.where('i.state', '=', page.state);
  return query.execute();
}

async function withCounts(
  snapshot: Snapshot,
  rows: readonly Selectable<Schema['issuances']>[],
): Promise<IssuanceRow[]> {
  const counted = await snapshot
    .selectFrom('issuance_items')
    .select(['issuance_id', 'state'])
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where(sql<boolean>`issuance_id = ANY (${rows.map(({ id }) => id)}::uuid[])`)
    .groupBy(['issuance_id', 'state'])
    .execute();
  return rows.map((row) => {
    const counts = { waiting: 0, issued: 0, failed: 0, withdrawn: 0 };
    for (const one of counted) if (one.issuance_id === row.id) counts[one.state] = Number(one.count);
    return { ...row, counts };
  });
}
