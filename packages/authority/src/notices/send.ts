/**
 * Sends what waits. What a server has accepted, and the office has on record, is never handed over again. Between the two lies
 * SMTP's own window (RFC 5321 4.1.1.4): an office that ends in it sends the same mail again, with the same Message-ID, and says so.
 * Where no mail is configured it stays, and is shown as unsent.
 */
import { plainHtml } from '@chancery/api';
import { z } from 'zod';
import { publicUrlOf } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { openSecret } from '../identity/sealing.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { Snapshot } from '../store/database.ts';
import {
  dueNotices,
  holdDueNotice,
  lapseNotices as lapse,
  lapsedNotices,
  mailsSentSince,
  markDoubtful,
  markNoticeSent,
  markNoticeUnsent,
  type NoticeRow,
  noticesNoLongerHeld,
  retryFailed,
  sendHeldNotices,
  unfinishedTries,
} from '../store/notices.ts';
import type { World } from '../world.ts';
import { noticePurpose } from './queue.ts';
import { settingsInForce } from './rules.ts';
import { MailRefused } from './smtp.ts';
import { postToWebhook } from './webhook.ts';

/** For the job that follows a commit, and for the scheduler, which comes back to what failed. */
export async function sendDueNotices(world: World): Promise<void> {
  const freed = await world.database.snapshot(noticesNoLongerHeld);
  if (freed.length > 0) await perform(world, sendHeld, system, { ids: freed });
  for (let round = 0; round < ROUNDS && (await sendSome(world)) === BATCH; round++);
}

/** @returns how many went out */
async function sendSome(world: World): Promise<number> {
  const { lapsed, due, most } = await world.database.snapshot(async (snapshot) => ({
    lapsed: await lapsedNotices(snapshot, world.clock()),
    due: await dueNotices(snapshot, world.clock(), { channels: channelsOf(world), limit: BATCH }),
    most: await mailsThatMayGo(snapshot, world),
  }));
  if (lapsed.length > 0) await perform(world, lapseNotices, system, { ids: lapsed });
  let mails = most;
  let sent = 0;
  const down = new Set<string>();
  for (const { id, channel, recipient } of due) {
    const server = channel === 'mail' ? channel : `${channel}:${recipient}`;
    // A server that is down is down for the next one too: what waits is tried when the first is tried again.
    if (down.has(server)) continue;
    // The ceiling of the office: the rest goes with the next minute.
    if (channel === 'mail' && mails-- <= 0) continue;
    const outcome = await perform(world, sendNotice, system, { id });
    if (outcome === 'later') down.add(server);
    if (outcome === 'sent') sent += 1;
  }
  return sent;
}

const channelsOf = (world: World): NoticeRow['channel'][] =>
  world.mail === undefined ? ['webhook'] : ['mail', 'webhook'];

async function mailsThatMayGo(snapshot: Snapshot, world: World): Promise<number> {
  const { settings } = await settingsInForce(snapshot);
  return settings.mostPerMinute - (await mailsSentSince(snapshot, new Date(world.clock().getTime() - 60_000)));
}

/** Notices of one round, and rounds of one job: it ends before the queue takes it for dead. */
const BATCH = 100;
const ROUNDS = 5;

/** What cannot be called back: the `attempted` record says that it may have gone out, whatever comes after. */
export const sendNotice = operation({
  action: 'notice.send',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `notice:${id}`,
  async run(tx, { id }, _by, world) {
    const notice = await holdDueNotice(tx, id, world.clock());
    if (notice === undefined || (notice.channel === 'mail' && world.mail === undefined)) {
      return { result: 'nothing' as const, audit: { outcome: 'in other hands' } };
    }
    // One try is this one. What another began and did not end may have arrived: the office went down while a server took it.
    const doubtful = notice.doubtful || (await unfinishedTries(tx, id)) > 1;
    if (doubtful && !notice.doubtful) await markDoubtful(tx, id);
    const { recipient, channel, event } = notice;
    const about = {
      ...{ to: recipient, about: notice.about, personId: notice.person_id },
      ...(event !== null && { channel, event }),
      ...(doubtful && { mayHaveArrivedBefore: true }),
    };
    try {
      await hand(tx, world, notice);
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

/** What was given up, from the start. @throws AuthorityError `wrong-state` */
export const retryNotice = operation({
  action: 'notice.retry',
  permission: 'notice:write',
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `notice:${id}`,
  async run(tx, { id }, _by, world) {
    if (!(await retryFailed(tx, id, world.clock()))) {
      throw new AuthorityError('wrong-state', 'This was not given up, or what it said is gone. Nothing was changed.');
    }
    await world.jobs.enqueue(tx, 'send-notices', {});
    return { result: undefined, audit: {} };
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

/** @throws MailRefused for good; any other error may be over later */
async function hand(snapshot: Snapshot, world: World, notice: NoticeRow): Promise<void> {
  const { id, recipient, subject, channel, event, language } = notice;
  const text = await textOf(snapshot, world, notice);
  if (channel === 'webhook') {
    await postToWebhook(world, { id, name: recipient, body: text });
    return;
  }
  await world.mail?.send({
    ...{ id, to: recipient, subject, text },
    ...(event !== null && {
      html: plainHtml(text, { language: language ?? 'en', ownUrl: publicUrlOf(world.config) }),
      language: language ?? 'en',
    }),
  });
}

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
