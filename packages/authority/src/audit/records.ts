/** The audit trail as pages: for the console, for an export, for a count. */
import type { AuditRecord } from '@chancery/api';
import { type Selectable, sql } from 'kysely';
import type { Snapshot } from '../store/database.ts';
import type { Schema } from '../store/schema.ts';

type Row = Selectable<Schema['audit_records']>;

/** As the REST contract and an export write it. */
export function describeRecord(row: Row): AuditRecord {
  return {
    sequence: Number(row.sequence),
    at: row.at.toISOString(),
    actor: row.actor,
    actorName: row.actor_name,
    action: row.action,
    outcome: row.outcome,
    subject: row.subject,
    details: row.details,
    previousHash: row.previous_hash.toString('hex'),
    hash: row.hash.toString('hex'),
  };
}

/** Newest first; `before` is the sequence where the last page ended. */
export async function searchTrail(
  snapshot: Snapshot,
  query: {
    search?: string | undefined;
    action?: string | undefined;
    subject?: string | undefined;
    outcome?: Row['outcome'] | undefined;
    before?: number | undefined;
    limit: number;
  },
): Promise<{ rows: Row[]; total: number }> {
  let matching = snapshot.selectFrom('audit_records');
  if (query.action !== undefined) matching = matching.where('action', '=', query.action);
  if (query.subject !== undefined) matching = matching.where('subject', '=', query.subject);
  if (query.outcome !== undefined) matching = matching.where('outcome', '=', query.outcome);
  if (query.search !== undefined && query.search !== '') {
    const pattern = `%${query.search.replaceAll(/[\\%_]/g, '\\$&')}%`;
    matching = matching.where((where) =>
      where.or([
        where('action', 'ilike', pattern),
        where('actor_name', 'ilike', pattern),
        where('subject', 'ilike', pattern),
        where(sql<string>`details::text`, 'ilike', pattern),
      ]),
    );
  }
  const { total } = await matching
    .select((select) => select.fn.countAll<string>().as('total'))
    .executeTakeFirstOrThrow();
  if (query.before !== undefined) matching = matching.where('sequence', '<', String(query.before));
  const rows = await matching.selectAll().orderBy('sequence', 'desc').limit(query.limit).execute();
  return { rows, total: Number(total) };
}

export async function countRecords(snapshot: Snapshot): Promise<number> {
  const { total } = await snapshot
    .selectFrom('audit_records')
    .select((select) => select.fn.countAll<string>().as('total'))
    .executeTakeFirstOrThrow();
  return Number(total);
}

/** How often something was refused for one reason since an instant. */
export async function countDenials(
  snapshot: Snapshot,
  query: { subject: string; code: string; since: Date },
): Promise<number> {
  const { total } = await snapshot
    .selectFrom('audit_records')
    .select((select) => select.fn.countAll<string>().as('total'))
    .where('subject', '=', query.subject)
    .where('outcome', '=', 'denied')
    .where('at', '>', query.since)
    .where(sql<boolean>`details->>'code' = ${query.code}`)
    .executeTakeFirstOrThrow();
  return Number(total);
}
