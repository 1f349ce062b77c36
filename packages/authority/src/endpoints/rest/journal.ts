/** What the gateways decided about mail. */
import type { JournalEntry, ListedEntry } from '@chancery/api';
import { AuthorityError } from '../../errors.ts';
import { writeJournal } from '../../mail-flow/journal.ts';
import { consult, perform } from '../../operation.ts';
import { findJournalEntry, type JournalRow, readJournal } from '../../store/journal.ts';
import { readRuleCounts } from '../../store/rule-counts.ts';
import { instantCursor, writeInstantCursor } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const journalHandlers: Handlers<'writeJournal' | 'journal' | 'journalEntry' | 'ruleCounts'> = {
  async writeJournal({ world, by }, { body }) {
    await perform(world, writeJournal, by, body);
    return { done: true };
  },
  async journal({ world, by }, { query: { after, ...query } }) {
    const before = instantCursor(after);
    const { rows, next, ...counted } = await consult(world, 'office:read', by, (snapshot) =>
      readJournal(snapshot, { ...query, before }),
    );
    return { items: rows.map(shown), ...counted, next: next === null ? null : writeInstantCursor(next.at, next.id) };
  },
  async journalEntry({ world, by }, { params }) {
    const found = await consult(world, 'office:read', by, (snapshot) => findJournalEntry(snapshot, params.id));
    if (found === undefined) throw new AuthorityError('not-found', 'The journal has no such record, or not any more.');
    const { facts, judged, delivery } = found.row;
    return { ...shown(found.row), facts, judged, delivery, others: found.others.map(shown) };
  },
  async ruleCounts({ world, by }, { query }) {
    const since = new Date(world.clock().getTime() - (query.days - 1) * 86_400_000).toISOString().slice(0, 10);
    const items = await consult(world, 'office:read', by, (snapshot) => readRuleCounts(snapshot, since));
    return {
      since,
      items: items.map(({ direction, outcome, ...one }) => ({ ...one, ...checked({ direction, outcome }) })),
    };
  },
};

export function shown(row: JournalRow): ListedEntry {
  return {
    id: row.id,
    at: row.at.toISOString(),
    ...checked(row),
    messageId: row.message_id,
    sender: row.sender,
    recipient: row.recipient,
    rule: row.rule,
    rules: row.rules ?? (row.rule === null ? [] : [row.rule]),
    verdict: row.verdict as ListedEntry['verdict'],
    detail: row.detail,
    gateway: row.gateway,
    arrival: row.arrival,
    ruleSet: row.rule_set,
    shadow: [...row.shadow],
  };
}

/** They were, when they were written, against the same contract. */
const checked = ({ direction, outcome }: { direction: string; outcome: string }) =>
  ({ direction, outcome }) as Pick<JournalEntry, 'direction' | 'outcome'>;
