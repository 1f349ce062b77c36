/** Which openings without the office it was told of. */
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';

/** @param entry SHA-256 of a line of a log */
export async function isReported(snapshot: Snapshot, entry: Buffer): Promise<boolean> {
  const row = await snapshot
    .selectFrom('offline_openings')
    .select('document_id')
    .where('entry', '=', entry)
    .executeTakeFirst();
  return row !== undefined;
}

/** @returns false where another had told it meanwhile */
export async function insertOpening(
  tx: Transaction,
  opening: { readonly entry: Buffer; readonly documentId: string; readonly at: Date },
  personIds: readonly string[],
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('offline_openings')
    .values({ entry: opening.entry, document_id: opening.documentId, reported_at: opening.at })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows !== 1n) return false;
  await sql`INSERT INTO offline_opening_people (person_id, document_id)
    SELECT person, ${opening.documentId}::uuid FROM unnest(${personIds}::uuid[]) AS person
    ON CONFLICT DO NOTHING`.execute(tx);
  return true;
}
