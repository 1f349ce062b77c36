/** `chancery journal`: what the gateways decided about each message and recipient, and why. */
import { type Client, JournalFilter, type JournalRecord, journalOutcomes, type ListedEntry } from '@chancery/api';
import { Command, Option } from 'commander';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';
import { writeStandardOutput } from '../write-output.ts';

interface Filters extends OfficeOptions {
  readonly limit: string;
}

export function journalCommand(): Command {
  const journal = new Command('journal').description('what the gateways decided about mail');
  withOffice(journal.command('list', { isDefault: true }).description('records, newest first'))
    .option('--address <address>', 'a whole address, of sender or recipient')
    .option('--domain <domain>', 'a whole domain, of sender or recipient')
    .option('--message-id <id>', 'with its angle brackets')
    .option('--rule <name>')
    .option('--rule-set <version>', 'decided by that version of the rules')
    .addOption(new Option('--direction <way>').choices(['outbound', 'inbound']))
    .addOption(new Option('--outcome <outcome>').choices(journalOutcomes))
    .addOption(new Option('--verdict <verdict>').choices(['valid', 'invalid', 'unsigned', 'ambiguous']))
    .option('--gateway <name>')
    .option('--shadow <rule>', 'what a rule in shadow would have changed; "any" for each of them')
    .option('--since <instant>', '2026-11-26, or with a time: 2026-11-26T09:00:00Z')
    .option('--until <instant>', 'before then')
    .option('--search <text>', 'part of an address, a message id or the name of a rule')
    .option('--limit <number>', 'records at most; "all" for every one', '50')
    .action(async (options: Filters) => {
      await printAll(connect(options), filterOf(options), options);
    });

  withOffice(journal.command('show').description('one record: by which rule, from what, and what became of the others'))
    .argument('<id>')
    .action(async (id: string, options: OfficeOptions) => {
      const record = await connect(options).journalEntry({ params: { id } });
      print(options, record, () => shown(record));
    });
  return journal;
}

function filterOf({ limit: _, url: _url, json: _json, ...given }: Filters): JournalFilter {
  const parsed = JournalFilter.safeParse({
    ...given,
    ...instants(given as { since?: string; until?: string }),
  });
  if (parsed.success) return parsed.data;
  throw new CommandError(
    'The journal cannot be searched so.',
    exitCodes.unusable,
    parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
  );
}

function instants({ since, until }: { since?: string; until?: string }) {
  const whole = (text: string) => (/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00.000Z` : text);
  return { ...(since !== undefined && { since: whole(since) }), ...(until !== undefined && { until: whole(until) }) };
}

/** JSON Lines with --json, so that no length is too much. */
async function printAll(client: Client, filter: JournalFilter, options: Filters): Promise<void> {
  const most = options.limit === 'all' ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (!(most > 0)) throw new CommandError(`--limit ${options.limit} is no number of records.`, exitCodes.unusable);
  const rows: string[][] = [];
  for (let after: string | undefined, found = 0; found < most; ) {
    const limit = Math.min(500, most - found);
    const whole = options.json === true ? ({ whole: 'yes' } as const) : {};
    const page = await client.journal({
      query: { ...filter, ...whole, limit, ...(after === undefined ? {} : { after }) },
    });
    found += page.items.length;
    if (options.json === true) await writeStandardOutput(page.items.map((one) => `${JSON.stringify(one)}\n`).join(''));
    else rows.push(...page.items.map(rowOf));
    if (page.next === null) break;
    after = page.next;
  }
  if (options.json === true) return;
  print(options, rows, () => table(['at', 'way', 'from', 'to', 'done', 'rule', 'why'], rows, 'Nothing matches.'));
}

const rowOf = (one: ListedEntry): string[] => [
  ...[one.at, one.direction === 'outbound' ? 'out' : 'in', one.sender || '<>', one.recipient],
  ...[doneOf(one), one.rule ?? '-', one.detail],
];

function doneOf({ outcome, verdict, shadow }: ListedEntry): string {
  const would = shadow[0]?.outcome;
  return [outcome, verdict === null ? '' : `signature ${verdict}`, would === undefined ? '' : `in shadow ${would}`]
    .filter(Boolean)
    .join(', ');
}

function shown({ facts, judged, others, delivery, ...one }: JournalRecord): string {
  return [
    `${one.at}  ${one.direction}  ${one.sender || '<>'} to ${one.recipient}`,
    `${doneOf(one)}: ${one.detail || 'as the rule says'}`,
    `Rule: ${one.rules.join(', ') || 'none'}${one.ruleSet === null ? '' : ` (version ${one.ruleSet})`}`,
    `Message: ${one.messageId ?? 'without an id'}  Gateway: ${one.gateway}`,
    ...(delivery === null ? [] : [`Delivered ${delivery.at} to ${delivery.host} (${delivery.security})`]),
    ...one.shadow.map(
      ({ rule, outcome, detail }) => `In shadow, ${rule}: ${outcome}${detail === '' ? '' : ` (${detail})`}`,
    ),
    ...(judged?.signals ?? []).map(
      ({ severity, reason }) => `${severity === 'warning' ? 'Warning' : 'Notice'}: ${reason}`,
    ),
    ...(judged === null ? [] : ['Found out:', JSON.stringify(judged, null, 2)]),
    ...(facts === null ? [] : ['Decided from:', JSON.stringify(facts, null, 2)]),
    ...(others.length === 0 ? [] : ['The same message, to others:']),
    ...others.map((other) => `  ${other.recipient}: ${doneOf(other)}`),
  ].join('\n');
}
