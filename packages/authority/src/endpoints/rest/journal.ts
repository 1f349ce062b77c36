/** What the gateways decided about mail. */
import type { JournalEntry, ListedEntry } from '@chancery/api';
import { AuthorityError } from '../../errors.ts';
import { writeJournal } from '../../mail-flow/journal.ts';
import { consult, perform } from '../../operation.ts';
import { findJournalEntry, type JournalPage, type JournalRow, readJournal } from '../../store/journal.ts';
import { readRuleCounts } from '../../store/rule-counts.ts';
import { instantCursor, writeInstantCursor } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const journalHandlers: Handlers<'writeJournal' | 'journal' | 'journalEntry' | 'ruleCounts'> = {
  async writeJournal({ world, by }, { body }) {
    await perform(world, writeJournal, by, body);
    return { done: true };
  },
  async journal({ world, by }, { query: { after, whole, ...query } }) {
    const before = instantCursor(after);
    const { rows, next, ...counted } = await consult(world, 'office:read', by, (snapshot) =>
      readJournal(snapshot, { ...query, before, whole: whole === 'yes' }),
    );
    return {
      items: rows.map(whole === 'yes' ? shownWhole : shown),
      ...counted,
      next: next === null ? null : writeInstantCursor(next.at, next.id),
    };
  },
  async journalEntry({ world, by }, { params }) {
    const found = await consult(world, 'office:read', by, (snapshot) => findJournalEntry(snapshot, params.id));
    if (found === undefined) throw new AuthorityError('not-found', 'The journal has no such record, or not any more.');
    return { ...shownWhole(found.row), others: found.others.map(shown) };
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

/** With what it was decided from, and what was found out. */
export function shownWhole(row: JournalPage['rows'][number]) {
  return { ...shown(row), facts: row.facts ?? null, judged: row.judged ?? null, delivery: row.delivery ?? null };
}

/** They were, when they were written, against the same contract. */
const checked = ({ direction, outcome }: { direction: string; outcome: string }) =>
  ({ direction, outcome }) as Pick<JournalEntry, 'direction' | 'outcome'>;
