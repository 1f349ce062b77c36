import type { Retention } from '@chancery/api';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery escrow retention`: keys whose time is nearly over. */
export function retentionCommand(): Command {
  const retention = new Command('retention').description('escrowed keys whose time is nearly over');

  withOffice(
    retention.command('list', { isDefault: true }).description('what is announced, the first to end first'),
  ).action(async (options: OfficeOptions) => {
    const found = await connect(options).retention();
    print(options, found, () => describe(found));
  });

  withOffice(
    retention.command('approve').description('agree that announced keys are destroyed, as one of two operators'),
  )
    .argument('[ids...]', 'escrowed keys')
    .option('--all', 'every announced key that waits for you')
    .action(async (ids: string[], options: OfficeOptions & { all?: boolean }) => {
      const client = connect(options);
      const wanted =
        options.all === true
          ? (await client.retention()).items.filter((one) => one.mayApprove).map((one) => one.escrowedKeyId)
          : ids;
      if (wanted.length === 0) throw new CommandError('Name the keys, or say --all: nothing waits for you.');
      const found = await client.approveDestruction({ body: { escrowedKeyIds: wanted } });
      print(options, found, () => describe(found));
    });

  return retention;
}

function describe({ items, warnDays, operators }: Retention): string {
  const rows = items.map((one) => [
    one.escrowedKeyId,
    one.person.address,
    one.keyAlgorithm,
    one.destroyedFrom?.slice(0, 10) ?? 'never',
    operators === 0 ? '-' : `${one.approvedBy.length} of ${operators}`,
    one.keptBy ?? 'Destroyed within the hour',
  ]);
  const empty = `No key ends within the next ${warnDays} days.`;
  return table(['key', 'person', 'algorithm', 'from', 'agreed', 'state'], rows, empty);
}
