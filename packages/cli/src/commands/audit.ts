import { readFileSync, writeFileSync } from 'node:fs';
import type { AuditRecord, Client } from '@chancery/api';
import { type KeptCheckpoints, verifyEvidence, verifyExportedTrail } from '@chancery/authority';
import { type Certificate, parseCertificate, pemBlocks, SmimeError } from '@chancery/smime';
import { parseVerifierKey, verifyRecordFile } from '@chancery/trail';
import { Command } from 'commander';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { readKeptNotes } from '../kept-notes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print, table } from '../output.ts';

/** `chancery audit`: read, export and verify the audit trail. */
export function auditCommand(): Command {
  const audit = new Command('audit').description('the tamper-evident audit trail');

  withOffice(audit.command('list').description('the latest records, newest first'))
    .option('--subject <subject>', 'only about this, for example person:<id>')
    .option('--limit <n>', 'how many', Number, 50)
    .action(async (options: OfficeOptions & { subject?: string; limit: number }) => {
      const page = await connect(options).auditRecords({
        query: { limit: options.limit, ...(options.subject === undefined ? {} : { subject: options.subject }) },
      });
      print(options, page, () =>
        table(
          ['#', 'at', 'who', 'action', 'outcome', 'about'],
          page.items.map((one) => [
            String(one.sequence),
            one.at,
            one.actorName,
            one.action,
            one.outcome,
            one.subject ?? '',
          ]),
          'No records.',
        ),
      );
    });

  withOffice(audit.command('export').description('write the whole trail as JSON Lines, oldest first'))
    .argument('<file>', '"-" for standard output')
    .option('--after <sequence>', 'only what comes after that record, to be added to an earlier export')
    .action(async (file: string, options: OfficeOptions & { after?: string }) => {
      const lines: string[] = [];
      for await (const record of everyRecord(connect(options), options.after)) lines.push(JSON.stringify(record));
      const text = lines.map((line) => `${line}\n`).join('');
      if (file === '-') process.stdout.write(text);
      else {
        writeFileSync(file, text, { flag: options.after === undefined ? 'w' : 'a' });
        print(options, { file, records: lines.length }, () => `${lines.length} records in ${file}`);
      }
    });

  withOffice(
    audit
      .command('checkpoints')
      .description('write the signed checkpoints, to be kept where nobody of the office reaches'),
  )
    .argument('<file>', 'JSON Lines with a note each; "-" for standard output')
    .action(async (file: string, options: OfficeOptions) => {
      const client = connect(options);
      const lines: string[] = [];
      let keys: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await client.auditCheckpoints({
          query: { limit: 500, ...(after === undefined ? {} : { after }) },
        });
        lines.push(...page.items.map((one) => `${JSON.stringify(one)}\n`));
        keys = page.keys;
        if (page.next === null) break;
        after = page.next;
      }
      if (file === '-') process.stdout.write(lines.join(''));
      else {
        writeFileSync(file, lines.join(''));
        print(options, { file, checkpoints: lines.length, keys }, () =>
          [`${lines.length} checkpoints in ${file}. Note the key that signs them, elsewhere:`, ...keys].join('\n'),
        );
      }
    });

  withOffice(
    audit.command('targets').description('witnesses and collectors, and how far the trail has got there'),
  ).action(async (options: OfficeOptions) => {
    const targets = await connect(options).auditTargets();
    print(options, targets, () =>
      table(
        ['target', 'kind', 'reached', 'at', 'error'],
        targets.items.map((one) => [
          `${one.what}:${one.name}`,
          one.kind,
          `${one.reached} of ${targets.size}`,
          one.reachedAt ?? 'never',
          one.error ?? '',
        ]),
        'The configuration names no witness and no collector ([audit.witness], [audit.export]).',
      ),
    );
  });

  withOffice(
    audit
      .command('verify')
      .description('check that no record was altered, removed, reordered, cut off or written anew'),
  )
    .argument('[file]', 'an export; without it, the running office checks its own trail')
    .option(
      '--checkpoints <file>',
      'with an export: checkpoints that were kept elsewhere: a witness’s file, a note, or its mails as they stand',
    )
    .option('--key <key...>', "with checkpoints: the office's verifier key, as it was noted", [])
    .option('--witness-key <key...>', 'with checkpoints: a witness that must have cosigned one of them', [])
    .action(async (file: string | undefined, options: OfficeOptions & Kept) => {
      const verdict =
        file === undefined
          ? await connect(options).verifyAudit()
          : verifyExportedTrail(readExport(file), keptCheckpoints(options));
      print(options, verdict, () => verdict.message);
      if (!verdict.intact) process.exitCode = exitCodes.refused;
    });

  withOffice(
    audit
      .command('check-records')
      .description('check the records that a person saved from their own page, without any office'),
  )
    .argument('<file>', 'as it was saved')
    .option('--key <key...>', "the office's verifier key, as it was noted; without it, the one in the file", [])
    .action((file: string, options: OfficeOptions & { key: string[] }) => {
      const verdict = verifyRecordFile(readExport(file), options.key.length === 0 ? undefined : readKeys(options.key));
      print(options, verdict, () => verdict.message);
      if (!verdict.intact) process.exitCode = exitCodes.refused;
    });

  withOffice(
    audit
      .command('verify-bundle')
      .description(
        'check a bundle of evidence about a person, without any office: signatures, proofs, revocation lists, time stamp',
      ),
  )
    .argument('<file>', 'as "chancery person evidence" wrote it')
    .option('--key <key...>', "the office's verifier key, as it was noted; without it, the one in the file", [])
    .option('--root <file>', "the office's root, PEM: the signature must lead to it")
    .option('--tsa <file>', 'what the time stamp must lead to, PEM, where an authority elsewhere made it')
    .action(async (file: string, options: OfficeOptions & { key: string[]; root?: string; tsa?: string }) => {
      const verdict = await verifyEvidence(readOctets(file), {
        keys: options.key.length === 0 ? undefined : readKeys(options.key),
        roots: options.root === undefined ? undefined : readCertificates(options.root),
        stampers: options.tsa === undefined ? undefined : readCertificates(options.tsa),
      });
      print(options, verdict, () => verdict.message);
      if (!verdict.intact) process.exitCode = exitCodes.refused;
    });

  return audit;
}

function readKeys(texts: readonly string[]) {
  try {
    return texts.map(parseVerifierKey);
  } catch (error) {
    throw new CommandError(`${(error as Error).message} Nothing was checked.`);
  }
}

function readCertificates(file: string): Certificate[] {
  try {
    const blocks = pemBlocks(readExport(file)).filter(({ label }) => label === 'CERTIFICATE');
    if (blocks.length === 0) throw new CommandError(`${file} holds no certificate in PEM. Nothing was checked.`);
    return blocks.map(({ der }) => parseCertificate(der));
  } catch (error) {
    if (error instanceof SmimeError)
      throw new CommandError(`${file} cannot be used: ${error.message}. Nothing was checked.`);
    throw error;
  }
}

async function* everyRecord(client: Client, from?: string): AsyncGenerator<AuditRecord> {
  let after = from;
  for (;;) {
    const page = await client.auditExport({ query: { limit: 500, ...(after === undefined ? {} : { after }) } });
    yield* page.items;
    if (page.next === null) return;
    after = page.next;
  }
}

function readOctets(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function readExport(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

interface Kept {
  readonly checkpoints?: string;
  readonly key: string[];
  readonly witnessKey: string[];
}

/** A checkpoint without a key to check it by proves nothing, so one is asked for. */
function keptCheckpoints({ checkpoints, key, witnessKey }: Kept): KeptCheckpoints {
  if (checkpoints === undefined) {
    if (witnessKey.length === 0) return { notes: [], keys: [] };
    throw new CommandError('Give --checkpoints, what the witness has cosigned. Nothing was checked.');
  }
  if (key.length === 0)
    throw new CommandError("Give --key, the office's verifier key as it was noted. Nothing was checked.");
  try {
    const notes = readKeptNotes(Buffer.from(readExport(checkpoints), 'utf8'));
    if (notes.length === 0) throw new TypeError('no note');
    return { notes, keys: key.map(parseVerifierKey), witnesses: witnessKey.map(parseVerifierKey) };
  } catch (error) {
    const why = error instanceof RangeError ? error.message : `${checkpoints} is not a file of checkpoints.`;
    throw new CommandError(`${why} Nothing was checked.`);
  }
}
