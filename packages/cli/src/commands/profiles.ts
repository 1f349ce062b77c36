import { readFileSync } from 'node:fs';
import {
  type CertificatePreview,
  type Client,
  type Profile,
  type ProfileComparison,
  type ProfileDetail,
  ProfileDocument,
} from '@chancery/api';
import { Command } from 'commander';
import { certificateLines, compareLines } from '../certificate-text.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery profiles`: what certificates look like, and what a change would alter. */
export function profilesCommand(): Command {
  const profiles = new Command('profiles').description('certificate profiles: data with versions');

  withOffice(profiles.command('list').description('list the profiles, each in its newest version')).action(
    async (options: OfficeOptions) => {
      const { items } = await connect(options).profiles();
      print(options, items, () => listed(items));
    },
  );

  withOffice(profiles.command('show').description('show one profile and its versions'))
    .argument('<profile>', 'name of the profile')
    .option('--version <number>', 'an older version of the document')
    .option('--document', 'print the document alone, to be edited and applied')
    .action(async (id: string, options: OfficeOptions & { version?: string; document?: boolean }) => {
      const profile = await connect(options).profile({ params: { id } });
      const version = options.version === undefined ? profile.version : Number(options.version);
      const document = versionOf(profile, version);
      if (options.document === true) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
      else print(options, { ...profile, document }, () => shown(profile, version, document));
    });

  withOffice(profiles.command('diff').description('what a changed document would alter; exit code 1 where it does'))
    .argument('<profile>', 'name of the profile')
    .argument('[file]', 'the changed document, JSON; "-" for standard input')
    .option('--version <number>', 'an older version in place of a file')
    .option('--person <address>', 'draw the certificates for this person')
    .action(
      async (id: string, file: string | undefined, options: OfficeOptions & { version?: string; person?: string }) => {
        const client = connect(options);
        const document =
          file === undefined
            ? versionOf(await client.profile({ params: { id } }), wholeNumber(options.version))
            : readDocument(file);
        const comparison = await compare(client, id, document, options.person);
        print(options, comparison, () => compared(id, comparison));
        if (comparison.changes.length > 0) process.exitCode = exitCodes.refused;
      },
    );

  withOffice(profiles.command('preview').description('the certificate that would be issued, with what its lints say'))
    .argument('<profile>', 'name of the profile')
    .argument('[file]', 'a changed document, JSON; "-" for standard input')
    .option('--person <address>', 'draw it for this person')
    .action(async (id: string, file: string | undefined, options: OfficeOptions & { person?: string }) => {
      const client = connect(options);
      const document = file === undefined ? (await client.profile({ params: { id } })).document : readDocument(file);
      const { after } = await compare(client, id, document, options.person);
      print(options, after, () => previewed(after));
      if (isRefused(after)) process.exitCode = exitCodes.refused;
    });

  withOffice(profiles.command('apply').description('apply a document as the next version, to new certificates only'))
    .argument('<profile>', 'name of the profile; a new name makes a new profile')
    .argument('<file>', 'the document, JSON; "-" for standard input')
    .requiredOption('--expect <version>', 'the version that it was made from; 0 for a new profile')
    .option('--note <text>', 'for the audit trail', '')
    .action(async (id: string, file: string, options: OfficeOptions & { expect: string; note: string }) => {
      const body = { document: readDocument(file), expectedVersion: wholeNumber(options.expect), note: options.note };
      said(options, await connect(options).applyProfile({ params: { id }, body }));
    });

  withOffice(profiles.command('restore').description('apply an older version anew, as the next version'))
    .argument('<profile>', 'name of the profile')
    .argument('<version>', 'the version to bring back')
    .requiredOption('--expect <version>', 'the version that is in force')
    .option('--note <text>', 'for the audit trail', '')
    .action(async (id: string, version: string, options: OfficeOptions & { expect: string; note: string }) => {
      const body = { version: wholeNumber(version), expectedVersion: wholeNumber(options.expect), note: options.note };
      said(options, await connect(options).restoreProfile({ params: { id }, body }));
    });

  withOffice(profiles.command('choose').description('issue the certificates of its use by this profile from now on'))
    .argument('<profile>', 'name of the profile')
    .action(async (id: string, options: OfficeOptions) => {
      const client = connect(options);
      const { chosenForUse } = await client.profile({ params: { id } });
      const profile = await client.chooseProfile({ params: { id }, body: { expected: chosenForUse } });
      print(options, profile, () => `Certificates for ${profile.use} are issued by ${id} from now on.`);
    });

  return profiles;
}

async function compare(client: Client, id: string, document: ProfileDocument, address: string | undefined) {
  if (address === undefined) return client.compareProfile({ params: { id }, body: { document } });
  const { items } = await client.people({ query: { search: address, limit: 20 } });
  const person = items.find((one) =>
    [one.address, ...one.aliases].some((a) => a.toLowerCase() === address.toLowerCase()),
  );
  if (person === undefined) throw new CommandError(`Nobody here has the address ${address}.`);
  return client.compareProfile({ params: { id }, body: { document, personId: person.id } });
}

function readDocument(file: string): ProfileDocument {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = ProfileDocument.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CommandError(
    `${file} is no certificate profile. Nothing was changed.`,
    exitCodes.unusable,
    parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
  );
}

function versionOf(profile: ProfileDetail, version: number): ProfileDocument {
  const found = profile.versions.find((one) => one.version === version);
  if (found === undefined) throw new CommandError(`The profile ${profile.id} has no version ${version}.`);
  return found.document;
}

function wholeNumber(text: string | undefined): number {
  if (text !== undefined && /^\d{1,9}$/.test(text)) return Number(text);
  throw new CommandError(text === undefined ? 'Give a file or --version.' : `${text} is not the number of a version.`);
}

function listed(items: readonly Profile[]): string {
  return table(
    ['profile', 'version', 'use', 'chosen', 'good certificates', 'name'],
    items.map((one) => [
      one.id,
      String(one.version),
      one.use,
      one.chosen ? 'yes' : '',
      String(one.certificates),
      one.name,
    ]),
    'The office has not been set up yet.',
  );
}

function shown(profile: ProfileDetail, version: number, document: ProfileDocument): string {
  return [
    `${profile.id}, version ${version} of ${profile.version}: ${document.name}`,
    document.description,
    '',
    table(
      ['version', 'applied', 'by', 'good certificates', 'note'],
      profile.versions.map((one) => [
        String(one.version),
        one.createdAt,
        one.author,
        String(one.certificates),
        [one.restoredFrom === null ? '' : `restores version ${one.restoredFrom}`, one.note].filter(Boolean).join(': '),
      ]),
      '',
    ),
    '',
    JSON.stringify(document, null, 2),
  ].join('\n');
}

function compared(id: string, { version, changes, problems, before, after, affected }: ProfileComparison): string {
  if (changes.length === 0) return `That is what version ${version} of ${id} says.`;
  const lines = (preview: CertificatePreview | null) =>
    preview?.certificate == null ? [] : certificateLines(Buffer.from(preview.certificate, 'base64'));
  return [
    version === 0 ? `A new profile ${id}:` : `Against version ${version} of ${id}:`,
    ...changes.map(({ sentence }) => `  ${sentence}`),
    ...(problems.length > 0 ? ['', 'It cannot be applied:', ...problems.map(({ message }) => `  ${message}`)] : []),
    '',
    `The certificate of ${after.holder}, before and after:`,
    ...compareLines(lines(before), lines(after)).map((line) => `  ${line}`),
    ...(after.refusal === null ? [] : [`  ${after.refusal}`]),
    ...findingLines(after),
    '',
    `${affected.certificates} good certificates of ${affected.people} people stay as they are, and follow at their renewal${affected.waiting > 0 ? `; ${affected.waiting} people who wait for theirs get the new version` : ''}.`,
    ...affected.next.map((one) => `  from ${one.renewFrom.slice(0, 10)}  ${one.holder} (version ${one.version})`),
  ].join('\n');
}

function previewed(preview: CertificatePreview): string {
  const title = `${preview.holder}, with a ${preview.key} key; not signed`;
  if (preview.certificate === null) return `${title}\n${preview.refusal}`;
  return [title, ...certificateLines(Buffer.from(preview.certificate, 'base64')), ...findingLines(preview)].join('\n');
}

function findingLines({ findings, certificate }: CertificatePreview): string[] {
  if (findings.length === 0) return certificate === null ? [] : ['', 'Lints: nothing is wrong.'];
  return [
    '',
    'Lints:',
    ...findings.map(
      ({ lint, message, clause, verdict, reason }) =>
        `  ${verdict.padEnd(8)} ${message} (${clause}) [${lint}]${reason === undefined ? '' : `\n           since: ${reason}`}`,
    ),
  ];
}

const isRefused = ({ certificate, findings }: CertificatePreview): boolean =>
  certificate === null || findings.some(({ verdict }) => verdict === 'blocks');

function said(options: OfficeOptions, profile: ProfileDetail): void {
  print(
    options,
    profile,
    () =>
      `Version ${profile.version} of ${profile.id} is in force for new certificates. Nothing that was issued is altered.`,
  );
}
