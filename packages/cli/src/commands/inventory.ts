/** `chancery inventory`: who holds what, who is not covered and why; by filters, or by a view that is kept. */
import { readFileSync } from 'node:fs';
import {
  type Client,
  type CoverageItem,
  CoverageReason,
  type Holding,
  type InventoryList,
  type InventoryView,
} from '@chancery/api';
import { Command, Option } from 'commander';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';
import { writeStandardOutput } from '../write-output.ts';

interface Filters extends OfficeOptions {
  readonly view?: string;
  readonly use?: 'signing' | 'encryption';
  readonly uncovered?: true;
  readonly reason?: CoverageReason;
  readonly state?: 'in-force' | 'ending' | 'expired' | 'held' | 'revoked';
  readonly endsWithin?: string;
  readonly neverProven?: true;
  readonly search?: string;
  readonly department?: string;
}

export function inventoryCommand(): Command {
  const inventory = withOffice(
    new Command('inventory').description(
      'who holds what, until when, escrowed and published where; who is not covered, and why',
    ),
  )
    // `--json` of a command below is that command's.
    .enablePositionalOptions()
    .option('--view <name>', 'a view that is kept: yours, or one that is shared')
    .addOption(new Option('--use <use>').choices(['signing', 'encryption']))
    .option('--uncovered', 'people who are not covered, and why')
    .addOption(new Option('--reason <reason>', 'people, by why they are not covered').choices(CoverageReason.options))
    .addOption(
      new Option('--state <state>', 'certificates in that state').choices([
        'in-force',
        'ending',
        'expired',
        'held',
        'revoked',
      ]),
    )
    .option('--ends-within <days>', 'certificates that end within so many days')
    .option('--never-proven', 'escrowed keys that no drill has opened yet')
    .option('--search <text>', 'part of a name, an address or a serial number')
    .option('--department <name>')
    .action(async (options: Filters) => {
      const client = connect(options);
      const content = options.view === undefined ? contentOf(options) : (await viewNamed(client, options.view)).content;
      await printAll(client, content, options);
    });

  withOffice(inventory.command('counts').description('how many people are covered, by use and reason')).action(
    async (options: OfficeOptions) => {
      const counts = await connect(options).coverageCounts();
      print(options, counts, () =>
        table(
          ['use', 'reason', 'people'],
          counts.items.map((one) => [one.use, one.reason, String(one.count)]),
          'Nobody is here yet.',
        ),
      );
    },
  );

  const views = inventory.command('views').description('views that are kept');
  withOffice(views.command('list').description('yours, and those that are shared')).action(
    async (options: OfficeOptions) => {
      const { items } = await connect(options).inventoryViews();
      print(options, items, () =>
        table(
          ['name', 'list', 'owner', 'shared', 'filter'],
          items.map((one) => [
            one.name,
            one.content.list,
            one.owner,
            one.shared ? 'yes' : 'no',
            JSON.stringify(one.content.filter),
          ]),
          'No view is kept yet.',
        ),
      );
    },
  );
  withOffice(views.command('save').description('keep a view; one of the same name of yours is replaced'))
    .argument('<name>')
    .argument('<file>', 'JSON: {"list":"holdings"|"coverage","filter":{…}}; "-" for standard input')
    .option('--shared', 'others see it too')
    .action(async (name: string, file: string, options: OfficeOptions & { shared?: true }) => {
      const content = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8')) as InventoryList;
      const view = await connect(options).saveInventoryView({
        body: { name, shared: options.shared === true, content },
      });
      print(options, view, () => `Kept as ${view.name}.`);
    });
  withOffice(views.command('remove').description('forget a view'))
    .argument('<name>')
    .action(async (name: string, options: OfficeOptions) => {
      const client = connect(options);
      const { id } = await viewNamed(client, name);
      print(options, await client.removeInventoryView({ params: { id } }), () => 'Forgotten.');
    });
  return inventory;
}

function contentOf(options: Filters): InventoryList {
  const { use, search, department, reason, uncovered, state, endsWithin, neverProven } = options;
  const common = {
    ...(use !== undefined && { use }),
    ...(search !== undefined && { search }),
    ...(department !== undefined && { department }),
  };
  if (uncovered === true || reason !== undefined) {
    return {
      list: 'coverage',
      filter: { ...common, ...(reason !== undefined && { reason }), ...(uncovered === true && { uncovered }) },
    };
  }
  return {
    list: 'holdings',
    filter: {
      ...common,
      ...(state !== undefined && { state }),
      ...(endsWithin !== undefined && { endsWithinDays: Number(endsWithin) }),
      ...(neverProven === true && { proven: 'no' as const }),
    },
  };
}

async function viewNamed(client: Client, name: string): Promise<InventoryView> {
  const { items } = await client.inventoryViews();
  const found = items.filter((one) => one.name.toLowerCase() === name.toLowerCase());
  const view = found.find(({ mine }) => mine) ?? found[0];
  if (view === undefined) {
    throw new CommandError(
      `There is no view "${name}". "chancery inventory views list" shows those there are.`,
      exitCodes.unusable,
    );
  }
  return view;
}

/** All of it, page after page: JSON Lines with --json, so that no length is too much. */
async function printAll(client: Client, content: InventoryList, options: OfficeOptions): Promise<void> {
  const rows: string[][] = [];
  for (let after: string | undefined; ; ) {
    const more = { limit: 500, ...(after === undefined ? {} : { after }) };
    const page =
      content.list === 'holdings'
        ? await client.holdings({ query: { ...content.filter, ...more } })
        : await client.coverage({
            query: { ...content.filter, ...more, uncovered: content.filter.uncovered === true },
          });
    if (options.json === true) {
      await writeStandardOutput(page.items.map((one) => `${JSON.stringify(one)}\n`).join(''));
    } else {
      rows.push(...page.items.map((one) => ('serialNumber' in one ? holdingRow(one) : coverageRow(one))));
    }
    if (page.next === null) break;
    after = page.next;
  }
  if (options.json === true) return;
  const head =
    content.list === 'holdings'
      ? ['name', 'address', 'use', 'state', 'until', 'key', 'escrowed in', 'proven', 'published']
      : ['name', 'address', 'use', 'until', 'why not'];
  print(options, rows, () => table(head, rows, 'Nothing matches.'));
}

function holdingRow(one: Holding): string[] {
  const { escrow } = one;
  return [
    ...[one.name, one.address, one.use, one.state, one.notAfter.slice(0, 10), one.keyOrigin],
    ...[escrow?.vault ?? '-', escrow === null ? '-' : (escrow.provenAt?.slice(0, 10) ?? 'never')],
    one.published.map(({ target, state }) => `${target}: ${state}`).join(', ') || '-',
  ];
}

const coverageRow = (one: CoverageItem): string[] => [
  ...[one.name, one.address, one.use, one.until?.slice(0, 10) ?? '-'],
  one.why ?? '',
];
