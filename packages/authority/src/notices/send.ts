/** Sends the mail that waits: once, as far as SMTP allows. Where no mail is configured it stays, and is shown as unsent. */
import { z } from 'zod';
import { openSecret } from '../identity/sealing.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { Snapshot } from '../store/database.ts';
import {
  dueNotices,
  holdDueNotice,
  lapseNotices as lapse,
  lapsedNotices,
  markNoticeSent,
  markNoticeUnsent,
  type NoticeRow,
  noticesNoLongerHeld,
  sendHeldNotices,
} from '../store/notices.ts';
import type { World } from '../world.ts';
import { noticePurpose } from './queue.ts';
import { MailRefused } from './smtp.ts';

/** For the job that follows a commit, and for the scheduler, which comes back to what failed. */
export async function sendDueNotices(world: World): Promise<void> {
  const freed = await world.database.snapshot(noticesNoLongerHeld);
  if (freed.length > 0) await perform(world, sendHeld, system, { ids: freed });
  const { lapsed, due } = await world.database.snapshot(async (snapshot) => ({
    lapsed: await lapsedNotices(snapshot, world.clock()),
    due: world.mail === undefined ? [] : await dueNotices(snapshot, world.clock(), BATCH),
  }));
  if (lapsed.length > 0) await perform(world, lapseNotices, system, { ids: lapsed });
  for (const { id } of due) {
    // A server that is down is down for the next one too: what waits is tried when the first is tried again.
    if ((await perform(world, sendNotice, system, { id })) === 'later') break;
  }
}

/** Mails of one round, so that a job ends before the queue takes it for dead. */
const BATCH = 100;

/** What cannot be called back: the `attempted` record says that it may have gone out, whatever comes after. */
export const sendNotice = operation({
  action: 'notice.send',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `notice:${id}`,
  async run(tx, { id }, _by, world) {
    const notice = world.mail === undefined ? undefined : await holdDueNotice(tx, id, world.clock());
    if (notice === undefined || world.mail === undefined) {
      return { result: 'nothing' as const, audit: { outcome: 'in other hands' } };
    }
    const about = { to: notice.recipient, about: notice.about, personId: notice.person_id };
    try {
      const text = await textOf(tx, world, notice);
      await world.mail.send({ id, to: notice.recipient, subject: notice.subject, text });
    } catch (error) {
      const why = sentenceOf(error);
      const next = error instanceof MailRefused ? null : nextTry(notice.attempts, world.clock());
      await markNoticeUnsent(tx, id, why, next);
      world.log.warn('notice.not-sent', { notice: id, reason: why });
      const outcome = next === null ? ('failed' as const) : ('later' as const);
      return { result: outcome, audit: { ...about, outcome, reason: why, nextAttemptAt: next?.toISOString() ?? null } };
    }
    await markNoticeSent(tx, id, world.clock());
    return { result: 'sent' as const, audit: { ...about, outcome: 'sent' } };
  },
});

/** What people were not told for a legal hold that is lifted. */
export const sendHeld = operation({
  action: 'notice.end-withholding',
  permission: 'system',
  input: z.strictObject({ ids: z.array(z.uuid()).min(1) }),
  subject: () => null,
  async run(tx, { ids }, _by, world) {
    await sendHeldNotices(tx, ids, world.clock());
    return { result: undefined, audit: { notices: ids } };
  },
});

/** Links that came too late to be of use. */
export const lapseNotices = operation({
  action: 'notice.lapse',
  permission: 'system',
  input: z.strictObject({ ids: z.array(z.uuid()).min(1) }),
  subject: () => null,
  async run(tx, { ids }, _by, world) {
    const lapsed = await lapse(tx, ids, world.clock());
    return { result: undefined, audit: { lapsed } };
  },
});

async function textOf(snapshot: Snapshot, world: World, notice: NoticeRow): Promise<string> {
  if (notice.body !== null) return notice.body;
  if (notice.sealed_body === null) throw new MailRefused('Its text is gone');
  const opened = await openSecret(world, snapshot, noticePurpose(notice.id), notice.sealed_body);
  const text = Buffer.from(opened).toString('utf8');
  opened.fill(0);
  return text;
}

/** One minute, two, four, to six hours: about five days in all, as mail servers keep trying (RFC 5321 4.5.4.1). */
function nextTry(attempts: number, at: Date): Date | null {
  if (attempts >= 27) return null;
  return new Date(at.getTime() + Math.min(60_000 * 2 ** attempts, 6 * 3_600_000));
}

/** What the server said; its own words only, on one line. */
function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, ' ').slice(0, 300);
}
