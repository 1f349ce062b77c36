/** The audit trail as pages: for the console, for an export, for a count. */
import type { AuditRecord, AuditTimeline } from '@chancery/api';
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

export interface TrailFilter {
  readonly search?: string | undefined;
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
  readonly outcome?: Row['outcome'] | undefined;
  readonly actor?: string | undefined;
  /** From this instant on. */
  readonly from?: string | undefined;
  /** Before this one. */
  readonly until?: string | undefined;
}

/** Newest first; `before` is the sequence where the last page ended. */
export async function searchTrail(
  snapshot: Snapshot,
  query: TrailFilter & { before?: number | undefined; limit: number },
): Promise<{ rows: Row[]; total: number }> {
  let matching = recordsLike(snapshot, query);
  const { total } = await matching
    .select((select) => select.fn.countAll<string>().as('total'))
    .executeTakeFirstOrThrow();
  if (query.before !== undefined) matching = matching.where('sequence', '<', String(query.before));
  const rows = await matching.selectAll().orderBy('sequence', 'desc').limit(query.limit).execute();
  return { rows, total: Number(total) };
}

/** How many match in each of some sixty spans of time. Spans are minutes, hours or days, in UTC. */
export async function timelineOf(snapshot: Snapshot, query: TrailFilter): Promise<AuditTimeline['spans']> {
  const bounds = await recordsLike(snapshot, query)
    .select(({ fn }) => [fn.min('at').as('first'), fn.max('at').as('last')])
    .executeTakeFirst();
  if (bounds?.first == null || bounds.last == null) return [];
  const from = query.from === undefined ? bounds.first.getTime() : Date.parse(query.from);
  const until = query.until === undefined ? bounds.last.getTime() + 1 : Date.parse(query.until);
  const length = SPANS_MS.find((span) => (until - from) / span <= MOST_SPANS) ?? Math.ceil((until - from) / MOST_SPANS);
  const begin = Math.floor(from / length) * length;
  const rows = await recordsLike(snapshot, query)
    .select([
      sql<string>`floor((extract(epoch FROM at) * 1000 - ${begin}::bigint) / ${length}::bigint)`.as('span'),
      'outcome',
    ])
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .groupBy(['span', 'outcome'])
    .execute();
  const spans = Array.from({ length: Math.max(1, Math.ceil((until - begin) / length)) }, (_, at) => ({
    from: new Date(begin + at * length).toISOString(),
    until: new Date(begin + (at + 1) * length).toISOString(),
    ...{ succeeded: 0, attempted: 0, denied: 0, failed: 0 },
  }));
  for (const { span, outcome, count } of rows) {
    const one = spans[Number(span)];
    if (one !== undefined) one[outcome] = Number(count);
  }
  return spans;
}

const MOST_SPANS = 60;
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
const SPANS_MS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY];

function recordsLike(snapshot: Snapshot, query: TrailFilter) {
  let matching = snapshot.selectFrom('audit_records');
  if (query.action !== undefined) matching = matching.where('action', '=', query.action);
  if (query.subject !== undefined) matching = matching.where('subject', '=', query.subject);
  if (query.outcome !== undefined) matching = matching.where('outcome', '=', query.outcome);
  if (query.actor !== undefined) matching = matching.where('actor', '=', query.actor);
  if (query.from !== undefined) matching = matching.where('at', '>=', new Date(query.from));
  if (query.until !== undefined) matching = matching.where('at', '<', new Date(query.until));
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
  return matching;
}

export async function countRecords(snapshot: Snapshot): Promise<number> {
  const { total } = await snapshot
    .selectFrom('audit_records')
    .select((select) => select.fn.countAll<string>().as('total'))
    .executeTakeFirstOrThrow();
  return Number(total);
}

/** How often something was done to a subject since an instant. */
export async function countSucceeded(snapshot: Snapshot, query: { subject: string; since: Date }): Promise<number> {
  const { total } = await snapshot
    .selectFrom('audit_records')
    .select((select) => select.fn.countAll<string>().as('total'))
    .where('subject', '=', query.subject)
    .where('outcome', '=', 'succeeded')
    .where('at', '>', query.since)
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
