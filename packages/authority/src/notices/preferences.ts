/** What an employee wants to be told, and what an operator has read. */
import { NoticePreferences, noticeEventNames, noticeEvents } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { type Principal, requireSelf } from '../principal.ts';
import { markRead, setPreferences } from '../store/notice-events.ts';

/** Of what the office tells by itself, the employee may do without some; of what guards their keys, without nothing. */
export const changeMyNotices = operation({
  action: 'person.change-notices',
  permission: 'self:write',
  input: NoticePreferences.extend({ personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, language, muted }, by, world) {
    requireSelf(by, personId);
    const kept = muted.filter((event) => noticeEvents[event].mayMute !== true);
    if (kept.length > 0) {
      throw new AuthorityError('invalid-request', `Nobody can do without ${kept.join(', ')}. Nothing was changed.`, {
        fields: [{ path: 'muted', message: `holds ${kept.join(', ')}` }],
      });
    }
    await setPreferences(tx, { person_id: personId, language, muted: [...new Set(muted)], changed_at: world.clock() });
    return { result: undefined, audit: { language, muted } };
  },
});

/** An operator has read some of their inbox, or all. */
export const readInboxItems = operation({
  action: 'notice.read',
  permission: 'office:read',
  input: z.strictObject({ ids: z.array(z.uuid()).optional() }),
  subject: () => 'inbox',
  async run(tx, { ids }, by, world) {
    if (by.kind !== 'operator') {
      throw new AuthorityError('forbidden', 'Only an operator has an inbox. Nothing was changed.');
    }
    await markRead(tx, by.id, ids, world.clock());
    return { result: undefined, audit: { read: ids?.length ?? 'all' } };
  },
});

/** Of which events the inbox of that operator tells. The command line on the office's own machine sees what administrators see. */
export function inboxEvents(by: Principal): (typeof noticeEventNames)[number][] {
  const own: readonly string[] = by.kind === 'operator' ? by.roles : ['administrator'];
  return noticeEventNames.filter((event) => noticeEvents[event].roles?.some((role) => own.includes(role)) === true);
}
