import { readFileSync, writeFileSync } from 'node:fs';
import type { AuditRecord, Client } from '@chancery/api';
import { verifyExportedTrail } from '@chancery/authority';
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

  withOffice(audit.command('verify').description('check that no record was altered, removed or reordered'))
    .argument('[file]', 'an export; without it, the running office checks its own trail')
    .action(async (file: string | undefined, options: OfficeOptions) => {
      const verdict = file === undefined ? await connect(options).verifyAudit() : verifyExportedTrail(readExport(file));
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
