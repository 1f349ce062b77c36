/** The journal of mail as a file, as it is read: CSV or JSON Lines, page after page, whatever its length. */
import { Readable } from 'node:stream';
import { JournalFilter, journalFormats, type ListedEntry } from '@chancery/api';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { exportJournal } from '../../mail-flow/journal.ts';
import { perform } from '../../operation.ts';
import { readJournal } from '../../store/journal.ts';
import type { World } from '../../world.ts';
import { authenticate } from './caller.ts';
import { csvLine } from './csv.ts';
import { shown, shownWhole } from './journal.ts';

const Query = JournalFilter.extend({ format: z.enum(journalFormats).default('csv') });

/** A route of its own: what it answers is no JSON, and never held whole. */
export function serveJournalExport(
  app: FastifyInstance,
  { world, localTokenHash }: { readonly world: World; readonly localTokenHash: Buffer },
): void {
  app.get('/api/v1/journal-export', { schema: { hide: true } }, async (request, reply) => {
    const { by } = await authenticate(world, localTokenHash, request);
    const query = Query.safeParse(request.query);
    if (!query.success) {
      const [issue] = query.error.issues;
      throw new AuthorityError(
        'invalid-request',
        `The request cannot be used: ${issue?.path.join('.')}: ${issue?.message}. Nothing was exported.`,
      );
    }
    const { format, ...filter } = query.data;
    await perform(world, exportJournal, by, { format, filter });
    return reply
      .header('content-type', format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8')
      .header(
        'content-disposition',
        `attachment; filename="mail-journal-${world.clock().toISOString().slice(0, 10)}.${format}"`,
      )
      .header('cache-control', 'no-store')
      .send(Readable.from(lines(world, filter, format)));
  });
}

/** Records that are read at a time: whoever reads slowly holds no more, and no connection of the database. */
const PAGE = 500;

async function* lines(world: World, filter: JournalFilter, format: 'csv' | 'jsonl'): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(HEAD);
  for (let before: { at: Date; id: string } | undefined; ; ) {
    const page = await world.database.snapshot((snapshot) =>
      readJournal(snapshot, { ...filter, limit: PAGE, before, whole: format === 'jsonl' }),
    );
    yield page.rows
      .map((row) => (format === 'csv' ? csvLine(cells(shown(row))) : `${JSON.stringify(shownWhole(row))}\n`))
      .join('');
    if (page.next === null) return;
    before = page.next;
  }
}

const HEAD = [
  ...['id', 'at', 'gateway', 'direction', 'message_id', 'sender', 'recipient', 'rule_set', 'rule', 'outcome'],
  ...['verdict', 'detail', 'shadow', 'arrival'],
];

function cells(entry: ListedEntry): string[] {
  return [
    ...[entry.id, entry.at, entry.gateway, entry.direction, entry.messageId ?? '', entry.sender, entry.recipient],
    ...[String(entry.ruleSet ?? ''), entry.rule ?? '', entry.outcome, entry.verdict ?? '', entry.detail],
    ...[entry.shadow.map(({ rule, outcome }) => `${rule}: ${outcome}`).join('; '), entry.arrival ?? ''],
  ];
}
