/** Enrolment requests: what must be fulfilled before a person has a certificate for one use. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type EnrollmentRow = Selectable<Schema['enrollments']>;
type EnrollmentUse = EnrollmentRow['use'];

export async function enrollmentById(snapshot: Snapshot, id: string): Promise<EnrollmentRow | undefined> {
  return snapshot.selectFrom('enrollments').selectAll().where('id', '=', id).executeTakeFirst();
}

/** By id, held until commit; one that is not there is absent. */
export async function lockEnrollments(tx: Transaction, ids: readonly string[]): Promise<Map<string, EnrollmentRow>> {
  const rows = await tx
    .selectFrom('enrollments')
    .selectAll()
    .where(sql<boolean>`id = ANY (${ids}::uuid[])`)
    .orderBy('id')
    .forUpdate()
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

export async function waitingEnrollments(snapshot: Snapshot, personIds: readonly string[]): Promise<EnrollmentRow[]> {
  return snapshot
    .selectFrom('enrollments')
    .selectAll()
    .where(sql<boolean>`person_id = ANY (${personIds}::uuid[])`)
    .where('state', '=', 'waiting')
    .execute();
}

/**
 * Begins an enrolment for each, unless one waits already.
 * @returns the ids of those begun
 */
export async function insertEnrollments(
  tx: Transaction,
  wanted: readonly { readonly personId: string; readonly use: EnrollmentUse; readonly escrowedKeyId?: string }[],
  at: Date,
): Promise<{ id: string; use: EnrollmentUse; personId: string }[]> {
  const begun: { id: string; use: EnrollmentUse; personId: string }[] = [];
  for (let start = 0; start < wanted.length; start += 1000) {
    const rows = await tx
      .insertInto('enrollments')
      .values(
        wanted.slice(start, start + 1000).map(({ personId, use, escrowedKeyId }) => ({
          person_id: personId,
          use,
          state: 'waiting' as const,
          error: null,
          escrowed_key_id: escrowedKeyId ?? null,
          created_at: at,
          updated_at: at,
        })),
      )
      .onConflict((conflict) => conflict.columns(['person_id', 'use']).where('state', '=', 'waiting').doNothing())
      .returning(['id', 'use', 'person_id'])
      .execute();
    begun.push(...rows.map(({ id, use, person_id }) => ({ id, use, personId: person_id })));
  }
  return begun;
}

export async function setEnrollmentKey(tx: Transaction, id: string, escrowedKeyId: string): Promise<void> {
  await tx.updateTable('enrollments').set({ escrowed_key_id: escrowedKeyId }).where('id', '=', id).execute();
}

export async function waitingCount(snapshot: Snapshot, use: EnrollmentUse): Promise<number> {
  const { count } = await snapshot
    .selectFrom('enrollments')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('state', '=', 'waiting')
    .where('use', '=', use)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Withdraws what waits. */
export async function withdrawEnrollments(
  tx: Transaction,
  personId: string,
  use: EnrollmentUse | undefined,
  at: Date,
): Promise<void> {
  let update = tx
    .updateTable('enrollments')
    .set({ state: 'withdrawn', updated_at: at })
    .where('person_id', '=', personId)
    .where('state', '=', 'waiting');
  if (use !== undefined) update = update.where('use', '=', use);
  await update.execute();
}

/** Withdraws what waits for the certificate of a key that is made already. */
export async function withdrawKeyedEnrollments(tx: Transaction, personIds: readonly string[], at: Date): Promise<void> {
  if (personIds.length === 0) return;
  await tx
    .updateTable('enrollments')
    .set({ state: 'withdrawn', updated_at: at })
    .where(sql<boolean>`person_id = ANY (${personIds}::uuid[])`)
    .where('use', '=', 'encryption')
    .where('state', '=', 'waiting')
    .where('escrowed_key_id', 'is not', null)
    .execute();
}

/** The sentence that a waiting enrolment shows: why it could not be fulfilled yet. */
export async function setEnrollmentError(tx: Transaction, id: string, error: string, at: Date): Promise<void> {
  await tx
    .updateTable('enrollments')
    .set({ error, updated_at: at })
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .execute();
}
