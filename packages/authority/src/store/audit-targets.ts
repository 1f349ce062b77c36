/** Where the audit trail goes, and how far it has got there. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type AuditTargetRow = Omit<Selectable<Schema['audit_targets']>, 'reached'> & { readonly reached: number };

export async function auditTargets(snapshot: Snapshot): Promise<AuditTargetRow[]> {
  const rows = await snapshot.selectFrom('audit_targets').selectAll().orderBy('name').execute();
  return rows.map((row) => ({ ...row, reached: Number(row.reached) }));
}

export async function auditTarget(snapshot: Snapshot, name: string): Promise<AuditTargetRow | undefined> {
  return (await auditTargets(snapshot)).find((row) => row.name === name);
}

/** It got there, up to that record. */
export async function noteReached(tx: Transaction, name: string, reached: number, at: Date): Promise<void> {
  const now = { reached, reached_at: at, error: null, failing_since: null };
  await tx
    .insertInto('audit_targets')
    .values({ name, ...now })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(now))
    .execute();
}

/** It did not; since when stays what it was. */
export async function noteFailing(tx: Transaction, name: string, error: string, at: Date): Promise<void> {
  await tx
    .insertInto('audit_targets')
    .values({ name, reached: 0, reached_at: null, error, failing_since: at })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet(({ fn, ref, val }) => ({
        error,
        failing_since: fn.coalesce(ref('audit_targets.failing_since'), val(at)),
      })),
    )
    .execute();
}

export async function insertCosignature(
  tx: Transaction,
  cosignature: Selectable<Schema['audit_cosignatures']> | { size: number; witness: string; line: string; at: Date },
): Promise<void> {
  const { size, witness, line, at } = cosignature;
  await tx
    .insertInto('audit_cosignatures')
    .values({ size: Number(size), witness, line, at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Signature lines of witnesses, by the size of the checkpoint. */
export async function cosignaturesOf(snapshot: Snapshot, sizes: readonly number[]): Promise<Map<number, string[]>> {
  const lines = new Map<number, string[]>();
  if (sizes.length === 0) return lines;
  const rows = await snapshot
    .selectFrom('audit_cosignatures')
    .select(['size', 'line'])
    .where('size', 'in', sizes.map(String))
    .orderBy('witness')
    .execute();
  for (const { size, line } of rows) lines.set(Number(size), [...(lines.get(Number(size)) ?? []), line]);
  return lines;
}
