import { readFileSync } from 'node:fs';
import type { Client } from '@chancery/api';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery people`: who has certificates. */
export function peopleCommand(): Command {
  const people = new Command('people').description('people and their addresses');

  withOffice(people.command('list').description('list people and whether they can sign and be written to'))
    .option('--search <text>', 'part of a name or an address')
    .option('--uncovered', 'only people who cannot be written to encrypted, with the reason')
    .action(async (options: OfficeOptions & { search?: string; uncovered?: boolean }) => {
      const query = {
        limit: 500,
        ...(options.search === undefined ? {} : { search: options.search }),
        ...(options.uncovered === true ? { uncovered: 'true' } : {}),
      };
      const page = await connect(options).people({ query });
      print(options, page, () =>
        table(
          ['address', 'name', 'signing', 'encryption', 'why not'],
          page.items.map((person) => [
            person.address,
            person.name,
            person.coverage.signing,
            person.coverage.encryption,
            person.coverage.reason ?? '',
          ]),
          'Nobody yet. Import people with "chancery people import people.csv".',
        ),
      );
    });

  withOffice(people.command('import').description('import people from a CSV file, all or nothing'))
    .argument(
      '<file>',
      'CSV, UTF-8: address,name,aliases,external_id[,signing_key,gateway_decrypts,given_name,surname,title,department,employee_id,country,language,manager]; "-" for standard input',
    )
    .option('--dry-run', 'say what would change, and change nothing')
    .action(async (file: string, options: OfficeOptions & { dryRun?: boolean }) => {
      const report = await connect(options).importPeople({
        body: { csv: readText(file), dryRun: options.dryRun === true },
      });
      print(options, report, () => {
        const verb = report.dryRun ? 'Would create' : 'Created';
        const lines = report.lines.map((line) =>
          `  line ${line.line}: ${line.address} ${line.action} ${line.changes.join('; ')}`.trimEnd(),
        );
        return [...lines, `${verb} ${report.created}, changed ${report.changed}, unchanged ${report.unchanged}.`].join(
          '\n',
        );
      });
    });

  withOffice(people.command('add').description('add one person'))
    .requiredOption('--address <address>', 'primary mail address')
    .requiredOption('--name <name>', 'full name')
    .option('--alias <address...>', 'further addresses', [])
    .option('--external-id <id>', 'identifier in the identity provider')
    .option('--gateway-signs', 'the gateway keeps the signing key and signs for this person')
    .option('--gateway-decrypts', 'the gateway may open mail to this person')
    .action(
      async (
        options: OfficeOptions & {
          address: string;
          name: string;
          alias: string[];
          externalId?: string;
          gatewaySigns?: boolean;
          gatewayDecrypts?: boolean;
        },
      ) => {
        const person = await connect(options).addPerson({
          body: {
            address: options.address,
            name: options.name,
            aliases: options.alias,
            externalId: options.externalId ?? null,
            signingKey: options.gatewaySigns === true ? 'gateway' : 'device',
            gatewayDecrypts: options.gatewayDecrypts === true,
          },
        });
        print(
          options,
          person,
          () => `${person.name} <${person.address}> has joined. The certificates follow within seconds.`,
        );
      },
    );

  withOffice(people.command('claim').description('show the one-time link with which a person collects their keys'))
    .argument('<address>')
    .action(async (address: string, options: OfficeOptions) => {
      const client = connect(options);
      const person = await personOf(client, address);
      const link = await client.newClaim({ params: { id: person.id } });
      print(
        options,
        link,
        () => `${link.url}\nGive it to ${person.name} only. It is shown once and expires on ${link.expiresAt}.`,
      );
    });

  withOffice(people.command('phone').description('let encryption keys go to phones that Intune manages'))
    .argument('<address>')
    .option('--forbid', 'take it back; what is on its way is not sent')
    .action(async (address: string, options: OfficeOptions & { forbid?: true }) => {
      const client = connect(options);
      const { id, name } = await personOf(client, address);
      const allowed = options.forbid !== true;
      await client.allowPhoneKeys({ params: { id }, body: { allowed } });
      const said = allowed ? 'may go to managed phones' : 'go to managed phones no more';
      print(options, { allowed }, () => `The encryption keys of ${name} ${said}.`);
    });

  return people;
}

async function personOf(client: Client, address: string) {
  const page = await client.people({ query: { search: address, limit: 500 } });
  const person = page.items.find((one) => one.address.toLowerCase() === address.toLowerCase());
  if (person === undefined) throw new CommandError(`Nobody here has the address ${address}.`);
  return person;
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}. Nothing was changed.`);
  }
}
