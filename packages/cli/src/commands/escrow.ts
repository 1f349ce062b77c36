import { readFileSync, writeFileSync } from 'node:fs';
import type { Client } from '@chancery/api';
import { Command, Option } from 'commander';
import { writeExport } from '../disaster/export-file.ts';
import { type OfflineOptions, openOffline } from '../disaster/open-offline.ts';
import { verifyLog } from '../disaster/opening-log.ts';
import { CommandError } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';
import { describePreview, describeRequest, describeSteps } from '../recovery/describe.ts';
import { newRequest, type RequestOptions, withRequestOptions } from '../recovery/new-request.ts';
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
  addReading(escrow);
  addAsking(escrow);
  addSteps(escrow);
  addDeciding(escrow);
  addReleasing(escrow);
  addDrill(escrow);
  addOffline(escrow);
  escrow.addCommand(archiveCommand());
  escrow.addCommand(retentionCommand());
  escrow.addCommand(legalHoldCommand());
  return escrow;
}

function addReading(escrow: Command): void {
  withOffice(escrow.command('list').description('list recovery requests')).action(async (options: OfficeOptions) => {
    const page = await connect(options).recoveryRequests({ query: { limit: 500 } });
    print(options, page, () =>
      table(
        ['id', 'state', 'approvals', 'whose keys', 'leaves as', 'reason', 'expires'],
        page.items.map((one) => [
          one.id,
          one.state,
          `${one.approvedBy.length} of ${one.threshold}`,
          one.people.length === 1 ? (one.people[0]?.address ?? '') : `${one.people.length} people`,
          one.delivery,
          one.reason,
          one.expiresAt,
        ]),
        'No recovery requests.',
      ),
    );
  });

  withOffice(escrow.command('show').description('a request, its rules, and what is missing until it is released'))
    .argument('<id>')
    .action(async (id: string, options: OfficeOptions) => {
      const request = await connect(options).recoveryRequest({ params: { id } });
      print(options, request, () => describeRequest(request));
    });
}

function addAsking(escrow: Command): void {
  withRequestOptions(withOffice(escrow.command('request').description('ask for lost encryption keys')))
    .option('--dry-run', 'show which keys and under which rules, and ask for nothing')
    .action(async (options: OfficeOptions & RequestOptions & { dryRun?: boolean }) => {
      const client = connect(options);
      const body = await newRequest(client, options);
      if (options.dryRun === true) {
        const preview = await client.previewRecovery({ body });
        print(options, preview, () => describePreview(preview));
        return;
      }
      const request = await client.requestRecovery({ body });
      print(options, request, () => `${describeRequest(request)}\n\nRequest ${request.id} is open.`);
    });

  withOffice(escrow.command('tell').description('tell its owners of a request that was kept from them'))
    .argument('<id>')
    .requiredOption('--reason <text>', 'for the audit trail')
    .action(async (id: string, options: OfficeOptions & { reason: string }) => {
      const body = { reason: options.reason };
      const request = await connect(options).tellSubjects({ params: { id }, body });
      print(options, request, () => 'They are told.');
    });
}

interface StepOptions extends OfficeOptions {
  readonly who?: string;
  readonly managerAddress?: string;
  readonly of: 'subject' | 'requester';
  readonly how: 'other';
  readonly evidence?: string;
}

function addSteps(escrow: Command): void {
  withOffice(
    escrow.command('steps').description('what is recorded beside the officers; or record a step, as an operator'),
  )
    .argument('<id>')
    .argument('[step]', 'identity or manager: record it')
    .option('--who <name>', 'who checked, or the manager who agrees')
    .option('--manager-address <address>', "the manager's address")
    .addOption(new Option('--of <whom>', 'whose identity').choices(['subject', 'requester']).default('subject'))
    .addOption(
      new Option('--how <way>', 'how they were satisfied')
        .choices(['in-person', 'video', 'call-back', 'document', 'signed-mail', 'ticket', 'other'])
        .default('other'),
    )
    .option('--evidence <text>', 'what was seen or heard, and where it is kept')
    .action(async (id: string, step: string | undefined, options: StepOptions) => {
      const client = connect(options);
      const request =
        step === undefined ? await client.recoveryRequest({ params: { id } }) : await record(client, id, step, options);
      print(options, request.steps, () => describeSteps(request).join('\n') || 'No step is needed, and none recorded.');
    });
}

async function record(client: Client, id: string, step: string, options: StepOptions) {
  const { who, managerAddress, of, how, evidence } = options;
  if (who === undefined || evidence === undefined) {
    throw new CommandError('A step needs --who and --evidence. Nothing was recorded.');
  }
  const params = { id };
  const { digest } = await client.recoveryRequest({ params });
  if (step === 'identity') return client.checkIdentity({ params, body: { digest, of, who, how, evidence } });
  if (step !== 'manager') throw new CommandError('A step is identity or manager. Nothing was recorded.');
  if (managerAddress === undefined) {
    throw new CommandError("A manager's approval needs --manager-address. Nothing was recorded.");
  }
  const manager = { name: who, address: managerAddress };
  return client.recordManagerApproval({ params, body: { digest, manager, how, evidence } });
}

function addDeciding(escrow: Command): void {
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
        const request = await decideAs(client, key, id, decision, options.note, memory, showProgress());
        writeTrailMemory(options.shareKey, memory);
        print(options, request, () => `Recorded. The request is ${request.state}.`);
      });
  }
}

function addReleasing(escrow: Command): void {
  withOffice(escrow.command('release').description('release what was approved, once'))
    .argument('<id>')
    .option('--out <file>', 'where to write it; nothing is written where it goes to the owner')
    .option('--message <file...>', 'all messages that the request names, to be decrypted', [])
    .action(async (id: string, options: OfficeOptions & { out?: string; message: string[] }) => {
      const client = connect(options);
      const params = { id };
      const { delivery } = await client.recoveryRequest({ params });
      if (delivery.kind === 'owner') {
        const { links } = await client.releaseToOwner({ params });
        print(options, { links }, () =>
          links
            .map(({ name, address, expiresAt }) => `${name} <${address}> gets a link, good until ${expiresAt}.`)
            .join('\n'),
        );
        return;
      }
      const { out } = options;
      if (out === undefined) throw new CommandError('Say where to write it: --out FILE. Nothing was released.');
      const { data, mediaType, ...more } =
        delivery.kind === 'decrypt'
          ? await client.releaseMessages({ params, body: { messages: readMessages(options.message) } })
          : { ...(await client.releaseKey({ params })), notOpened: [] };
      writeFileSync(out, Buffer.from(data, 'base64'), { mode: 0o600 });
      const { notOpened } = more;
      print(options, { file: out, mediaType, ...('opened' in more && { opened: more.opened, notOpened }) }, () =>
        [`${out} (${mediaType})`, ...notOpened.map((sha256) => `${sha256} opens with none of these keys.`)].join('\n'),
      );
    });

  withOffice(escrow.command('password').description('the PKCS#12 password, once, as an officer who approved'))
    .argument('<id>')
    .action(async (id: string, options: OfficeOptions) => {
      const told = await connect(options).releasePassword({ params: { id } });
      print(options, told, () => told.password);
    });
}

function addDrill(escrow: Command): void {
  withOffice(
    escrow
      .command('drill')
      .description('prove that keys in escrow open: begin a drill, or contribute to the open one as an officer'),
  )
    .option('--records <number>', 'how many keys to draw (default: as configured)', Number)
    .option('--share-key <file>', 'contribute with your share key')
    .option('--accept-attested', 'open keys, too, from before there were proofs of whose they are')
    .option('--passphrase-file <file>', 'with its passphrase (default: CHANCERY_SHARE_PASSPHRASE, or it is asked for)')
    .action(
      async (options: OfficeOptions & Partial<ShareKeyOptions> & { records?: number; acceptAttested?: boolean }) => {
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
        const { round } = await contributeAs(client, key, open, never, {
          acceptAttested: options.acceptAttested === true,
        });
        print(options, round, () => describeRound(round));
      },
    );
}

/** The worst day: without an office. */
function addOffline(escrow: Command): void {
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

  withOffice(
    escrow
      .command('report-opening')
      .description('tell the office what was opened without it: its audit trail keeps the log, and owners are told'),
  )
    .argument('<file>', 'the log, whole and as it was written; what is known already is left alone')
    .action(async (file: string, options: OfficeOptions) => {
      const { lines, problem } = verifyLog(file);
      if (problem !== null) throw new CommandError(`${problem} Nothing was told.`, 1);
      const client = connect(options);
      const told = { recorded: 0, known: 0 };
      for (let from = 0; from < lines.length; from += REPORTED_AT_ONCE) {
        const { recorded, known } = await client.reportOpenings({
          body: { lines: lines.slice(from, from + REPORTED_AT_ONCE) },
        });
        told.recorded += recorded;
        told.known += known;
      }
      print(options, told, () => `${told.recorded} entries are on the audit trail now; ${told.known} were before.`);
    });
}

/** A line of a large batch has many thousand octets. */
const REPORTED_AT_ONCE = 5;

function readMessages(files: readonly string[]): string[] {
  if (files.length === 0) {
    throw new CommandError('Hand in the messages that the request names: --message FILE. Nothing was released.');
  }
  return files.map((file) => readFileSync(file).toString('base64'));
}

/** On a terminal: how much of an officer's part is computed. Silent for what is done at once. */
function showProgress(): (share: number) => void {
  const began = Date.now();
  let shown = -1;
  return (share) => {
    const percent = Math.floor(share * 100);
    if (!process.stderr.isTTY || percent === shown || Date.now() - began < 500) return;
    shown = percent;
    process.stderr.write(`\rComputing your part: ${percent} %${percent === 100 ? '\n' : ''}`);
  };
}
