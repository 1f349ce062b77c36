import { writeFileSync } from 'node:fs';
import { CertificateState, CertificateUse } from '@chancery/api';
import { derToPem } from '@chancery/smime';
import { Command, Option } from 'commander';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';
import { bulkCommand } from './bulk.ts';
import { statusCommands } from './certificate-status.ts';
import { issueCommand } from './issue.ts';

/** `chancery certificates`: what was issued, and revocation. */
export function certificatesCommand(): Command {
  const certificates = new Command('certificates').description('issued certificates');

  withOffice(certificates.command('list').description('list certificates, newest first'))
    .option('--search <text>', 'part of a subject, address or serial number')
    .addOption(new Option('--use <use>').choices(CertificateUse.options))
    .addOption(new Option('--state <state>').choices(CertificateState.options))
    .action(async ({ url, json, ...filters }: OfficeOptions & Record<'search' | 'use' | 'state', never>) => {
      const options = { ...(url === undefined ? {} : { url }), ...(json === undefined ? {} : { json }) };
      const page = await connect(options).certificates({ query: { limit: 500, ...filters } });
      print(options, page, () =>
        table(
          ['serial', 'use', 'state', 'not after', 'subject'],
          page.items.map((one) => [one.serialNumber, one.use, one.state, one.notAfter.slice(0, 10), one.subject]),
          'No certificates yet.',
        ),
      );
    });

  withOffice(certificates.command('show').description('show one certificate'))
    .argument('<serial>', 'serial number, hex')
    .option('--pem <file>', 'write the certificate and its chain as PEM ("-" for standard output)')
    .action(async (serialNumber: string, options: OfficeOptions & { pem?: string }) => {
      const one = await connect(options).certificate({ params: { serialNumber } });
      if (options.pem !== undefined) {
        const pem = [one.der, ...one.chain].map((der) => derToPem(Buffer.from(der, 'base64'), 'CERTIFICATE')).join('');
        if (options.pem === '-') process.stdout.write(pem);
        else writeFileSync(options.pem, pem);
        return;
      }
      print(options, one, () =>
        [
          `serial       ${one.serialNumber}`,
          `subject      ${one.subject}`,
          `issuer       ${one.issuer}`,
          `use          ${one.use} (profile ${one.profile}/${one.profileVersion}, ${one.keyAlgorithm}, key made by: ${one.keyOrigin})`,
          `valid        ${one.notBefore} to ${one.notAfter}`,
          `renew from   ${one.renewFrom}`,
          `state        ${one.state}${one.revokedAt === null ? '' : ` on ${one.revokedAt}: ${one.revocationReason}`}`,
          `SHA-256      ${one.fingerprintSha256}`,
          ...one.publications.map(
            (place) => `published    ${place.target}: ${place.state}${place.error === null ? '' : ` (${place.error})`}`,
          ),
        ].join('\n'),
      );
    });

  certificates.addCommand(bulkCommand());
  certificates.addCommand(issueCommand());
  for (const command of statusCommands()) certificates.addCommand(command);

  withOffice(certificates.command('authorities').description('the certification authorities and their CRLs')).action(
    async (options: OfficeOptions) => {
      const { items } = await connect(options).authorities();
      print(options, items, () =>
        table(
          ['role', 'name', 'key', 'not after', 'crl', 'next update'],
          items.map((one) => [
            one.role,
            one.name,
            one.keyAlgorithm,
            one.notAfter.slice(0, 10),
            String(one.crl?.number ?? '-'),
            one.crl?.nextUpdate ?? '-',
          ]),
          'The office has not been set up yet.',
        ),
      );
    },
  );

  return certificates;
}
