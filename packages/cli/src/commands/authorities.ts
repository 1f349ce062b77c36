import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { AuthorityKey } from '@chancery/api';
import { derToPem, parseRequest } from '@chancery/smime';
import { Command, Option } from 'commander';
import { readInput } from '../input-files.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print } from '../output.ts';
import { type Authority, base64sIn, bySlug, single } from './authority-input.ts';
import { crossCommand, describeCross } from './cross-certificates.ts';
import { offlineRootCommands } from './offline-root.ts';

/** `chancery authorities`: the hierarchy, and how it grows. */
export function authoritiesCommand(): Command {
  const authorities = new Command('authorities').description(
    'the certification authorities: their hierarchy, and how it grows',
  );

  withOffice(authorities.command('list').description('the hierarchy, as a tree')).action(
    async (options: OfficeOptions) => {
      const client = connect(options);
      const { items } = await client.authorities();
      const { items: crossed } = await client.crossCertificates();
      const { warnings } = await client.status();
      print(options, { authorities: items, crossCertificates: crossed, warnings }, () =>
        [...tree(items), ...crossed.map(describeCross), ...warnings].join('\n'),
      );
    },
  );

  withOffice(
    withKey(
      authorities
        .command('create')
        .description('make a further issuing authority below a root of ours; it takes over issuing'),
    ),
  )
    .option('--root <slug>', 'the root that signs it', 'root')
    .action(async (options: OfficeOptions & { title: string; key: AuthorityKey; root: string }) => {
      const client = connect(options);
      const parent = await bySlug(client, options.root);
      const made = await client.createAuthority({
        body: { title: options.title, key: options.key, parentId: parent.id },
      });
      print(options, made, () => `${options.title} issues from now on. The one before goes on with its CRLs and OCSP.`);
    });

  withOffice(withKey(authorities.command('create-root').description('make a further root with a new key'))).action(
    async (options: OfficeOptions & { title: string; key: AuthorityKey }) => {
      const made = await connect(options).createRoot({ body: { title: options.title, key: options.key } });
      print(
        options,
        made,
        () =>
          `${options.title} is here. Cross-certificates lead from the root before to it and back: "chancery authorities cross sign".`,
      );
    },
  );

  withOffice(
    withKey(authorities.command('request').description('make a key, and a request for an issuer that is not ours')),
  )
    .requiredOption('--out <file>', 'for the request, PEM')
    .action(async (options: OfficeOptions & { title: string; key: AuthorityKey; out: string }) => {
      const made = await connect(options).requestAuthority({ body: { title: options.title, key: options.key } });
      const der = Buffer.from(made.request, 'base64');
      writeFileSync(options.out, derToPem(der, 'CERTIFICATE REQUEST'), { flag: 'wx' });
      const fingerprint = createHash('sha256').update(parseRequest(der).spki).digest('hex');
      print(
        options,
        made,
        () =>
          `Request ${made.id}, in ${options.out}, public key SHA-256 ${fingerprint}.\nHave it signed, then: chancery authorities install ${made.id} certificate.pem --chain root.pem`,
      );
    });

  withOffice(
    authorities
      .command('install')
      .description('install the certificate that came back for a request; it takes over issuing'),
  )
    .argument('<request>', 'as "request" printed it')
    .argument('<certificate>', 'PEM or DER')
    .option('--chain <file...>', 'the certificates above it, up to the root', [])
    .option('--transcript <file>', 'of the ceremony: its hash goes into the audit trail')
    .action(async (id: string, file: string, options: OfficeOptions & { chain: string[]; transcript?: string }) => {
      const made = await connect(options).installAuthority({
        params: { id },
        body: {
          certificate: single(file),
          chain: options.chain.flatMap(base64sIn),
          ...(options.transcript === undefined ? {} : { transcript: readFileSync(options.transcript, 'utf8') }),
        },
      });
      print(options, made, () => 'Installed. It issues from now on. The one before goes on with its CRLs and OCSP.');
    });

  withOffice(authorities.command('import').description('take in an authority that has issued elsewhere, with its key'))
    .argument('<file>', 'PKCS#12 with the key (its password is CHANCERY_PASSWORD); with --key its certificate')
    .requiredOption('--name <name>', 'for people')
    .option('--key <reference>', 'instead of PKCS#12: a key that is in the key store, as "chancery keys" names it')
    .option('--chain <file...>', 'the certificates above it, up to the root', [])
    .action(async (file: string, options: OfficeOptions & { name: string; key?: string; chain: string[] }) => {
      const made = await connect(options).importAuthority({
        body: {
          name: options.name,
          source:
            options.key === undefined
              ? {
                  kind: 'pkcs12',
                  file: readInput(file).toString('base64'),
                  password: process.env.CHANCERY_PASSWORD ?? '',
                }
              : { kind: 'key', keyReference: options.key, certificate: single(file) },
          chain: options.chain.flatMap(base64sIn),
        },
      });
      print(
        options,
        made,
        () => `${options.name} is here. What it signed before, its old status service goes on to say.`,
      );
    });

  withOffice(
    authorities
      .command('retire')
      .description('an authority signs no more certificates, and goes on with CRLs and OCSP'),
  )
    .argument('<slug>')
    .action(async (slug: string, options: OfficeOptions) => {
      const client = connect(options);
      const { id, name } = await bySlug(client, slug);
      const done = await client.retireAuthority({ params: { id } });
      print(options, done, () => `${name} signs no more certificates. Its CRLs and OCSP go on.`);
    });
  for (const command of offlineRootCommands()) authorities.addCommand(command);
  authorities.addCommand(crossCommand());
  return authorities;
}

function withKey(command: Command): Command {
  return command
    .requiredOption('--title <title>', 'what follows the organisation in its name, as "S/MIME Issuing CA 2"')
    .addOption(
      new Option('--key <key>', 'ML-DSA is experimental: few relying parties can check it')
        .choices(AuthorityKey.options)
        .default('p256'),
    );
}

function tree(items: readonly Authority[], issuer: string | null = null, depth = 0): string[] {
  return items
    .filter(({ issuerId }) => issuerId === issuer)
    .flatMap((one) => [
      ...(depth === 0 ? one.outside.toReversed().map((name, index) => `${'   '.repeat(index)}${name} (outside)`) : []),
      `${'   '.repeat(depth + one.outside.length)}${one.name}  [${one.slug}, ${one.keyAlgorithm}${one.experimental ? ' (experimental)' : ''}, ${one.keyPlace === 'offline' ? 'offline, ' : ''}${one.state}, until ${one.notAfter.slice(0, 10)}]`,
      ...tree(items, one.id, depth + 1),
    ]);
}
