/** What was told, for whoever looks after the office: and of what has not gone out, why. */
import type { MyNotices, NoticeSettingsPage, NoticeTemplateDetail, SentNotice } from '@chancery/api';
import { noticeEventNames, noticeEvents } from '@chancery/api';
import type { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import type { Snapshot } from '../store/database.ts';
import {
  countUnsent,
  currentTemplates,
  preferencesOf,
  settingsVersions,
  templateVersions,
} from '../store/notice-events.ts';
import type { NoticeRow } from '../store/notices.ts';
import { personById } from '../store/people.ts';
import type { World } from '../world.ts';
import { everyText, readSettings, settingsInForce, templatesInForce } from './rules.ts';
import { languageOf, languages } from './texts/languages.ts';

export function describeNotice(world: World, row: NoticeRow): SentNotice {
  const isOpen = row.state === 'waiting' || row.state === 'gathering' || row.state === 'withheld';
  return {
    id: row.id,
    channel: row.channel,
    to: row.recipient,
    role: row.role,
    event: row.event,
    subject: row.subject,
    about: row.about,
    state: row.state,
    digest: row.digest,
    queuedAt: row.queued_at.toISOString(),
    nextAttemptAt: row.state === 'waiting' ? row.next_attempt_at.toISOString() : null,
    sentAt: row.sent_at?.toISOString() ?? null,
    attempts: row.attempts,
    why: row.state === 'failed' || isOpen ? whyUnsent(world, row) : null,
    doubtful: row.doubtful,
  };
}

function whyUnsent(world: World, row: NoticeRow): string {
  if (row.state === 'failed') return `Given up after ${row.attempts} tries: ${row.last_error ?? 'no reason is known'}`;
  if (row.state === 'withheld') return 'Withheld, as the request says or for a legal hold.';
  if (row.state === 'gathering') return `Gathered for the ${row.digest} mail.`;
  if (row.channel === 'mail' && world.mail === undefined)
    return 'This office can send no mail: [mail] is not configured.';
  if (row.last_error !== null) return `Tried ${row.attempts} times, and again later: ${row.last_error}`;
  if (row.next_attempt_at > world.clock()) return 'Waits for the end of the quiet hours.';
  return 'Goes out within the minute.';
}

export async function describeSettings(world: World, snapshot: Snapshot): Promise<NoticeSettingsPage> {
  const versions = await settingsVersions(snapshot, 100);
  const { oldest, ...unsent } = await countUnsent(snapshot);
  return {
    ...(await settingsInForce(snapshot)),
    versions: versions.map((row) => ({
      version: row.version,
      author: row.author,
      note: row.note,
      createdAt: row.created_at.toISOString(),
      settings: readSettings(row.document),
    })),
    mail: world.mail !== undefined,
    webhooks: Object.keys(world.config.notices.webhook),
    unsent: { ...unsent, oldest: oldest?.toISOString() ?? null },
  };
}

export async function describeTemplates(snapshot: Snapshot) {
  const inForce = await templatesInForce(snapshot);
  const changed = new Map((await currentTemplates(snapshot)).map((row) => [`${row.event} ${row.language}`, row]));
  return everyText.map(({ event, language }) => {
    const row = changed.get(`${event} ${language}`);
    return { event, language, ...inForce(event, language), version: row?.version ?? 0, shipped: row?.subject == null };
  });
}

export async function describeTemplate(
  snapshot: Snapshot,
  { event, language }: Pick<(typeof everyText)[number], 'event' | 'language'>,
): Promise<z.output<typeof NoticeTemplateDetail>> {
  const versions = await templateVersions(snapshot, { event, language });
  return {
    ...{ event, language },
    ...(await templatesInForce(snapshot))(event, language),
    version: versions[0]?.version ?? 0,
    shipped: versions[0]?.subject == null,
    shippedText: languages[language].texts[event],
    versions: versions.map((row) => ({
      version: row.version,
      author: row.author,
      note: row.note,
      createdAt: row.created_at.toISOString(),
      subject: row.subject,
      text: row.body,
    })),
  };
}

/** @throws AuthorityError `not-found` */
export async function describeMyNotices(snapshot: Snapshot, personId: string): Promise<z.output<typeof MyNotices>> {
  const person = await personById(snapshot, personId);
  if (person === undefined) throw new AuthorityError('not-found', 'There is no such person.');
  const [own] = await preferencesOf(snapshot, [personId]);
  const { settings } = await settingsInForce(snapshot);
  return {
    preferences: { language: own?.language ?? null, muted: [...(own?.muted ?? [])] },
    officeLanguage: languageOf(person.attributes.language) ?? settings.language,
    mayMute: noticeEventNames.filter((event) => noticeEvents[event].mayMute === true),
    address: person.address,
  };
}
