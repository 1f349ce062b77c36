/** The outbox of mail: notices to people, and what became of them. */
import { letters } from '@chancery/api';
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type NoticeRow = Selectable<Schema['notices']>;

export type NewNotice = Insertable<Schema['notices']>;

export async function insertNotice(tx: Transaction, notice: NewNotice): Promise<void> {
  await tx.insertInto('notices').values(notice).execute();
}

/** All but those that were told before. @returns how many */
export async function insertNoticesOnce(tx: Transaction, notices: readonly NewNotice[]): Promise<number> {
  let inserted = 0;
  for (let start = 0; start < notices.length; start += 500) {
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('notices')
      .values(notices.slice(start, start + 500))
      .onConflict((conflict) => conflict.column('once').where('once', 'is not', null).doNothing())
      .executeTakeFirst();
    inserted += Number(numInsertedOrUpdatedRows ?? 0);
  }
  return inserted;
}

/** What may be sent now on these ways, the oldest first. */
export async function dueNotices(
  snapshot: Snapshot,
  at: Date,
  { channels, limit }: { readonly channels: readonly NoticeRow['channel'][]; readonly limit: number },
): Promise<NoticeRow[]> {
  return snapshot
    .selectFrom('notices')
    .selectAll()
    .where('state', '=', 'waiting')
    .where('channel', 'in', channels)
    .where('next_attempt_at', '<=', at)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
    .orderBy('next_attempt_at')
    .orderBy('queued_at')
    .limit(limit)
    .execute();
}

export async function lapsedNotices(snapshot: Snapshot, at: Date): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('notices')
    .select('id')
    .where('state', 'in', ['waiting', 'withheld'])
    .where('expires_at', '<=', at)
    .limit(1000)
    .execute();
  return rows.map(({ id }) => id);
}

/** One that waits, held until commit; undefined where another node has it in hand, or it is done. */
export async function holdDueNotice(tx: Transaction, id: string, at: Date): Promise<NoticeRow | undefined> {
  return tx
    .selectFrom('notices')
    .selectAll()
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .where('next_attempt_at', '<=', at)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
}

export async function markNoticeSent(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx
    .updateTable('notices')
    .set(({ eb }) => ({
      state: 'sent',
      sent_at: at,
      attempts: eb('attempts', '+', 1),
      last_error: null,
      sealed_body: null,
    }))
    .where('id', '=', id)
    .execute();
}

/** @param next when it is tried again; null where it is given up */
export async function markNoticeUnsent(tx: Transaction, id: string, error: string, next: Date | null): Promise<void> {
  const end = next === null ? { state: 'failed' as const, sealed_body: null } : { next_attempt_at: next };
  await tx
    .updateTable('notices')
    .set(({ eb }) => ({ ...end, attempts: eb('attempts', '+', 1), last_error: error }))
    .where('id', '=', id)
    .execute();
}

/** What was withheld about that goes out; of people under a legal hold it stays. @returns how many */
export async function endWithholding(tx: Transaction, about: string, at: Date): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('notices')
    .set({ state: 'waiting', next_attempt_at: at })
    .where('about', '=', about)
    .where('state', '=', 'withheld')
    .where(notUnderHold)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** Withheld for a legal hold alone, and that is lifted. */
export async function noticesNoLongerHeld(snapshot: Snapshot): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('notices')
    .select('id')
    .where('state', '=', 'withheld')
    .where(notUnderHold)
    .where(
      sql<boolean>`EXISTS (SELECT 1 FROM recovery_requests r WHERE notices.about = 'recovery:' || r.id
        AND r.canonical::jsonb->>'withholdNotice' IS DISTINCT FROM 'true')`,
    )
    .limit(1000)
    .execute();
  return rows.map(({ id }) => id);
}

export async function sendHeldNotices(tx: Transaction, ids: readonly string[], at: Date): Promise<void> {
  await tx
    .updateTable('notices')
    .set({ state: 'waiting', next_attempt_at: at })
    .where('id', 'in', ids)
    .where('state', '=', 'withheld')
    .where(notUnderHold)
    .execute();
}

/** Was that person told anything of it, or is about to be? */
export async function isTold(snapshot: Snapshot, about: string, personId: string): Promise<boolean> {
  const row = await snapshot
    .selectFrom('notices')
    .select('id')
    .where('about', '=', about)
    .where('person_id', '=', personId)
    .where('state', '<>', 'withheld')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

const notUnderHold = sql<boolean>`NOT EXISTS (SELECT 1 FROM legal_holds h
  WHERE h.person_id = notices.person_id AND h.lifted_at IS NULL)`;

/** In the order in which they were written. */
export async function noticesAbout(
  snapshot: Snapshot,
  about: string,
): Promise<(NoticeRow & { state: 'withheld' | 'waiting' | 'sent' | 'failed' })[]> {
  const rows = await snapshot
    .selectFrom('notices')
    .selectAll()
    .where('about', '=', about)
    // Those of the thing itself, not what others were told of it: no letter is ever gathered.
    .where((where) => where.or([where('event', 'is', null), where('event', 'in', LETTERS)]))
    .orderBy('queued_at')
    .orderBy('id')
    .execute();
  return rows.flatMap(({ state, ...row }) => (state === 'gathering' || state === 'folded' ? [] : [{ ...row, state }]));
}

const LETTERS = Object.keys(letters) as (keyof typeof letters)[];

/** Past their time: what they held is erased. @returns those that were */
export async function lapseNotices(tx: Transaction, ids: readonly string[], at: Date): Promise<string[]> {
  const rows = await tx
    .updateTable('notices')
    .set({ state: 'failed', sealed_body: null, last_error: 'Its time was over before it could be sent' })
    .where('id', 'in', ids)
    .where('state', 'in', ['waiting', 'withheld'])
    .where('expires_at', '<=', at)
    .returning('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** Mails that went out since then: for the ceiling of the office. */
export async function mailsSentSince(snapshot: Snapshot, since: Date): Promise<number> {
  const { count } = await snapshot
    .selectFrom('notices')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('sent_at', '>', since)
    .where('channel', '=', 'mail')
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** How many were written to each of these addresses since then. */
export async function countsByRecipient(
  snapshot: Snapshot,
  recipients: readonly string[],
  since: Date,
): Promise<Map<string, number>> {
  if (recipients.length === 0) return new Map();
  const rows = await snapshot
    .selectFrom('notices')
    .select('recipient')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where(sql<boolean>`recipient = ANY (${recipients}::text[])`)
    .where('queued_at', '>', since)
    .where('channel', '=', 'mail')
    .groupBy('recipient')
    .execute();
  return new Map(rows.map((row) => [row.recipient, Number(row.count)]));
}

/** Tries that the trail has begun and not ended: the office went down while a server took it. */
export async function unfinishedTries(snapshot: Snapshot, id: string): Promise<number> {
  const row = await snapshot
    .selectFrom('audit_records')
    .select([
      sql<string>`count(*) FILTER (WHERE outcome = 'attempted')`.as('begun'),
      sql<string>`count(*) FILTER (WHERE outcome <> 'attempted')`.as('ended'),
    ])
    .where('subject', '=', `notice:${id}`)
    .where('action', '=', 'notice.send')
    .executeTakeFirstOrThrow();
  return Number(row.begun) - Number(row.ended);
}

export async function markDoubtful(tx: Transaction, id: string): Promise<void> {
  await tx.updateTable('notices').set({ doubtful: true }).where('id', '=', id).execute();
}

/** Given up, and tried again. @returns false where it was not given up, or its text is gone */
export async function retryFailed(tx: Transaction, id: string, at: Date): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('notices')
    .set({ state: 'waiting', attempts: 0, next_attempt_at: at, last_error: null })
    .where('id', '=', id)
    .where('state', '=', 'failed')
    .where('body', 'is not', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}
