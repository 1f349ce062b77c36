import { Command, InvalidArgumentError } from 'commander';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery acme`: partners outside the organisation, who get certificates by ACME. */
export function acmeCommand(): Command {
  const acme = new Command('acme').description('partners outside the organisation, who get certificates by ACME');

  withOffice(
    acme.command('create').description('make a key with which a partner makes an ACME account, and print it, once'),
  )
    .argument('<name>', 'who the partner is, for your own people')
    .argument('<addresses...>', 'mail addresses, or whole domains, that may be ordered with it')
    .option('--expires <days>', 'days in which the account is to be made', days, 30)
    .addHelpText(
      'after',
      '\nExample:\n  chancery acme create "Partner Ltd" partner.example\n  chancery acme create Petra petra@elsewhere.example',
    )
    .action(async (name: string, addresses: string[], options: OfficeOptions & { expires: number }) => {
      const made = await connect(options).createAcmeKey({ body: { name, addresses, expiresInDays: options.expires } });
      print(options, made, () =>
        [
          `directory  ${made.url}`,
          `key id     ${made.id}`,
          `MAC key    ${made.macKey}`,
          `Give these to ${made.name} for the external account binding of their ACME client. The key is shown once, is good for one account, and expires on ${made.expiresAt}.`,
        ].join('\n'),
      );
    });

  withOffice(acme.command('list').description('list the keys, and the accounts that were made with them')).action(
    async (options: OfficeOptions) => {
      const found = await connect(options).acmeKeys();
      print(options, found, () =>
        table(
          ['id', 'name', 'state', 'account', 'expires', 'addresses'],
          found.items.map((one) => [
            one.id,
            one.name,
            one.state,
            one.account?.state ?? 'none',
            one.expiresAt,
            one.addresses.join(', '),
          ]),
          'No keys yet. Make one with "chancery acme create NAME ADDRESS".',
        ),
      );
    },
  );

  withOffice(acme.command('revoke').description('end a key, and the account that was made with it'))
    .argument('<id>')
    .option('--certificates', 'revoke what the account was given as well', false)
    .action(async (id: string, options: OfficeOptions & { certificates: boolean }) => {
      const done = await connect(options).revokeAcmeKey({
        params: { id },
        body: { certificates: options.certificates },
      });
      print(options, done, () =>
        options.certificates
          ? `The key and its account are ended. Certificates revoked: ${done.revoked}.`
          : 'The key and its account are ended. Certificates stay good until they end: --certificates revokes them.',
      );
    });

  withOffice(acme.command('orders').description('list what partners ordered, the newest first')).action(
    async (options: OfficeOptions) => {
      const found = await connect(options).acmeOrders();
      print(options, found, () =>
        table(
          ['created', 'partner', 'state', 'serial number', 'addresses', 'why not'],
          found.items.map((one) => [
            one.createdAt,
            one.partner ?? '',
            one.state,
            one.serialNumber ?? '',
            one.addresses.join(', '),
            one.problem ?? '',
          ]),
          'Nobody has ordered anything.',
        ),
      );
    },
  );

  return acme;
}

function days(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 366)
    throw new InvalidArgumentError('It is a whole number from 1 to 366.');
  return value;
}
