/** What was opened without an office, written down so that the office can be told. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { OPENING_GENESIS, type OpeningEntry, type OpeningLog, readOpeningLog } from '@chancery/authority';
import { canonical, PURPOSES, type ShareKey, signDocument } from '@chancery/vault';
import { CommandError } from '../exit-codes.ts';

type LogEntry = Pick<OpeningEntry, 'event' | 'at' | 'document' | 'keys' | 'detail'>;

interface Signer {
  readonly id: string;
  readonly name: string;
  readonly key: ShareKey;
}

/** Appends durably. @throws CommandError for a log whose last line was cut off */
export function appendToLog(file: string, entry: LogEntry, officers: readonly Signer[]): void {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (before !== '' && !before.endsWith('\n')) {
    throw new CommandError(`${file} was cut off in its last line. Nothing was opened. Give another --log.`);
  }
  const lines = before.split('\n').filter((line) => line !== '');
  const last = lines.at(-1);
  const unsigned = {
    version: 1,
    sequence: lines.length + 1,
    previous: last === undefined ? OPENING_GENESIS : sha256(last),
    ...entry,
  };
  const signed = officers.map(({ id, name, key }) => ({
    id,
    name,
    signingKey: key.publicKeys.signing,
    signature: signDocument(key, PURPOSES.offline, unsigned),
  }));
  const opened = openSync(file, 'a', 0o600);
  try {
    writeSync(opened, Buffer.concat([canonical({ ...unsigned, officers: signed }), Buffer.from('\n')]));
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

/** A whole log, as `readOpeningLog` has it. */
export const verifyLog = (file: string): OpeningLog => readOpeningLog(readFileSync(file, 'utf8'));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
