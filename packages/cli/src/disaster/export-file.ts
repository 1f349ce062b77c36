/** The export of the escrow as a file: JSON Lines, each line canonical, the last one with the digest of all before it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Client } from '@chancery/api';
import { type EscrowExport, EscrowExportLine } from '@chancery/authority';
import { canonical } from '@chancery/vault';
import { CommandError } from '../exit-codes.ts';
import { writeOutPieces } from '../write-output.ts';

type ExportedRecord = EscrowExport['records'][number];
type ExportedVault = EscrowExport['vaults'][number];

/** @returns how many keys are in it, and its digest (SHA-256, hexadecimal) */
export async function writeExport(client: Client, file: string): Promise<{ keys: number; digest: string }> {
  const hash = createHash('sha256');
  let [lines, keys, digest] = [0, 0, ''];
  const pieces = async function* () {
    for (let after: string | undefined; ; ) {
      const page = await client.escrowExport({ query: { limit: 200, ...(after === undefined ? {} : { after }) } });
      for (const line of page.lines) {
        const octets = Buffer.from(`${line}\n`);
        hash.update(octets);
        lines += 1;
        if (line.includes('"type":"record"')) keys += 1;
        yield octets;
      }
      if (page.next === null) break;
      after = page.next;
    }
    digest = hash.digest('hex');
    yield Buffer.concat([canonical({ type: 'end', lines, digest }), Buffer.from('\n')]);
  };
  await writeOutPieces(file, pieces());
  return { keys, digest };
}

/**
 * Reads an export whole, checks that it is, and keeps the records that are asked for.
 * @throws CommandError for a file that was cut off, altered, or is none
 */
export async function readExport(
  file: string,
  isAskedFor: (record: ExportedRecord) => boolean,
): Promise<EscrowExport & { digest: string; keys: number; organisation: string }> {
  const hash = createHash('sha256');
  const vaults: ExportedVault[] = [];
  const records: ExportedRecord[] = [];
  let [lines, keys, organisation] = [0, 0, ''];
  let end: { lines: number; digest: string } | undefined;
  const unusable = (what: string) =>
    new CommandError(`${file} ${what}. Nothing was opened. Use another copy of the export.`);
  const input = createReadStream(file);
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (end !== undefined) throw unusable('goes on behind its end');
      const line = readLine(text);
      if (line === undefined) throw unusable(`cannot be read in line ${lines + 1}`);
      if (line.type === 'end') {
        end = line;
        continue;
      }
      hash.update(`${text}\n`);
      lines += 1;
      if (line.type === 'chancery-escrow-export') organisation = line.organisation;
      if (line.type === 'vault') vaults.push(line);
      if (line.type === 'record') keys += 1;
      if (line.type === 'record' && isAskedFor(line)) records.push(line);
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw unusable(`cannot be read: ${(error as Error).message}`);
  }
  if (end === undefined) throw unusable('was cut off: its last line is missing');
  const digest = hash.digest('hex');
  if (digest !== end.digest || lines !== end.lines) throw unusable('was altered: its digest is another');
  return { vaults, records, digest, keys, organisation };
}

function readLine(text: string): EscrowExportLine | undefined {
  try {
    return EscrowExportLine.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
