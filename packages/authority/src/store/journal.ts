/** What the gateways decided about each message and recipient. */
import type { JournalEntry } from '@chancery/api';
import type { Snapshot, Transaction } from './database.ts';

/** Adds what is new; an entry that was told before stays as it was. */
export async function insertJournal(
  tx: Transaction,
  gatewayId: string,
  entries: readonly JournalEntry[],
): Promise<number> {
  if (entries.length === 0) return 0;
  const inserted = await tx
    .insertInto('mail_journal')
    .values(
      entries.map((entry) => ({
        id: entry.id,
        gateway_id: gatewayId,
        at: new Date(entry.at),
        direction: entry.direction,
        message_id: entry.messageId,
        sender: entry.sender,
        recipient: entry.recipient,
        rule: entry.rule,
        outcome: entry.outcome,
        verdict: entry.verdict,
        detail: entry.detail,
      })),
    )
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .execute();
  return inserted.length;
}

/** Newest first. `before`: the place where the last page ended. */
export async function readJournal(
  snapshot: Snapshot,
  query: { search?: string | undefined; before?: { at: Date; id: string } | undefined; limit: number },
) {
  let matching = snapshot.selectFrom('mail_journal').innerJoin('gateways', 'gateways.id', 'mail_journal.gateway_id');
  if (query.search !== undefined && query.search !== '') {
    const pattern = `%${query.search.replaceAll(/[\\%_]/g, '\\$&')}%`;
    matching = matching.where((where) =>
      where.or([
        where('sender', 'ilike', pattern),
        where('recipient', 'ilike', pattern),
        where('message_id', 'ilike', pattern),
        where('rule', 'ilike', pattern),
      ]),
    );
  }
  const { total } = await matching
    .select((select) => select.fn.countAll<string>().as('total'))
    .executeTakeFirstOrThrow();
  const { before } = query;
  if (before !== undefined) {
    matching = matching.where((where) =>
      where.or([
        where('at', '<', before.at),
        where.and([where('at', '=', before.at), where('mail_journal.id', '<', before.id)]),
      ]),
    );
  }
  const rows = await matching
    .selectAll('mail_journal')
    .select('gateways.name as gateway')
    .orderBy('at', 'desc')
    .orderBy('mail_journal.id', 'desc')
    .limit(query.limit)
    .execute();
  return { rows, total: Number(total) };
}
