/** `chancery held`: mail that gateways hold, seen and decided at the office. On a gateway's own machine, without it: `chancery gateway held`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Client, type HeldMail } from '@chancery/api';
import { Command, Option } from 'commander';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

interface Filters extends OfficeOptions {
  readonly search?: string;
  readonly direction?: HeldMail['direction'];
}

interface DecisionOptions extends OfficeOptions {
  readonly note: string;
  readonly wait?: string | true;
}

export function heldCommand(): Command {
  const held = new Command('held').description('mail that gateways hold: quarantined, or waiting for a certificate');

  withOffice(held.command('list', { isDefault: true }).description('what is held, longest first'))
    .option('--search <text>', 'part of the address of a sender or recipient')
    .addOption(new Option('--direction <way>').choices(['outbound', 'inbound']))
    .action(async (options: Filters) => {
      const items = await all(connect(options), options);
      print(options, { items }, () =>
        table(
          ['id', 'way', 'from', 'to', 'why', 'waits for', 'until'],
          items.map((one) => [
            ...[one.id, one.direction === 'inbound' ? 'in' : 'out', senderOf(one), recipientsOf(one)],
            ...[`${one.reason} (${one.rule})`, waitsFor(one), one.expiresAt],
          ]),
          'Nothing is held.',
        ),
      );
    });

  withOffice(held.command('show').description('one message: who wrote to whom, why it waits, what was found out'))
    .argument('<id>', 'or its beginning')
    .action(async (id: string, options: OfficeOptions) => {
      const one = await named(connect(options), id);
      print(options, one, () => shown(one));
    });

  for (const [name, act, what] of [
    ['release', 'release', 'let messages go, as far as other rules allow: what must be encrypted and cannot be stays'],
    ['reject', 'refuse', 'return messages to their senders, who are told where a notice to them is no backscatter'],
  ] as const) {
    withOffice(held.command(name).description(what))
      .argument('<id...>', 'or their beginnings')
      .option('--note <text>', 'why, for the audit trail and the journal', '')
      .option(
        '--wait [seconds]',
        'until their gateways have done it; exit code 1 where one is still held (default: 60)',
      )
      .action(async (ids: string[], options: DecisionOptions) => {
        const seconds = options.wait === undefined ? 0 : options.wait === true ? 60 : Number(options.wait);
        if (!(seconds >= 0 && seconds <= 3_600)) {
          throw new CommandError('--wait takes seconds, at most 3600. Nothing was decided.');
        }
        const client = connect(options);
        // All of them are found before the first is decided.
        const messages: HeldMail[] = [];
        for (const id of ids) messages.push(await named(client, id));
        for (const { id } of messages) {
          await client.decideHeldMail({ params: { id }, body: { act, note: options.note } });
        }
        const kept = options.wait === undefined ? [] : await stillHeld(client, messages, seconds * 1_000);
        const decided = messages.map(({ id }) => ({
          id,
          act,
          ...(options.wait !== undefined && { held: kept.some((one) => one.id === id) }),
        }));
        print(options, { items: decided }, () =>
          options.wait === undefined
            ? 'Decided. Each gateway does it within seconds; what came of it stands in the journal.'
            : `Done: ${messages.length - kept.length} of ${messages.length}.`,
        );
        if (kept.length > 0) {
          throw new CommandError(
            'Still held:',
            exitCodes.refused,
            kept.map(({ id, problem }) => `${id}: ${problem ?? 'its gateway has not done it yet'}`),
          );
        }
      });
  }
  return held;
}

async function all(client: Client, { search, direction }: Filters): Promise<HeldMail[]> {
  const query = { limit: 200, ...(search !== undefined && { search }), ...(direction !== undefined && { direction }) };
  const items: HeldMail[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page: Awaited<ReturnType<Client['heldMail']>> = await client.heldMail({
      query: { ...query, ...(after !== undefined && { after }) },
    });
    items.push(...page.items);
    after = page.next;
  }
  return items;
}

/** @throws CommandError where nothing, or more than one message, begins so; ApiError `not-found` */
async function named(client: Client, id: string): Promise<HeldMail> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return client.heldMessage({ params: { id } });
  const found = (await all(client, {})).filter((one) => one.id.startsWith(id.toLowerCase()));
  const [one, ...others] = found;
  if (id === '' || one === undefined) {
    throw new CommandError(`No gateway holds a message ${id}. See "chancery held". Nothing was decided.`);
  }
  if (others.length > 0) throw new CommandError(`${found.length} messages begin with ${id}. Nothing was decided.`);
  return one;
}

/** Those that are there once their gateway has tried, or the time is over. */
async function stillHeld(client: Client, messages: readonly HeldMail[], milliseconds: number): Promise<HeldMail[]> {
  const deadline = Date.now() + milliseconds;
  const kept: HeldMail[] = [];
  for (const { id } of messages) {
    for (;;) {
      const now = await ifHeld(client, id);
      if (now === undefined) break;
      if (now.decision === null || Date.now() >= deadline) {
        kept.push(now);
        break;
      }
      await sleep(Math.min(500, Math.max(0, deadline - Date.now())));
    }
  }
  return kept;
}

async function ifHeld(client: Client, id: string): Promise<HeldMail | undefined> {
  try {
    return await client.heldMessage({ params: { id } });
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not-found') return undefined;
    throw error;
  }
}

const senderOf = ({ sender, from }: HeldMail): string => (sender === '' ? (from[0] ?? '(no sender)') : sender);

function recipientsOf({ recipients, moreRecipients }: HeldMail): string {
  const others = recipients.length - 1 + moreRecipients;
  return others === 0 ? (recipients[0] ?? '') : `${recipients[0]} and ${others} more`;
}

function waitsFor({ decision, problem, waitsFor: awaited, invited }: HeldMail): string {
  if (decision !== null)
    return `its gateway (${decision.act === 'release' ? 'released' : 'rejected'} by ${decision.by})`;
  if (problem !== null) return 'a decision (could not go)';
  if (awaited === 'decision') return 'a decision';
  return invited ? 'a signed reply (invited)' : 'a certificate';
}

function shown(one: HeldMail): string {
  const { authentication: found } = one;
  const lines: readonly (readonly [string, string])[] = [
    ['Id', one.id],
    ['Gateway', one.gateway],
    ['Way', one.direction],
    ['Sender', one.sender === '' ? '(none: a notification)' : one.sender],
    ['Says it is from', one.from.join(', ')],
    ['Recipients', [...one.recipients, ...(one.moreRecipients > 0 ? [`${one.moreRecipients} more`] : [])].join(', ')],
    ['Because', one.reason],
    ['Rule', one.rule],
    ['Waits for', waitsFor(one)],
    ['Held since', one.heldAt],
    ['Until', one.expiresAt],
    ['Message id', one.messageId ?? '(none)'],
    ['Octets', String(one.size)],
    ['Found out', found === null ? '' : `SPF ${found.spf}, DKIM ${found.dkim}, DMARC ${found.dmarc}`],
    ['Could not go', one.problem ?? ''],
    ['Note', one.decision?.note ?? ''],
  ];
  return lines
    .filter(([, value]) => value !== '')
    .map(([label, value]) => `${`${label}:`.padEnd(17)}${value}`)
    .join('\n');
}
