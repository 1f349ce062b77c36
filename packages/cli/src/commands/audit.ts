import { readFileSync, writeFileSync } from 'node:fs';
import type { AuditRecord, Client } from '@chancery/api';
import { type KeptCheckpoints, verifyExportedTrail } from '@chancery/authority';
import { parseVerifierKey } from '@chancery/trail';
import { Command } from 'commander';
import { CommandError, exitCodes } from '../exit-codes.ts';
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
    .action(async (file: string, options: OfficeOptions) => {
      const lines: string[] = [];
      for await (const record of everyRecord(connect(options))) lines.push(JSON.stringify(record));
      const text = lines.map((line) => `${line}\n`).join('');
      if (file === '-') process.stdout.write(text);
      else {
        writeFileSync(file, text);
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
    audit
      .command('verify')
      .description('check that no record was altered, removed, reordered, cut off or written anew'),
  )
    .argument('[file]', 'an export; without it, the running office checks its own trail')
    .option('--checkpoints <file>', 'with an export: checkpoints that were kept elsewhere')
    .option('--key <key...>', "with checkpoints: the office's verifier key, as it was noted", [])
    .action(async (file: string | undefined, options: OfficeOptions & { checkpoints?: string; key: string[] }) => {
      const verdict =
        file === undefined
          ? await connect(options).verifyAudit()
          : verifyExportedTrail(readExport(file), keptCheckpoints(options));
      print(options, verdict, () => verdict.message);
      if (!verdict.intact) process.exitCode = exitCodes.refused;
    });

  return audit;
}

async function* everyRecord(client: Client): AsyncGenerator<AuditRecord> {
  let after: string | undefined;
  for (;;) {
    const page = await client.auditExport({ query: { limit: 500, ...(after === undefined ? {} : { after }) } });
    yield* page.items;
    if (page.next === null) return;
    after = page.next;
  }
}

function readExport(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** A checkpoint without a key to check it by proves nothing, so one is asked for. */
function keptCheckpoints({ checkpoints, key }: { checkpoints?: string; key: string[] }): KeptCheckpoints {
  if (checkpoints === undefined) return { notes: [], keys: [] };
  if (key.length === 0)
    throw new CommandError("Give --key, the office's verifier key as it was noted. Nothing was checked.");
  const lines = readExport(checkpoints)
    .split('\n')
    .filter((line) => line.trim() !== '');
  try {
    return {
      notes: lines.map((line) => noteOf(JSON.parse(line))),
      keys: key.map(parseVerifierKey),
    };
  } catch (error) {
    const why = error instanceof RangeError ? error.message : `${checkpoints} is not a file of checkpoints.`;
    throw new CommandError(`${why} Nothing was checked.`);
  }
}

function noteOf(checkpoint: { readonly note?: unknown } | null): string {
  if (typeof checkpoint?.note !== 'string') throw new TypeError('not a checkpoint');
  return checkpoint.note;
}
