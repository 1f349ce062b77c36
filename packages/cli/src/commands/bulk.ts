import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { derToPem } from '@chancery/smime';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type BulkRequest, identifierOf, readRequests } from '../bulk/requests.ts';
import { type Item, itemsOf, submit } from '../bulk/submit.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { connect, type OfficeOptions, withOffice } from '../office.ts';
import { print } from '../output.ts';

interface BulkOptions extends OfficeOptions {
  readonly id?: string;
  readonly note: string;
  readonly keyOrigin: BulkRequest['keyOrigin'];
  readonly out?: string;
  readonly retry?: boolean;
  readonly patience: number;
}

/** `chancery certificates bulk`: signing certificates for many requests. */
export function bulkCommand(): Command {
  return withOffice(new Command('bulk').description('signing certificates for many requests; run again, it goes on'))
    .argument(
      '<file>',
      'CSV with the columns address,csr[,key_origin], or JSON Lines {"address","csr","keyOrigin"}; csr is a path or PEM',
    )
    .option(
      '--id <uuid>',
      'of the batch (default: it follows from the requests, so that the same file is the same batch)',
      uuid,
    )
    .option('--note <text>', 'for whoever looks at the batch', '')
    .addOption(
      new Option('--key-origin <origin>', 'where the keys are, if the file does not say')
        .choices(['device', 'browser', 'gateway'])
        .default('device'),
    )
    .option('--out <file>', 'what became of each, with certificates in PEM, as JSON Lines')
    .option('--retry', 'try again what failed before')
    .option('--patience <seconds>', 'how long an office that does not answer is waited for', seconds, 300)
    .action(async (file: string, options: BulkOptions) => {
      const requests = readRequests(file, options.keyOrigin);
      const id = options.id ?? identifierOf(requests);
      const client = connect(options);
      const waiting = {
        say: (line: string) => options.json !== true && process.stderr.write(`${line}\n`),
        patience: options.patience * 1000,
        sleep,
      };
      const settled = await submit(
        client,
        id,
        requests,
        { note: options.note, retry: options.retry === true },
        waiting,
      );
      const items = (await itemsOf(client, id, waiting)).map((item) => outcomeOf(item, requests));
      if (options.out !== undefined) writeOut(options.out, items);
      const failed = items.filter(({ state }) => state !== 'issued');
      print(options, { ...settled, items: items.map(({ certificate: _, ...rest }) => rest) }, () =>
        [
          ...failed.map(({ line, address, state, error }) => `line ${line}: ${address}: ${error ?? state}`),
          `Batch ${id}: ${settled.issued} of ${settled.total} issued${failed.length > 0 ? `, ${failed.length} not. Mend what is wrong and run it again with --retry` : ''}.`,
        ].join('\n'),
      );
      if (failed.length > 0) process.exitCode = exitCodes.refused;
    });
}

interface Outcome extends Pick<Item, 'address' | 'state' | 'error' | 'serialNumber'> {
  /** Of the file that was read. */
  readonly line: number | null;
  /** PEM. */
  readonly certificate: string | null;
}

function outcomeOf({ position, certificate, ...item }: Item, requests: readonly BulkRequest[]): Outcome {
  const { address, state, error, serialNumber } = item;
  return {
    line: requests[position]?.line ?? null,
    ...{ address, state, error, serialNumber },
    certificate: certificate && derToPem(Buffer.from(certificate, 'base64'), 'CERTIFICATE'),
  };
}

/** Anew each time: what a run that was killed left there is less. */
function writeOut(file: string, items: readonly Outcome[]): void {
  try {
    writeFileSync(file, items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  } catch (error) {
    throw new CommandError(
      `${file} cannot be written: ${(error as Error).message}. The certificates are issued: run it again with another --out.`,
    );
  }
}

function uuid(text: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
  throw new InvalidArgumentError('It is a UUID, in lower case.');
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0 && value <= 86_400) return value;
  throw new InvalidArgumentError('It is a number of seconds, a day at most.');
}
