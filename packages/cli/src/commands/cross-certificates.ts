import { writeFileSync } from 'node:fs';
import { type CrossCertificate, RevocationReason } from '@chancery/api';
import { derToPem } from '@chancery/smime';
import { Command, Option } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { readInput, requestIn } from '../input-files.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print } from '../output.ts';
import { base64sIn, bySlug, single } from './authority-input.ts';

interface SignOptions extends OfficeOptions {
  readonly root: string;
  readonly authority?: string;
  readonly certificate?: string;
  readonly request?: string;
  readonly years: string;
  readonly domain: string[];
  readonly out?: string;
}

/** `chancery authorities cross`: further certificates for the name and key of an authority. */
export function crossCommand(): Command {
  const cross = new Command('cross').description(
    'cross-certificates: a further certificate for the name and key of an authority, by another root',
  );

  withOffice(cross.command('sign').description('a root of ours certifies another authority, of ours or not'))
    .requiredOption('--root <slug>', 'the root that signs')
    .option('--authority <slug>', 'an authority of ours: the root before by the new one, or the reverse')
    .option('--certificate <file>', 'instead: the certificate of a root that is not ours')
    .option('--request <file>', 'instead: a request of an authority that is not ours, PKCS#10')
    .option('--years <n>', 'validity, at most as long as both have', '10')
    .option('--domain <domain...>', 'mail domains that an authority which is not ours may certify; default: all', [])
    .option('--out <file>', 'for the certificate, PEM')
    .action(async (options: SignOptions) => {
      const client = connect(options);
      const issuer = await bySlug(client, options.root);
      const given = [options.authority, options.certificate, options.request].filter((one) => one !== undefined);
      if (given.length !== 1)
        throw new CommandError('Name one: --authority, --certificate or --request. Nothing was signed.');
      const made = await client.crossCertify({
        body: {
          issuerId: issuer.id,
          subject:
            options.authority !== undefined
              ? { kind: 'authority', authorityId: (await bySlug(client, options.authority)).id }
              : options.certificate !== undefined
                ? { kind: 'certificate', certificate: single(options.certificate) }
                : { kind: 'request', request: requestFile(options.request ?? '') },
          years: Number(options.years),
          domains: options.domain,
        },
      });
      if (options.out !== undefined)
        writeFileSync(options.out, derToPem(Buffer.from(made.certificate, 'base64'), 'CERTIFICATE'), { flag: 'wx' });
      print(options, made, () => `${issuer.name} signed the cross-certificate ${made.id}.`);
    });

  withOffice(cross.command('request').description('a request with the name and key of an authority of ours'))
    .argument('<slug>')
    .requiredOption('--out <file>', 'for the request, PEM')
    .action(async (slug: string, options: OfficeOptions & { out: string }) => {
      const client = connect(options);
      const made = await client.requestCross({ params: { id: (await bySlug(client, slug)).id } });
      writeFileSync(options.out, derToPem(Buffer.from(made.request, 'base64'), 'CERTIFICATE REQUEST'), { flag: 'wx' });
      print(
        options,
        made,
        () =>
          `The request is in ${options.out}. Have it signed, then: chancery authorities cross install ${slug} certificate.pem --chain root.pem`,
      );
    });

  withOffice(
    cross.command('install').description('take in the cross-certificate that another root gave to an authority'),
  )
    .argument('<slug>')
    .argument('<certificate>', 'PEM or DER')
    .option('--chain <file...>', 'the certificates above it, up to the root', [])
    .action(async (slug: string, file: string, options: OfficeOptions & { chain: string[] }) => {
      const client = connect(options);
      const { id, name } = await bySlug(client, slug);
      const made = await client.installCross({
        params: { id },
        body: { certificate: single(file), chain: options.chain.flatMap(base64sIn) },
      });
      print(options, made, () => `Installed. Chains of ${name} have it from now on.`);
    });

  withOffice(cross.command('revoke').description('revoke a cross-certificate that a root of ours signed'))
    .argument('<id>', 'as "chancery authorities list" shows it')
    .addOption(new Option('--reason <reason>').choices(RevocationReason.options).makeOptionMandatory())
    .option('--note <text>', 'for the audit trail', '')
    .action(async (id: string, options: OfficeOptions & { reason: RevocationReason; note: string }) => {
      const done = await connect(options).revokeCross({
        params: { id },
        body: { reason: options.reason, note: options.note },
      });
      print(options, done, () => "Revoked. The root's next CRL is being made.");
    });
  return cross;
}

const requestFile = (file: string): string => Buffer.from(requestIn(readInput(file), file)).toString('base64');

export function describeCross({ id, subject, issuer, notAfter, revokedAt }: CrossCertificate): string {
  const state = revokedAt === null ? `until ${notAfter.slice(0, 10)}` : 'revoked';
  return `cross-certificate ${id}: ${subject}, by ${issuer}  [${state}]`;
}
