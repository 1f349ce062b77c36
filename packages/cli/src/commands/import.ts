import { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { readLists } from '../import/lists.ts';
import { type PasswordOptions, readPasswords } from '../import/passwords.ts';
import { importCertificates, importKeys, type Run } from '../import/run.ts';
import { Tally } from '../import/tally.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

interface ImportOptions extends OfficeOptions {
  readonly dryRun?: boolean;
  readonly createPeople?: boolean;
  readonly crl: string[];
  readonly issuer: string[];
}

/** `chancery import`: what another office issued, so that people keep reading old mail. */
export function importCommand(): Command {
  const command = new Command('import').description(
    'take in certificates and encryption keys that another office issued; may be repeated, and goes on where it was',
  );

  withImport(
    command
      .command('certificates')
      .description('certificates: each goes to the person whose address it names')
      .argument(
        '<path...>',
        'files and folders: DER, PEM bundles, PKCS#7 (.p7b), CSV of "certutil -view", JSON of EJBCA, LDIF',
      ),
  ).action(async (paths: string[], options: ImportOptions) => {
    const run = runOf(paths, options, 'certificates');
    await importCertificates(run);
    finish(run);
  });

  withImport(
    command
      .command('keys')
      .description(
        'encryption keys with their certificates: into escrow, each for the person whose address its certificate names; signing keys are refused',
      )
      .argument('<path...>', 'files and folders: PKCS#12 (.p12, .pfx), and PEM keys with their certificates'),
  )
    .option(
      '--password-file <file>',
      'passwords, one a line: each is tried on every file (default: CHANCERY_P12_PASSWORD, or asked for)',
    )
    .option('--passwords <file>', 'CSV of two columns, file and password')
    .action(async (paths: string[], options: ImportOptions & PasswordOptions) => {
      const run = runOf(paths, options, 'keys');
      await importKeys(run, await readPasswords(options));
      finish(run);
    });

  withOffice(command.command('list').description('list what was imported, the last first'))
    .option('--search <text>', 'part of a subject, address or issuer, or a serial number')
    .action(async (options: OfficeOptions & { search?: string }) => {
      const query = { limit: 500, ...(options.search === undefined ? {} : { search: options.search }) };
      const page = await connect(options).importedCertificates({ query });
      print(options, page, () =>
        table(
          ['id', 'address', 'use', 'state', 'not after', 'key', 'issuer'],
          page.items.map((one) => [
            one.id,
            one.address ?? '',
            one.alsoSigns ? 'encryption, signing' : one.use,
            one.state,
            one.notAfter.slice(0, 10),
            one.escrowedKeyId === null ? '' : 'in escrow',
            one.issuer,
          ]),
          'Nothing was imported yet.',
        ),
      );
    });

  return command;
}

function withImport(command: Command): Command {
  return withOffice(command)
    .option('--dry-run', 'say what would happen, and change nothing')
    .option('--create-people', 'whoever has an address that nobody here has joins the office')
    .option('--crl <file...>', "the other office's revocation lists: what they name comes in as revoked", [])
    .option('--issuer <file...>', "certificates of the lists' issuers, to check their signatures", []);
}

function runOf(paths: readonly string[], options: ImportOptions, what: string): Run {
  return {
    client: connect(options),
    paths,
    dryRun: options.dryRun === true,
    createPeople: options.createPeople === true,
    lists: readLists(options),
    tally: new Tally({ json: options.json === true, what }),
  };
}

function finish({ tally, dryRun }: Run): void {
  tally.finish(dryRun);
  if (tally.failed) process.exitCode = exitCodes.refused;
}
