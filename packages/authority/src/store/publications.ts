/** What stands where: each certificate in each target, as wanted and as last seen. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type PublicationRow = Selectable<Schema['publications']>;

export async function publicationsOfPeople(
  snapshot: Snapshot,
  personIds: readonly string[],
): Promise<(PublicationRow & { person_id: string | null })[]> {
  return snapshot
    .selectFrom('publications as p')
    .innerJoin('certificates as c', 'c.serial_number', 'p.serial_number')
    .selectAll('p')
    .select('c.person_id')
    .where(sql<boolean>`c.person_id = ANY (${personIds}::uuid[])`)
    .execute();
}

/** Every certificate of ours for that person, DER: what a directory may hold of us. */
export async function certificatesEverIssued(
  snapshot: Snapshot,
  personId: string,
): Promise<{ serialNumber: string; der: Buffer }[]> {
  const rows = await snapshot
    .selectFrom('certificates')
    .select(['serial_number', 'certificate'])
    .where('person_id', '=', personId)
    .execute();
  return rows.map((row) => ({ serialNumber: row.serial_number, der: row.certificate }));
}

/** What should stand in a target from now on; a change of mind begins anew as `pending`. */
export async function wantPublications(
  tx: Transaction,
  plan: readonly { readonly target: string; readonly serialNumber: string; readonly wanted: boolean }[],
  at: Date,
): Promise<void> {
  if (plan.length === 0) return;
  await tx
    .insertInto('publications')
    .values(
      plan.map(({ target, serialNumber, wanted }) => ({
        target,
        serial_number: serialNumber,
        wanted,
        state: 'pending' as const,
        error: null,
        attempts: 0,
        updated_at: at,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['target', 'serial_number']).doUpdateSet({
        wanted: (where) => where.ref('excluded.wanted'),
        state: 'pending',
        error: null,
        attempts: 0,
        updated_at: at,
      }),
    )
    .execute();
}

export async function recordPublication(
  tx: Transaction,
  outcome: {
    readonly target: string;
    readonly serialNumbers: readonly string[];
    /** Null where it succeeded. */
    readonly error: string | null;
  },
  at: Date,
): Promise<void> {
  if (outcome.serialNumbers.length === 0) return;
  await tx
    .updateTable('publications')
    .set({
      state: outcome.error === null ? sql`CASE WHEN wanted THEN 'published' ELSE 'removed' END` : 'failed',
      error: outcome.error,
      attempts: sql`attempts + 1`,
      updated_at: at,
    })
    .where('target', '=', outcome.target)
    .where('serial_number', 'in', outcome.serialNumbers)
    .execute();
}
