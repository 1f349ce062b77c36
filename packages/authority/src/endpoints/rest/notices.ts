/** What was told, what operators should know, texts and rules, what an employee wants. */
import { AuthorityError } from '../../errors.ts';
import {
  describeMyNotices,
  describeNotice,
  describeSettings,
  describeTemplate,
  describeTemplates,
} from '../../notices/describe.ts';
import { changeMyNotices, inboxEvents, readInboxItems } from '../../notices/preferences.ts';
import { changeNoticeSettings, changeNoticeTemplate } from '../../notices/rules.ts';
import { retryNotice } from '../../notices/send.ts';
import { consult, perform } from '../../operation.ts';
import { countUnread, listNotices, noticeById, readInbox } from '../../store/notice-events.ts';
import { instantCursor, writeInstantCursor } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const noticeHandlers: Handlers<
  | 'notices'
  | 'notice'
  | 'retryNotice'
  | 'inbox'
  | 'readInbox'
  | 'noticeSettings'
  | 'changeNoticeSettings'
  | 'noticeTemplates'
  | 'noticeTemplate'
  | 'changeNoticeTemplate'
  | 'myNotices'
  | 'changeMyNotices'
> = {
  async notices({ world, by }, { query }) {
    const { after, limit, ...filter } = query;
    const before = instantCursor(after);
    return consult(world, 'notice:read', by, async (snapshot) => {
      const { rows, ...counted } = await listNotices(snapshot, { ...filter, before, limit });
      const last = rows.at(-1);
      return {
        items: rows.map((row) => describeNotice(world, row)),
        ...counted,
        next: rows.length === limit && last !== undefined ? writeInstantCursor(last.queued_at, last.id) : null,
      };
    });
  },
  async notice({ world, by }, { params }) {
    const row = await consult(world, 'notice:read', by, (snapshot) => noticeById(snapshot, params.id));
    if (row === undefined) throw new AuthorityError('not-found', 'There is no such notice.');
    return { ...describeNotice(world, row), text: row.body, language: row.language };
  },
  async retryNotice({ world, by }, { params }) {
    await perform(world, retryNotice, by, params);
    return { done: true };
  },
  async inbox({ world, by }, { query }) {
    const { after, limit, unread } = query;
    const before = instantCursor(after);
    const events = inboxEvents(by);
    return consult(world, 'office:read', by, async (snapshot) => {
      const reader = by.kind === 'operator' ? by.id : NOBODY;
      const rows = await readInbox(snapshot, reader, { events, limit, before, unread });
      const last = rows.at(-1);
      return {
        items: rows.map((row) => ({
          id: row.id,
          event: row.event,
          subject: row.subject,
          text: row.body,
          about: row.about,
          personId: row.person_id,
          urgent: row.urgent,
          at: row.at.toISOString(),
          read: row.read,
        })),
        unread: await countUnread(snapshot, reader, events),
        next: rows.length === limit && last !== undefined ? writeInstantCursor(last.at, last.id) : null,
      };
    });
  },
  async readInbox({ world, by }, { body }) {
    await perform(world, readInboxItems, by, body);
    return { done: true };
  },
  async noticeSettings({ world, by }) {
    return consult(world, 'notice:read', by, (snapshot) => describeSettings(world, snapshot));
  },
  async changeNoticeSettings({ world, by }, { body }) {
    await perform(world, changeNoticeSettings, by, body);
    return consult(world, 'notice:read', by, (snapshot) => describeSettings(world, snapshot));
  },
  async noticeTemplates({ world, by }) {
    return { items: await consult(world, 'notice:read', by, describeTemplates) };
  },
  async noticeTemplate({ world, by }, { params }) {
    return consult(world, 'notice:read', by, (snapshot) => describeTemplate(snapshot, params));
  },
  async changeNoticeTemplate({ world, by }, { params, body }) {
    await perform(world, changeNoticeTemplate, by, { ...params, ...body });
    return consult(world, 'notice:read', by, (snapshot) => describeTemplate(snapshot, params));
  },
  async myNotices({ world, by }) {
    return consult(world, 'self:read', by, (snapshot) => describeMyNotices(snapshot, by.id));
  },
  async changeMyNotices({ world, by }, { body }) {
    await perform(world, changeMyNotices, by, { ...body, personId: by.id });
    return consult(world, 'self:read', by, (snapshot) => describeMyNotices(snapshot, by.id));
  },
};

/** Who reads nothing: the command line has no inbox of its own. */
const NOBODY = '00000000-0000-0000-0000-000000000000';
