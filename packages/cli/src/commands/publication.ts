import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type PublicationTarget, type Reconciliation, UnreachableReason } from '@chancery/api';
import { Command, Option } from 'commander';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery publication`: where certificates are published, and who cannot be written to. */
export function publicationCommand(): Command {
  const publication = new Command('publication').description(
    'where certificates are published, and who cannot be written to',
  );

  withOffice(
    publication.command('targets').description('the targets, and how each compares with the inventory'),
  ).action(async (options: OfficeOptions) => {
    const { targets } = await connect(options).publication();
    print(options, targets, () =>
      table(
        ['target', 'kind', 'published', 'pending', 'failed', 'compared', 'mended', 'state'],
        targets.map((one) => [
          one.name,
          one.kind,
          String(one.published),
          String(one.pending),
          String(one.failed),
          one.reconciliations[0]?.endedAt ?? '-',
          String(one.reconciliations[0]?.mended ?? '-'),
          stateOf(one),
        ]),
        'Nothing is published anywhere: no target is configured.',
      ),
    );
  });

  withOffice(publication.command('report').description('who cannot be written to encrypted, and why'))
    .addOption(new Option('--reason <reason>').choices(UnreachableReason.options))
    .option('--target <name>', 'what holds for that target, and what holds everywhere')
    .option('--search <text>', 'part of a name or an address')
    .action(async (options: OfficeOptions & { reason?: UnreachableReason; target?: string; search?: string }) => {
      const report = await wholeReport(connect(options), options);
      print(options, report, () =>
        [
          `${report.people} people; of each target and reason, how many cannot be written to:`,
          table(
            ['target', 'reason', 'people'],
            report.counts.map((one) => [one.target ?? 'everywhere', one.reason, String(one.people)]),
            'Everybody can be written to encrypted.',
          ),
          ...(report.items.length === 0
            ? []
            : [
                '',
                table(
                  ['address', 'target', 'reason', 'detail'],
                  report.items.map((one) => [one.address, one.target ?? 'everywhere', one.reason, one.detail ?? '']),
                  '',
                ),
              ]),
        ].join('\n'),
      );
    });

  withOffice(
    publication.command('reconcile').description('compare targets with the inventory, and mend what has drifted'),
  )
    .argument('[target]', 'all of them without it')
    .option('--look', 'only look: mend nothing')
    .option('--wait', 'until it is done')
    .action(async (target: string | undefined, options: OfficeOptions & { look?: boolean; wait?: boolean }) => {
      const client = connect(options);
      const { begun } = await client.beginReconciliation({
        body: { mend: options.look !== true, ...(target === undefined ? {} : { target }) },
      });
      if (options.wait !== true) {
        print(options, { begun }, () => `Begun: ${begun.join(', ')}`);
        return;
      }
      const runs = await untilEnded(client, begun);
      print(options, runs, () =>
        table(
          ['target', 'checked', 'missing', 'extra', 'mended', 'not found', 'refused', "others' values"],
          runs.map((one) =>
            [one.target, one.checked, one.missing, one.extra, one.mended, one.notFound, one.refused, one.others].map(
              String,
            ),
          ),
          '',
        ),
      );
    });

  withOffice(publication.command('runbook').description('the PowerShell runbook for mailboxes of Exchange Online'))
    .argument('<target>')
    .option('--full', 'everything, not only what is not known to stand there')
    .option('--out <file>', 'where to write it ("-" for standard output)', '-')
    .option('--store <file>', 'write the authorities beside it, as a serialized store (chancery.sst)')
    .action(async (target: string, options: OfficeOptions & { full?: boolean; out: string; store?: string }) => {
      const client = connect(options);
      const made = await client.runbook({ query: { target, scope: options.full === true ? 'full' : 'changes' } });
      if (options.store !== undefined) {
        const { store } = await client.authorityStore();
        writeFileSync(options.store, Buffer.from(store, 'base64'));
      }
      if (options.json === true || options.out === '-') {
        print(options, made, () => made.script.trimEnd());
        return;
      }
      writeFileSync(options.out, made.script);
      print(
        options,
        made,
        () => `${plural(made.mailboxes)}; when it has run: chancery publication confirm ${target} ${made.digest}`,
      );
    });

  withOffice(publication.command('confirm').description('a runbook has run: what it said stands now'))
    .argument('<target>')
    .argument('<digest>', 'which the runbook names in its third line')
    .action(async (target: string, digest: string, options: OfficeOptions) => {
      const done = await connect(options).confirmRunbook({ body: { target, digest } });
      print(options, done, () => `${plural(done.mailboxes)} in line.`);
    });

  return publication;
}

const plural = (mailboxes: number) => `${mailboxes} ${mailboxes === 1 ? 'mailbox' : 'mailboxes'}`;

function stateOf({ isDown, failed, reconciliations }: PublicationTarget): string {
  if (isDown) return 'down';
  if (reconciliations[0]?.endedAt === null) return 'is being compared';
  return failed > 0 ? 'trouble' : 'in line';
}

/** Every page of it, as one. */
async function wholeReport(
  client: Client,
  { reason, target, search }: { reason?: UnreachableReason; target?: string; search?: string },
) {
  const filter = {
    limit: 500,
    ...(reason !== undefined && { reason }),
    ...(target !== undefined && { target }),
    ...(search !== undefined && { search }),
  };
  const report = await client.unreachable({ query: filter });
  const items = [...report.items];
  for (let { next } = report; next !== null; ) {
    const page = await client.unreachable({ query: { ...filter, after: next } });
    items.push(...page.items);
    next = page.next;
  }
  return { people: report.people, counts: report.counts, items };
}

async function untilEnded(client: Client, names: readonly string[]): Promise<Reconciliation[]> {
  for (;;) {
    const { targets } = await client.publication();
    const runs = targets.flatMap((one) => (names.includes(one.name) ? (one.reconciliations[0] ?? []) : []));
    const waiting = runs.find(({ error, endedAt }) => endedAt === null && error !== null);
    if (waiting !== undefined)
      throw new CommandError(`${waiting.target} waits, and goes on by itself: ${waiting.error}`, exitCodes.refused);
    if (runs.every(({ endedAt }) => endedAt !== null)) return runs;
    await sleep(1_000);
  }
}
