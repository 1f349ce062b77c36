/** What notices are made of: what happened already, the rules and texts in force, what people want; and the inbox of operators. */
import type { NoticeEvent, NoticeLanguage } from '@chancery/api';
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { NoticeRow } from './notices.ts';
import type { Schema } from './schema.ts';

/** Writes down what happened. @returns the keys of what was not written down before */
export async function insertNoticeEvents(
  tx: Transaction,
  events: readonly { readonly key: string; readonly event: NoticeEvent }[],
  at: Date,
): Promise<Set<string>> {
  const fresh = new Set<string>();
  for (let start = 0; start < events.length; start += 1000) {
    const rows = await tx
      .insertInto('notice_events')
      .values(events.slice(start, start + 1000).map(({ key, event }) => ({ key, event, at })))
      .onConflict((conflict) => conflict.doNothing())
      .returning('key')
      .execute();
    for (const { key } of rows) fresh.add(key);
  }
  return fresh;
}

/** Which of these were written down already. */
export async function knownNoticeEvents(snapshot: Snapshot, keys: readonly string[]): Promise<Set<string>> {
  const rows = await snapshot
    .selectFrom('notice_events')
    .select('key')
    .where(sql<boolean>`key = ANY (${keys}::text[])`)
    .execute();
  return new Set(rows.map(({ key }) => key));
}

// Rules and texts -----------------------------------------------------------------------------------------------------

export type SettingsRow = Selectable<Schema['notice_settings']>;

/** Newest first. */
export async function settingsVersions(snapshot: Snapshot, limit: number): Promise<SettingsRow[]> {
  return snapshot.selectFrom('notice_settings').selectAll().orderBy('version', 'desc').limit(limit).execute();
}

export async function insertSettings(
  tx: Transaction,
  row: Omit<SettingsRow, 'document'> & { readonly document: string },
): Promise<void> {
  await tx.insertInto('notice_settings').values(row).execute();
}

export type TemplateRow = Selectable<Schema['notice_templates']>;

/** The newest version of each. */
export async function currentTemplates(snapshot: Snapshot): Promise<TemplateRow[]> {
  return snapshot
    .selectFrom('notice_templates')
    .distinctOn(['event', 'language'])
    .selectAll()
    .orderBy('event')
    .orderBy('language')
    .orderBy('version', 'desc')
    .execute();
}

/** Newest first. */
export async function templateVersions(
  snapshot: Snapshot,
  { event, language }: { readonly event: NoticeEvent; readonly language: NoticeLanguage },
): Promise<TemplateRow[]> {
  return snapshot
    .selectFrom('notice_templates')
    .selectAll()
    .where('event', '=', event)
    .where('language', '=', language)
    .orderBy('version', 'desc')
    .limit(200)
    .execute();
}

export async function insertTemplate(tx: Transaction, row: TemplateRow): Promise<void> {
  await tx.insertInto('notice_templates').values(row).execute();
}

/** One writer of rules and texts at a time, until commit. */
export async function lockNoticeRules(tx: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(17230, 0)`.execute(tx);
}

export type PreferenceRow = Selectable<Schema['notice_preferences']>;

export async function preferencesOf(snapshot: Snapshot, personIds: readonly string[]): Promise<PreferenceRow[]> {
  if (personIds.length === 0) return [];
  return snapshot
    .selectFrom('notice_preferences')
    .selectAll()
    .where(sql<boolean>`person_id = ANY (${personIds}::uuid[])`)
    .execute();
}

/** Of everybody who has chosen one, by person. */
export async function chosenLanguages(snapshot: Snapshot): Promise<Map<string, NoticeLanguage>> {
  const rows = await snapshot
    .selectFrom('notice_preferences')
    .select(['person_id', 'language'])
    .where('language', 'is not', null)
    .execute();
  return new Map(
    rows.flatMap(({ person_id, language }) => (language === null ? [] : [[person_id, language] as const])),
  );
}

export async function setPreferences(tx: Transaction, row: PreferenceRow): Promise<void> {
  const { person_id: _, ...rest } = row;
  await tx
    .insertInto('notice_preferences')
    .values(row)
    .onConflict((conflict) => conflict.column('person_id').doUpdateSet(rest))
    .execute();
}

// Digests -------------------------------------------------------------------------------------------------------------

/** Who has something gathered that was written until then. */
export async function gatheredRecipients(
  snapshot: Snapshot,
  digest: 'daily' | 'weekly',
  until: Date,
): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('notices')
    .select('recipient')
    .distinct()
    .where('state', '=', 'gathering')
    .where('digest', '=', digest)
    .where('queued_at', '<=', until)
    .limit(1000)
    .execute();
  return rows.map(({ recipient }) => recipient);
}

/** Oldest first, held until commit. */
export async function holdGathered(
  tx: Transaction,
  { digest, recipient, until }: { digest: 'daily' | 'weekly'; recipient: string; until: Date },
): Promise<NoticeRow[]> {
  return tx
    .selectFrom('notices')
    .selectAll()
    .where('state', '=', 'gathering')
    .where('digest', '=', digest)
    .where('recipient', '=', recipient)
    .where('queued_at', '<=', until)
    .orderBy('queued_at')
    .orderBy('id')
    .limit(2000)
    .forUpdate()
    .execute();
}

export async function fold(tx: Transaction, ids: readonly string[], into: string): Promise<void> {
  await tx
    .updateTable('notices')
    .set({ state: 'folded', folded_into: into })
    .where(sql<boolean>`id = ANY (${ids}::uuid[])`)
    .execute();
}

// What was told, for the console --------------------------------------------------------------------------------------

export interface NoticeFilter {
  readonly limit: number;
  readonly before?: { readonly at: Date; readonly id: string } | undefined;
  readonly state?: NoticeRow['state'] | undefined;
  readonly unsent?: boolean | undefined;
  readonly event?: NoticeEvent | undefined;
  readonly search?: string | undefined;
}

const COUNTED = 1_000;

/** One page, newest first. */
export async function listNotices(
  snapshot: Snapshot,
  filter: NoticeFilter,
): Promise<{ rows: NoticeRow[]; total: number; totalIsExact: boolean }> {
  let matching = snapshot.selectFrom('notices');
  if (filter.state !== undefined) matching = matching.where('state', '=', filter.state);
  if (filter.unsent === true) matching = matching.where('state', 'in', ['withheld', 'waiting', 'gathering', 'failed']);
  if (filter.event !== undefined) matching = matching.where('event', '=', filter.event);
  const search = filter.search?.trim() ?? '';
  if (search !== '') {
    const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
    matching = matching.where(sql<boolean>`(recipient ILIKE ${pattern} OR subject ILIKE ${pattern})`);
  }
  const counted = await matching
    .select('id')
    .limit(COUNTED + 1)
    .execute();
  let page = matching.selectAll().orderBy('queued_at', 'desc').orderBy('id', 'desc').limit(filter.limit);
  if (filter.before !== undefined) {
    const { at, id } = filter.before;
    page = page.where(sql<boolean>`(queued_at, id) < (${at}, ${id}::uuid)`);
  }
  return {
    rows: await page.execute(),
    total: Math.min(counted.length, COUNTED),
    totalIsExact: counted.length <= COUNTED,
  };
}

export async function noticeById(snapshot: Snapshot, id: string): Promise<NoticeRow | undefined> {
  return snapshot.selectFrom('notices').selectAll().where('id', '=', id).executeTakeFirst();
}

/** What has not gone out. */
export async function countUnsent(
  snapshot: Snapshot,
): Promise<{ waiting: number; failed: number; gathering: number; oldest: Date | null }> {
  const row = await snapshot
    .selectFrom('notices')
    .select([
      sql<string>`count(*) FILTER (WHERE state = 'waiting')`.as('waiting'),
      sql<string>`count(*) FILTER (WHERE state = 'failed')`.as('failed'),
      sql<string>`count(*) FILTER (WHERE state = 'gathering')`.as('gathering'),
      sql<Date | null>`min(queued_at) FILTER (WHERE state = 'waiting')`.as('oldest'),
    ])
    .where('state', 'in', ['waiting', 'gathering', 'failed'])
    .executeTakeFirstOrThrow();
  return {
    waiting: Number(row.waiting),
    failed: Number(row.failed),
    gathering: Number(row.gathering),
    oldest: row.oldest,
  };
}

// The inbox of operators ----------------------------------------------------------------------------------------------

export type ConsoleNoticeRow = Selectable<Schema['console_notices']>;

export async function insertConsoleNotices(tx: Transaction, rows: readonly ConsoleNoticeRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += 500) {
    await tx
      .insertInto('console_notices')
      .values(rows.slice(start, start + 500))
      .execute();
  }
}

/** One page of those events, newest first, as that operator has read them. */
export async function readInbox(
  snapshot: Snapshot,
  operatorId: string,
  filter: {
    readonly events: readonly NoticeEvent[];
    readonly limit: number;
    readonly before?: { readonly at: Date; readonly id: string } | undefined;
    readonly unread?: boolean | undefined;
  },
): Promise<(ConsoleNoticeRow & { read: boolean })[]> {
  let page = snapshot
    .selectFrom('console_notices as n')
    .leftJoin('console_notice_reads as r', (join) =>
      join.onRef('r.notice_id', '=', 'n.id').on('r.operator_id', '=', operatorId),
    )
    .selectAll('n')
    .select(sql<boolean>`r.read_at IS NOT NULL`.as('read'))
    .where(sql<boolean>`n.event = ANY (${filter.events}::text[])`)
    .orderBy('n.at', 'desc')
    .orderBy('n.id', 'desc')
    .limit(filter.limit);
  if (filter.unread === true) page = page.where('r.read_at', 'is', null);
  if (filter.before !== undefined) {
    page = page.where(sql<boolean>`(n.at, n.id) < (${filter.before.at}, ${filter.before.id}::uuid)`);
  }
  return page.execute();
}

/** Counted to 100. */
export async function countUnread(
  snapshot: Snapshot,
  operatorId: string,
  events: readonly NoticeEvent[],
): Promise<number> {
  return (await readInbox(snapshot, operatorId, { events, limit: 100, unread: true })).length;
}

/** @param ids all that there are, where none is given */
export async function markRead(
  tx: Transaction,
  operatorId: string,
  ids: readonly string[] | undefined,
  at: Date,
): Promise<void> {
  const those = ids === undefined ? sql`true` : sql`id = ANY (${ids}::uuid[])`;
  await sql`
    INSERT INTO console_notice_reads (notice_id, operator_id, read_at)
    SELECT id, ${operatorId}::uuid, ${at} FROM console_notices WHERE ${those}
    ON CONFLICT DO NOTHING`.execute(tx);
}
