/** What the gateways decided about each message and recipient: every list in the order of an index, every count to a thousand. */
import type { JournalDelivery, JournalEntry, JournalFilter, MailVerdict, ShadowOutcome } from '@chancery/api';
import { type RawBuilder, type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import { addRuleCounts } from './rule-counts.ts';
import type { Schema } from './schema.ts';
import { storable } from './storable.ts';

/** Beyond this many a list is not counted: nobody reads so far. */
const COUNTED = 1_000;
/** Records that one search for a part of a text looks at: the next page goes on from there. */
const LOOKED_AT = 20_000;

/** Adds what is new; an entry that was told before stays as it was, but for the delivery, where that is told now. */
export async function insertJournal(
  tx: Transaction,
  gatewayId: string,
  told: readonly JournalEntry[],
): Promise<number> {
  if (told.length === 0) return 0;
  const entries = storable(onceEach(told));
  const inserted = await tx
    .insertInto('mail_journal')
    .values(
      entries.map((entry) => ({
        id: entry.id,
        gateway_id: gatewayId,
        at: new Date(entry.at),
        direction: entry.direction,
        message_id: entry.messageId,
        sender: entry.sender,
        recipient: entry.recipient,
        rule: entry.rule,
        outcome: entry.outcome,
        verdict: entry.verdict,
        detail: entry.detail,
        rules: entry.rules !== undefined && entry.rules.length > 1 ? [...entry.rules] : null,
        arrival: entry.arrival ?? null,
        rule_set: entry.ruleSet ?? null,
        shadow: JSON.stringify(entry.shadow ?? []),
        facts: entry.facts === undefined ? null : JSON.stringify(entry.facts),
        judged: entry.judged === undefined ? null : JSON.stringify(entry.judged),
        delivery: entry.delivery === undefined ? null : JSON.stringify(entry.delivery),
      })),
    )
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet((of) => ({ delivery: of.ref('excluded.delivery') }))
        .where('mail_journal.delivery', 'is', null)
        .where('mail_journal.gateway_id', '=', gatewayId)
        .where((of) => of('excluded.delivery', 'is not', null)),
    )
    // Of a row that was there already, the transaction that replaced it is noted.
    .returning(['id', sql<boolean>`(xmax = 0)`.as('isNew')])
    .execute();
  const added = new Set(inserted.filter(({ isNew }) => isNew).map(({ id }) => id));
  const count = added.size;
  await addRuleCounts(
    tx,
    entries.filter(({ id }) => added.delete(id)),
  );
  return count;
}

/** As the first that was told of each, with the delivery that a later one tells of. */
function onceEach(told: readonly JournalEntry[]): JournalEntry[] {
  const entries = new Map<string, JournalEntry>();
  for (const entry of told) {
    const before = entries.get(entry.id);
    const { delivery } = entry;
    entries.set(entry.id, before === undefined || delivery === undefined ? (before ?? entry) : { ...before, delivery });
  }
  return [...entries.values()];
}

export interface JournalRow
  extends Omit<Selectable<Schema['mail_journal']>, 'shadow' | 'facts' | 'judged' | 'delivery' | 'gateway_id'> {
  readonly gateway: string;
  readonly shadow: readonly ShadowOutcome[];
}

interface Place {
  readonly at: Date;
  readonly id: string;
}

interface JournalQuery extends JournalFilter {
  readonly limit: number;
  /** Where the last page ended. */
  readonly before?: Place | undefined;
  /** With what lists leave out. */
  readonly whole?: boolean | undefined;
}

export interface JournalPage {
  readonly rows: (JournalRow & Partial<Whole>)[];
  readonly total: number;
  readonly totalIsExact: boolean;
  /** Where the next page goes on; null at the end. */
  readonly next: Place | null;
}

/** Newest first. A page of a search for a part of a text may be short, or empty, and have a next one all the same. */
export async function readJournal(snapshot: Snapshot, query: JournalQuery): Promise<JournalPage> {
  const search = query.search ?? '';
  if (search === '') return listed(snapshot, query);
  // What can be found by an index is; that is what people look for nearly always.
  const { search: _, ...rest } = query;
  if (/^<[^<>\s]+>$/.test(search) && rest.messageId === undefined)
    return listed(snapshot, { ...rest, messageId: search });
  if (/^[^@\s<>]+@[^@\s<>]+\.[^@\s<>.]+$/.test(search) && rest.address === undefined) {
    const found = await listed(snapshot, { ...rest, address: search });
    if (found.total > 0) return found;
  }
  return searched(snapshot, rest, search);
}

/** What lists leave out. */
interface Whole {
  readonly facts: Record<string, never> | null;
  readonly judged: MailVerdict | null;
  readonly delivery: JournalDelivery | null;
}

/** One record with what it was decided from, and those of the same message to others (a thousand of them at most). */
export async function findJournalEntry(snapshot: Snapshot, id: string) {
  const [row] = await rowsOf<JournalRow & Whole>(
    snapshot,
    sql`SELECT ${WHOLE} FROM mail_journal j JOIN gateways g ON g.id = j.gateway_id WHERE j.id = ${id}::uuid`,
  );
  if (row === undefined) return undefined;
  const others =
    row.arrival === null
      ? []
      : await rowsOf<JournalRow>(
          snapshot,
          sql`SELECT ${COLUMNS} FROM mail_journal j JOIN gateways g ON g.id = j.gateway_id
            WHERE j.arrival = ${row.arrival}::uuid AND j.id <> ${id}::uuid ORDER BY j.recipient, j.id LIMIT 1000`,
        );
  return { row, others };
}

export interface DecidedRow extends Pick<JournalRow, 'id' | 'at' | 'direction' | 'sender' | 'recipient' | 'arrival'> {
  readonly facts: Record<string, unknown> | null;
}

/** The newest, with what they were decided from. */
export async function newestDecided(snapshot: Snapshot, limit: number): Promise<DecidedRow[]> {
  return snapshot
    .selectFrom('mail_journal')
    .select(['id', 'at', 'direction', 'sender', 'recipient', 'arrival', 'facts'])
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

/** Whether there is a record from before then. */
export async function hasJournalBefore(snapshot: Snapshot, before: Date): Promise<boolean> {
  const row = await snapshot
    .selectFrom('mail_journal')
    .select('id')
    .where('at', '<', before)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** The oldest first, `limit` at most. @returns how many there were */
export async function deleteJournalBefore(tx: Transaction, before: Date, limit: number): Promise<number> {
  const { rows } = await sql<{ deleted: string }>`WITH gone AS (
      DELETE FROM mail_journal WHERE id IN (
        SELECT id FROM mail_journal WHERE at < ${before} ORDER BY at, id LIMIT ${limit}) RETURNING 1)
    SELECT count(*) AS deleted FROM gone`.execute(tx);
  return Number(rows[0]?.deleted ?? 0);
}

const COLUMNS = sql`j.id, j.at, j.direction, j.message_id, j.sender, j.recipient, j.rule, j.outcome, j.verdict, j.detail,
  j.rules, j.arrival, j.rule_set, j.shadow, g.name AS gateway`;
const WHOLE = sql`${COLUMNS}, j.facts, j.judged, j.delivery`;

async function listed(snapshot: Snapshot, query: JournalQuery): Promise<JournalPage> {
  const branches = branchesOf(query);
  const where = conditionsOf(query);
  const page = branches.map(
    (branch) => sql`(SELECT ${query.whole ? WHOLE : COLUMNS} FROM mail_journal j JOIN gateways g ON g.id = j.gateway_id
      WHERE ${all([branch, ...where, ...beyond(query)])} ORDER BY j.at DESC, j.id DESC LIMIT ${query.limit + 1})`,
  );
  const rows = await rowsOf<JournalRow>(
    snapshot,
    sql`SELECT * FROM (${sql.join(page, sql` UNION ALL `)}) f ORDER BY at DESC, id DESC LIMIT ${query.limit + 1}`,
  );
  const count = branches.map(
    (branch) => sql`(SELECT 1 AS one FROM mail_journal j WHERE ${all([branch, ...where])} LIMIT ${COUNTED + 1})`,
  );
  const [counted] = await rowsOf<{ count: string }>(
    snapshot,
    sql`SELECT count(*) AS count FROM (${sql.join(count, sql` UNION ALL `)}) f`,
  );
  const found = Number(counted?.count ?? 0);
  return { ...cut(rows, query.limit), total: Math.min(found, COUNTED), totalIsExact: found <= COUNTED };
}

/** A part of a text has no index: so many records are looked at, from where the last page ended. */
async function searched(snapshot: Snapshot, query: JournalQuery, search: string): Promise<JournalPage> {
  const pattern = `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const windows = branchesOf(query).map(
    (branch) => sql`(SELECT j.id, j.at, j.sender, j.recipient, j.message_id, j.rule FROM mail_journal j
      WHERE ${all([branch, ...conditionsOf(query), ...beyond(query)])} ORDER BY j.at DESC, j.id DESC LIMIT ${LOOKED_AT})`,
  );
  const window = sql`SELECT * FROM (${sql.join(windows, sql` UNION ALL `)}) b ORDER BY at DESC, id DESC LIMIT ${LOOKED_AT}`;
  const found = await rowsOf<{ kind: 'hit' | 'end'; id: string; at: Date; many: string }>(
    snapshot,
    sql`WITH w AS MATERIALIZED (${window}),
      hit AS (SELECT id, at FROM w WHERE sender ILIKE ${pattern} OR recipient ILIKE ${pattern} OR message_id ILIKE ${pattern}
        OR rule ILIKE ${pattern})
      (SELECT 'hit' AS kind, id, at, (SELECT count(*) FROM hit) AS many FROM hit ORDER BY at DESC, id DESC LIMIT ${query.limit + 1})
      UNION ALL
      (SELECT 'end', id, at, (SELECT count(*) FROM w) FROM w ORDER BY at, id LIMIT 1)`,
  );
  const hits = found.filter(({ kind }) => kind === 'hit');
  const end = found.find(({ kind }) => kind === 'end');
  const rows = await rowsOf<JournalRow>(
    snapshot,
    sql`SELECT ${query.whole ? WHOLE : COLUMNS} FROM mail_journal j JOIN gateways g ON g.id = j.gateway_id
      WHERE j.id = ANY (${hits.map(({ id }) => id)}::uuid[]) ORDER BY j.at DESC, j.id DESC`,
  );
  const { rows: shown, next } = cut(rows, query.limit);
  const more = end !== undefined && Number(end.many) >= LOOKED_AT;
  const many = Number(hits[0]?.many ?? 0);
  return {
    rows: shown,
    next: next ?? (more && end !== undefined ? { at: end.at, id: end.id } : null),
    total: Math.min(many, COUNTED),
    totalIsExact: !more && many <= COUNTED,
  };
}

function cut(rows: JournalRow[], limit: number): Pick<JournalPage, 'rows' | 'next'> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { rows: shown, next: rows.length > limit && last !== undefined ? { at: last.at, id: last.id } : null };
}

const domainIn = (column: RawBuilder<unknown>) => sql`lower(substring(${column} from '[^@]*$'))`;

/** Sender or recipient, the one rule or one of several: each by its own index, and no record twice. */
function branchesOf({ address, domain, rule }: JournalQuery): RawBuilder<unknown>[] {
  const either = (of: (column: RawBuilder<unknown>) => RawBuilder<unknown>, value: string) => [
    sql`${of(sql`j.sender`)} = ${value}`,
    sql`${of(sql`j.recipient`)} = ${value} AND ${of(sql`j.sender`)} <> ${value}`,
  ];
  const sides =
    address !== undefined
      ? either((column) => sql`lower(${column})`, address.toLowerCase())
      : domain !== undefined
        ? either(domainIn, domain.toLowerCase().replace(/^@/, ''))
        : [sql`true`];
  if (rule === undefined) return sides;
  const ruled = [sql`j.rule = ${rule}`, sql`j.rules @> ARRAY[${rule}]::text[] AND j.rule <> ${rule}`];
  return sides.flatMap((side) => ruled.map((one) => sql`${side} AND ${one}`));
}

function conditionsOf(query: JournalQuery): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [];
  const when = <T>(value: T | undefined, condition: (value: T) => RawBuilder<unknown>) => {
    if (value !== undefined) conditions.push(condition(value));
  };
  if (query.address !== undefined)
    when(
      query.domain?.toLowerCase(),
      (is) => sql`(${domainIn(sql`j.sender`)} = ${is} OR ${domainIn(sql`j.recipient`)} = ${is})`,
    );
  when(query.messageId, (is) => sql`j.message_id = ${is}`);
  when(query.ruleSet, (is) => sql`j.rule_set = ${is}`);
  when(query.direction, (is) => sql`j.direction = ${is}`);
  when(query.outcome, (is) => sql`j.outcome = ${is}`);
  when(query.verdict, (is) => sql`j.verdict = ${is}`);
  when(query.gateway, (is) => sql`j.gateway_id = (SELECT id FROM gateways WHERE name = ${is})`);
  when(query.shadow, () => sql`j.shadow <> '[]'`);
  when(
    query.shadow === 'any' ? undefined : query.shadow,
    (is) => sql`j.shadow @> ${JSON.stringify([{ rule: is }])}::jsonb`,
  );
  when(query.since, (is) => sql`j.at >= ${new Date(is)}`);
  when(query.until, (is) => sql`j.at < ${new Date(is)}`);
  return conditions;
}

const beyond = ({ before }: JournalQuery): RawBuilder<unknown>[] =>
  before === undefined ? [] : [sql`(j.at, j.id) < (${before.at}, ${before.id}::uuid)`];

const all = (conditions: readonly RawBuilder<unknown>[]) => sql.join(conditions, sql` AND `);

/** A `Snapshot` reads by the query builder alone; this is a select of a raw one. */
async function rowsOf<T>(snapshot: Snapshot, query: RawBuilder<unknown>): Promise<T[]> {
  const rows = await snapshot.selectFrom(sql<Record<string, unknown>>`(${query})`.as('found')).selectAll().execute();
  return rows as unknown as T[];
}
