/** Gathers what may wait into one mail a day or a week. */
import { randomUUID } from 'node:crypto';
import { fillNotice } from '@chancery/api';
import { z } from 'zod';
import { publicUrlOf } from '../config.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { fold, gatheredRecipients, holdGathered } from '../store/notice-events.ts';
import { insertNoticesOnce } from '../store/notices.ts';
import { findOffice, requireOffice } from '../store/office.ts';
import { personByAddress } from '../store/people.ts';
import type { World } from '../world.ts';
import { settingsInForce, templatesInForce } from './rules.ts';
import { languages } from './texts/languages.ts';
import { lastDigest, nextLoud, writeDay } from './times.ts';

/** For the scheduler: what was gathered until the last time a digest was due, for everybody for whom there is something. */
export async function foldDueDigests(world: World): Promise<void> {
  for (const digest of ['daily', 'weekly'] as const) {
    const due = await world.database.snapshot(async (snapshot) => {
      if ((await findOffice(snapshot)) === undefined) return [];
      const { settings } = await settingsInForce(snapshot);
      const until = lastDigest(settings, digest, world.clock());
      const recipients = await gatheredRecipients(snapshot, digest, until);
      return recipients.map((recipient) => ({ recipient, until: until.toISOString() }));
    });
    for (const one of due) await perform(world, foldDigest, system, { digest, ...one });
  }
}

/** One mail out of many, to one recipient. What it holds is folded into it in the same transaction, and never sent alone. */
export const foldDigest = operation({
  action: 'notice.fold',
  permission: 'system',
  input: z.strictObject({ digest: z.enum(['daily', 'weekly']), recipient: z.string(), until: z.iso.datetime() }),
  subject: () => 'notices',
  async run(tx, { digest, recipient, until }, _by, world) {
    const items = await holdGathered(tx, { digest, recipient, until: new Date(until) });
    const last = items.at(-1);
    if (last === undefined) return { result: 0, audit: { digest, recipient, folded: 0 } };
    const { settings } = await settingsInForce(tx);
    const { organisation } = await requireOffice(tx);
    const language = last.language ?? settings.language;
    const at = world.clock();
    const { locale } = languages[language];
    const person = await personByAddress(tx, recipient);
    const { subject, text } = fillNotice((await templatesInForce(tx))('digest', language), {
      name: person?.name ?? recipient,
      organisation,
      url: publicUrlOf(world.config),
      date: writeDay(at, locale, settings),
      count: String(items.length),
      items: items
        .slice(0, MOST_LISTED)
        .map((item) => `- ${writeDay(item.queued_at, locale, settings)}: ${item.subject}`)
        .concat(items.length > MOST_LISTED ? [`- … (${items.length - MOST_LISTED})`] : [])
        .join('\n'),
    });
    const id = randomUUID();
    await insertNoticesOnce(tx, [
      {
        id,
        recipient,
        subject,
        body: text,
        sealed_body: null,
        about: null,
        person_id: null,
        state: 'waiting',
        queued_at: at,
        expires_at: null,
        next_attempt_at: nextLoud(settings, at),
        event: 'digest',
        role: last.role,
        once: `digest ${digest} ${last.id}`,
        language,
      },
    ]);
    await fold(
      tx,
      items.map((item) => item.id),
      id,
    );
    await world.jobs.enqueue(tx, 'send-notices', {});
    return { result: items.length, audit: { digest, recipient, folded: items.length, notice: id } };
  },
});

/** Lines of one mail; of more, the count tells. */
const MOST_LISTED = 500;
