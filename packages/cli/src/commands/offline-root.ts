import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { crlsIn, readInput } from '../input-files.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print } from '../output.ts';
import { bySlug, single } from './authority-input.ts';

/** `chancery authorities adopt-root | take-crl | revoked`: what the office has to do with a root that is offline. */
export function offlineRootCommands(): Command[] {
  return [
    withOffice(new Command('adopt-root').description('make known a root of yours whose key stays offline'))
      .argument('<certificate>', 'PEM or DER')
      .requiredOption('--name <name>', 'for people')
      .action(async (file: string, options: OfficeOptions & { name: string }) => {
        const made = await connect(options).adoptRoot({ body: { name: options.name, certificate: single(file) } });
        print(
          options,
          made,
          () =>
            `${options.name} is here as ${made.slug}. Its CRL is published at ${made.crlUrl} once a ceremony has signed one, and its certificate at ${made.certificateUrl}.`,
        );
      }),

    withOffice(new Command('take-crl').description('take in and publish the CRL that a ceremony signed'))
      .argument('<slug>')
      .argument('<crl>', 'PEM or DER')
      .option('--transcript <file>', 'of the ceremony: its hash goes into the audit trail')
      .action(async (slug: string, file: string, options: OfficeOptions & { transcript?: string }) => {
        const client = connect(options);
        const { id, name } = await bySlug(client, slug);
        const [crl] = crlsIn(readInput(file), file);
        if (crl === undefined) throw new CommandError(`${file} holds no CRL. Nothing was changed.`);
        const taken = await client.takeCrl({
          params: { id },
          body: {
            crl: Buffer.from(crl.der).toString('base64'),
            ...(options.transcript === undefined ? {} : { transcript: readFileSync(options.transcript, 'utf8') }),
          },
        });
        print(options, taken, () =>
          [
            `CRL ${taken.number} of ${name} is published. The next must be here before ${taken.nextUpdate}; health warns from ${taken.warnFrom} on.`,
            ...taken.revoked.map((serial) => `It revokes ${serial}, which was not revoked here: it is now.`),
          ].join('\n'),
        );
      }),

    withOffice(new Command('revoked').description("what an authority's next CRL must hold, as a ceremony reads it"))
      .argument('<slug>')
      .action(async (slug: string, options: OfficeOptions) => {
        const client = connect(options);
        const found = await client.authorityRevocations({ params: { id: (await bySlug(client, slug)).id } });
        print(options, found, () =>
          [
            `# ${slug}: the last CRL here has the number ${found.number ?? 'none'}`,
            ...found.items.map(({ serialNumber, reason, revokedAt }) => `${serialNumber} ${reason} ${revokedAt}`),
          ].join('\n'),
        );
      }),
  ];
}
