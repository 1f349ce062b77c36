import type { Client, LegalHold } from '@chancery/api';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery escrow hold`: as an operator (`CHANCERY_TOKEN`), for the office's own token may neither place nor lift one. */
export function legalHoldCommand(): Command {
  const hold = new Command('hold').description("legal holds: no key of that person's is destroyed");

  withOffice(hold.command('list').description('list legal holds, newest first'))
    .option('--address <address>', 'of one person')
    .option('--all', 'those that were lifted too')
    .action(async (options: OfficeOptions & { address?: string; all?: boolean }) => {
      const client = connect(options);
      const personId = options.address === undefined ? undefined : await personIdOf(client, options.address);
      const { items } = await client.legalHolds({
        query: {
          ...(personId !== undefined && { personId }),
          ...(options.all !== true && { open: 'true' }),
          limit: 1000,
        },
      });
      print(options, items, () =>
        table(
          ['id', 'person', 'case', 'placed', 'by', 'state'],
          items.map((one) => [
            one.id,
            one.personAddress,
            one.caseNumber,
            one.placedAt,
            one.placedBy.name,
            one.lifted === null ? 'stands' : `lifted ${one.lifted.at} by ${one.lifted.by.name}`,
          ]),
          'No legal holds.',
        ),
      );
    });

  withOffice(hold.command('place').description('as a registration officer or a recovery officer'))
    .requiredOption('--address <address>', 'whose keys are kept')
    .requiredOption('--case <number>', 'case number')
    .requiredOption('--reason <text>', 'for the audit trail')
    .action(async (options: OfficeOptions & { address: string; case: string; reason: string }) => {
      const client = connect(options);
      const id = await personIdOf(client, options.address);
      const placed = await client.placeHold({
        params: { id },
        body: { caseNumber: options.case, reason: options.reason },
      });
      print(options, placed, () => `${placed.id}: ${standing(placed)}`);
    });

  withOffice(hold.command('lift').description('as another recovery officer than whoever placed it'))
    .argument('<id>')
    .requiredOption('--reason <text>', 'for the audit trail')
    .action(async (id: string, options: OfficeOptions & { reason: string }) => {
      const lifted = await connect(options).liftHold({ params: { id }, body: { reason: options.reason } });
      print(options, lifted, () => standing(lifted));
    });

  return hold;
}

function standing({ personAddress, caseNumber, lifted }: LegalHold): string {
  return lifted === null
    ? `The keys of ${personAddress} are kept, whatever their profile says, until the hold for ${caseNumber} is lifted.`
    : `The hold for ${caseNumber} on the keys of ${personAddress} is lifted.`;
}

/** @throws CommandError where nobody has that address */
export async function personIdOf(client: Client, address: string): Promise<string> {
  const { items } = await client.people({ query: { search: address, limit: 500 } });
  const found = items.find((one) =>
    [one.address, ...one.aliases].some((own) => own.toLowerCase() === address.toLowerCase()),
  );
  if (found === undefined) throw new CommandError(`Nobody here has the address ${address}.`);
  return found.id;
}
