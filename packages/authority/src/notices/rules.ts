/** Who is told what and when, and in which words: changed with versions, so that each says who changed it, when and why. */
import {
  NoticeEvent,
  NoticeLanguage,
  NoticeSettings,
  type NoticeText,
  noticeEventNames,
  noticeLanguages,
  templateProblems,
} from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Snapshot } from '../store/database.ts';
import {
  currentTemplates,
  insertSettings,
  insertTemplate,
  lockNoticeRules,
  settingsVersions,
  templateVersions,
} from '../store/notice-events.ts';
import { languages } from './texts/languages.ts';

/** What holds now. A document of before that a newer Chancery cannot read any more counts as what is shipped. */
export async function settingsInForce(
  snapshot: Snapshot,
): Promise<{ readonly version: number; readonly settings: NoticeSettings }> {
  const [newest] = await settingsVersions(snapshot, 1);
  return { version: newest?.version ?? 0, settings: readSettings(newest?.document) };
}

export function readSettings(document: unknown): NoticeSettings {
  const parsed = NoticeSettings.safeParse(document ?? {});
  return parsed.success ? parsed.data : NoticeSettings.parse({});
}

export type TemplatesInForce = (event: NoticeEvent, language: NoticeLanguage) => NoticeText;

/** The texts in force. One that is no longer fit for its event gives way to the shipped one. */
export async function templatesInForce(snapshot: Snapshot): Promise<TemplatesInForce> {
  const changed = new Map((await currentTemplates(snapshot)).map((row) => [`${row.event} ${row.language}`, row]));
  return (event, language) => {
    const row = changed.get(`${event} ${language}`);
    if (row?.subject != null && row.body !== null) {
      const own = { subject: row.subject, text: row.body };
      if (templateProblems(event, own).length === 0) return own;
    }
    return languages[language].texts[event];
  };
}

const Note = z.string().max(500).default('');

/** @throws AuthorityError `conflict` (somebody else was faster) */
export const changeNoticeSettings = operation({
  action: 'notice.change-settings',
  permission: 'notice:write',
  input: z.strictObject({ settings: NoticeSettings, expectedVersion: z.int(), note: Note }),
  subject: () => 'notices',
  async run(tx, { settings, expectedVersion, note }, by, world) {
    await lockNoticeRules(tx);
    const { version, settings: before } = await settingsInForce(tx);
    if (version !== expectedVersion) throw overtaken(version);
    const row = { version: version + 1, author: by.name, note, created_at: world.clock() };
    await insertSettings(tx, { ...row, document: JSON.stringify(settings) });
    return { result: undefined, audit: { version: row.version, note, before, settings } };
  },
});

/** @throws AuthorityError `invalid-request` (an unknown name in braces, a secret), `conflict` */
export const changeNoticeTemplate = operation({
  action: 'notice.change-template',
  permission: 'notice:write',
  input: z.strictObject({
    event: NoticeEvent,
    language: NoticeLanguage,
    content: z.strictObject({ subject: z.string().max(1_000), text: z.string().max(20_000) }).nullable(),
    expectedVersion: z.int(),
    note: Note,
  }),
  subject: ({ event, language }) => `notice-template:${event}/${language}`,
  async run(tx, { event, language, content, expectedVersion, note }, by, world) {
    const own = content === null ? null : { ...content, text: content.text.replaceAll('\r\n', '\n') };
    const problems = own === null ? [] : templateProblems(event, own);
    if (problems.length > 0) {
      const first = problems[0];
      throw new AuthorityError('invalid-request', `The ${first?.path} ${first?.message}. Nothing was changed.`, {
        fields: problems,
      });
    }
    await lockNoticeRules(tx);
    const [newest] = await templateVersions(tx, { event, language });
    const version = newest?.version ?? 0;
    if (version !== expectedVersion) throw overtaken(version);
    await insertTemplate(tx, {
      event,
      language,
      version: version + 1,
      subject: own?.subject.trim() ?? null,
      body: own?.text ?? null,
      author: by.name,
      note,
      created_at: world.clock(),
    });
    return { result: undefined, audit: { version: version + 1, note, ...own, shipped: own === null } };
  },
});

function overtaken(version: number): AuthorityError {
  return new AuthorityError(
    'conflict',
    `Somebody has changed this in the meantime: it is at version ${version}. Nothing was changed. Look at theirs first.`,
  );
}

/** Every event in every language, in order. */
export const everyText: readonly { readonly event: NoticeEvent; readonly language: NoticeLanguage }[] =
  noticeEventNames.flatMap((event) => noticeLanguages.map((language) => ({ event, language })));
