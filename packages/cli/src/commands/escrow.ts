import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { writeExport } from '../disaster/export-file.ts';
import { type OfflineOptions, openOffline } from '../disaster/open-offline.ts';
import { verifyLog } from '../disaster/opening-log.ts';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';
import { describeRound } from '../vault/rounds.ts';
import { openShareKeyFile, type ShareKeyOptions } from '../vault/share-key-file.ts';
import { contributeAs, decideAs } from '../vault/take-part.ts';
import { readTrailMemory, writeTrailMemory } from '../vault/trail-memory.ts';
import { archiveCommand } from './device-key.ts';
import { legalHoldCommand } from './legal-hold.ts';
import { retentionCommand } from './retention.ts';

interface Decision {
  readonly note: string;
  readonly acceptAttested?: boolean;
}

/** `chancery escrow`: recovery requests. Whoever asks or approves does so as an operator: `CHANCERY_TOKEN`, never the local token. */
export function escrowCommand(): Command {
  const escrow = new Command('escrow').description('recovery of escrowed encryption keys');

  withOffice(escrow.command('list').description('list recovery requests')).action(async (options: OfficeOptions) => {
    const page = await connect(options).recoveryRequests({ query: { limit: 500 } });
    print(options, page, () =>
      table(
        ['id', 'state', 'approvals', 'person', 'reason', 'expires'],
        page.items.map((one) => [
          one.id,
          one.state,
          `${one.decisions.filter((decision) => decision.decision === 'approve').length} of ${one.threshold}`,
          one.personAddress,
          one.reason,
          one.expiresAt,
        ]),
        'No recovery requests.',
      ),
    );
  });

  withOffice(escrow.command('request').description('ask for a lost encryption key'))
    .requiredOption('--address <address>', 'whose key')
    .addOption(
      new Option('--reason <reason>')
        .choices(['lost-device', 'forgotten-password', 'departed-employee', 'legal-hold', 'investigation', 'other'])
        .makeOptionMandatory(),
    )
    .requiredOption('--explanation <text>', 'what the officers need to know')
    .option('--case <number>', 'case number', '')
    .option('--to-certificate <file>', 'deliver re-wrapped to this certificate (PEM) instead of as PKCS#12')
    .action(
      async (
        options: OfficeOptions & {
          address: string;
          reason: 'other';
          explanation: string;
          case: string;
          toCertificate?: string;
        },
      ) => {
        const client = connect(options);
        const page = await client.people({ query: { search: options.address, limit: 500 } });
        const person = page.items.find((one) => one.address.toLowerCase() === options.address.toLowerCase());
        if (person === undefined) throw new CommandError(`Nobody here has the address ${options.address}.`);
        const { readFileSync } = await import('node:fs');
        const request = await client.requestRecovery({
          body: {
            personId: person.id,
            reason: options.reason,
            explanation: options.explanation,
            caseNumber: options.case,
            delivery:
              options.toCertificate === undefined
                ? { kind: 'pkcs12' }
                : { kind: 'certificate', certificate: readFileSync(options.toCertificate, 'utf8') },
          },
        });
        print(
          options,
          request,
          () =>
            `Request ${request.id} is open until ${request.expiresAt}. ${request.threshold} recovery officers must approve it.`,
        );
      },
    );

  for (const decision of ['approve', 'reject'] as const) {
    withOffice(escrow.command(decision).description(`${decision} a recovery request, as a recovery officer`))
      .argument('<id>')
      .requiredOption('--share-key <file>', 'your share key, as at the ceremony')
      .option(
        '--passphrase-file <file>',
        'with its passphrase (default: CHANCERY_SHARE_PASSPHRASE, or it is asked for)',
      )
      .option('--note <text>', 'for the audit trail', '')
      .option('--accept-attested', 'open keys, too, from before there were proofs of whose they are')
      .action(async (id: string, options: OfficeOptions & ShareKeyOptions & Decision) => {
        const client = connect(options);
        const key = await openShareKeyFile(options);
        const memory = { ...readTrailMemory(options.shareKey), acceptAttested: options.acceptAttested === true };
        const request = await decideAs(client, key, id, decision, options.note, memory);
        writeTrailMemory(options.shareKey, memory);
        print(options, request, () => `Recorded. The request is ${request.state}.`);
      });
  }

  withOffice(escrow.command('release').description('release an approved key, once'))
    .argument('<id>')
    .requiredOption('--out <file>', 'where to write it')
    .action(async (id: string, options: OfficeOptions & { out: string }) => {
      const release = await connect(options).releaseKey({ params: { id } });
      writeFileSync(options.out, Buffer.from(release.data, 'base64'), { mode: 0o600 });
      print(
        options,
        { file: options.out, mediaType: release.mediaType },
        () => `${options.out} (${release.mediaType})`,
      );
    });

  withOffice(escrow.command('password').description('the PKCS#12 password, once, as an officer who approved'))
    .argument('<id>')
    .action(async (id: string, options: OfficeOptions) => {
      const told = await connect(options).releasePassword({ params: { id } });
      print(options, told, () => told.password);
    });

  escrow.addCommand(archiveCommand());
  escrow.addCommand(retentionCommand());
  escrow.addCommand(legalHoldCommand());
  withOffice(
    escrow
      .command('drill')
      .description('prove that keys in escrow open: begin a drill, or contribute to the open one as an officer'),
  )
    .option('--records <number>', 'how many keys to draw (default: as configured)', Number)
    .option('--share-key <file>', 'contribute with your share key')
    .option('--passphrase-file <file>', 'with its passphrase (default: CHANCERY_SHARE_PASSPHRASE, or it is asked for)')
    .action(async (options: OfficeOptions & Partial<ShareKeyOptions> & { records?: number }) => {
      const client = connect(options);
      const open = (await client.vault()).rounds.find(({ kind }) => kind === 'drill');
      const { shareKey, records } = options;
      if (shareKey === undefined) {
        const round = open ?? (await client.beginDrill({ body: { ...(records !== undefined && { records }) } }));
        print(options, round, () => describeRound(round));
        return;
      }
      if (open === undefined || open.yours === 0)
        throw new CommandError('No drill waits for you. Nothing was done.', 1);
      const key = await openShareKeyFile({ ...options, shareKey });
      const never = () => Promise.reject(new CommandError('A drill moves nothing to another vault.'));
      const { round } = await contributeAs(client, key, open, never);
      print(options, round, () => describeRound(round));
    });

  withOffice(
    escrow
      .command('export')
      .description(
        'write all that opens escrowed keys without an office: sealed; keep it with the backups of the key store',
      ),
  )
    .requiredOption('--out <file>', 'where to write it (JSON Lines)')
    .action(async (options: OfficeOptions & { out: string }) => {
      const written = await writeExport(connect(options), options.out);
      print(
        options,
        { file: options.out, ...written },
        () => `${written.keys} keys in ${options.out}. Digest, to be kept elsewhere: ${written.digest}`,
      );
    });

  escrow
    .command('open')
    .description('open keys out of an export with a quorum’s share keys and the key store: no office is needed')
    .requiredOption('--offline', 'that this is meant')
    .requiredOption('--export <file>', 'of chancery escrow export')
    .requiredOption('--share-key <file...>', "officers' share keys, as many as the threshold")
    .option('--passphrase-file <file...>', 'with their passphrases, in the same order (default: each is asked for)', [])
    .option('--person <address...>', 'whose keys', [])
    .option('--record <id...>', 'which escrowed keys', [])
    .option('--kek-folder <folder>', 'the software key store of the office: the folder keys')
    .option('--kek-secret-file <file>', 'what unseals it: keys.secret')
    .option('--kek-module <file>', 'the PKCS#11 module of the token that holds the key-encryption key')
    .option('--kek-token <label>', 'its label')
    .option('--kek-pin-file <file>', 'with its PIN')
    .requiredOption('--reason <text>', 'for the log')
    .option('--password-file <file>', 'with the password of the PKCS#12 files (default: it is asked for)')
    .requiredOption('--out <folder>', 'where to write the PKCS#12 files')
    .option('--log <file>', 'where to write what was opened (default: openings.jsonl in that folder)')
    .option('--json', 'print JSON')
    .action(async (options: OfflineOptions & { json?: boolean }) => {
      const done = await openOffline(options);
      print(options, done, () =>
        [...done.files, `What was opened stands in ${done.log}: keep it, and give it to the office.`].join('\n'),
      );
    });

  escrow
    .command('log')
    .description('check the log of what was opened without an office')
    .argument('<file>')
    .option('--json', 'print JSON')
    .action((file: string, options: { json?: boolean }) => {
      const { entries, problem } = verifyLog(file);
      print(options, { entries, problem }, () =>
        table(
          ['at', 'event', 'keys of', 'officers', 'detail'],
          entries.map(({ at, event, keys, officers, detail }) => [
            at,
            event,
            keys.map(({ person }) => person).join(', '),
            officers.map(({ name }) => name).join(', '),
            detail,
          ]),
          'No entries.',
        ),
      );
      if (problem !== null) throw new CommandError(`${problem} What stands before it is as it was written.`, 1);
    });

  return escrow;
}
