import { writeFileSync } from 'node:fs';
import { derToPem } from '@chancery/smime';
import { Command, Option } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { readInput, requestIn } from '../input-files.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print } from '../output.ts';

/** `chancery certificates issue`: certificates of the service itself, and of its operators. */
export function issueCommand(): Command {
  const issue = new Command('issue').description('certificates of the service itself, and of its operators');

  withOut(issue.command('scep-ra').description('a key in the key store for the SCEP registration authority, certified'))
    .addOption(new Option('--key <key>').choices(['rsa-2048', 'rsa-3072', 'rsa-4096']).default('rsa-3072'))
    .action(async (options: OutOptions & { key: 'rsa-3072' }) => {
      show(options, await connect(options).issueScepRa({ body: { key: options.key } }));
    });

  withOut(issue.command('admin').description('a TLS client certificate for the key of an operator'))
    .requiredOption('--operator <address>')
    .requiredOption('--csr <file>', 'PKCS#10, PEM or DER; names in it are not looked at')
    .action(async (options: OutOptions & { operator: string; csr: string }) => {
      const client = connect(options);
      const { items } = await client.operators();
      const operator = items.find(({ address }) => address.toLowerCase() === options.operator.toLowerCase());
      if (operator === undefined)
        throw new CommandError(`No operator has the address ${options.operator}. Nothing was issued.`);
      const csr = Buffer.from(requestIn(readInput(options.csr), options.csr)).toString('base64');
      show(options, await client.issueAdmin({ params: { id: operator.id }, body: { csr, keyOrigin: 'device' } }));
    });
  return issue;
}

interface OutOptions extends OfficeOptions {
  readonly out?: string;
}

function withOut(command: Command): Command {
  return withOffice(command).option('--out <file>', 'for the certificate and its chain, PEM');
}

function show(options: OutOptions, one: { serialNumber: string; certificate: string; chain: string[] }): void {
  if (options.out !== undefined)
    writeFileSync(
      options.out,
      [one.certificate, ...one.chain].map((der) => derToPem(Buffer.from(der, 'base64'), 'CERTIFICATE')).join(''),
      { flag: 'wx' },
    );
  print(options, one, () => `Issued, serial number ${one.serialNumber}.`);
}
