/** What the gateways decided about mail. */
import { writeJournal } from '../../office/journal.ts';
import { consult, perform } from '../../operation.ts';
import { readJournal } from '../../store/journal.ts';
import { instantCursor, writeInstantCursor } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const journalHandlers: Handlers<'writeJournal' | 'journal'> = {
  async writeJournal({ world, by }, { body }) {
    await perform(world, writeJournal, by, body);
    return { done: true };
  },
  async journal({ world, by }, { query }) {
    const { search, limit, after } = query;
    const before = instantCursor(after);
    const { rows, total } = await consult(world, 'office:read', by, (snapshot) =>
      readJournal(snapshot, { search, limit, before }),
    );
    const last = rows.at(-1);
    return {
      items: rows.map((row) => ({
        id: row.id,
        at: row.at.toISOString(),
        // Checked when they were written, against the same contract.
        direction: row.direction as 'outbound' | 'inbound',
        messageId: row.message_id,
        sender: row.sender,
        recipient: row.recipient,
        rule: row.rule,
        outcome: row.outcome as 'signed',
        verdict: row.verdict as 'valid' | null,
        detail: row.detail,
        gateway: row.gateway,
      })),
      total,
      next: rows.length === limit && last !== undefined ? writeInstantCursor(last.at, last.id) : null,
    };
  },
};
