/**
 * What was opened without an office, so that the office can be told: JSON Lines, each with the SHA-256 of the line before it and
 * signed by the share keys of the officers who opened. An entry is written before a key is opened, and one behind it.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { canonical, isSignedBy, PURPOSES, type ShareKey, signDocument } from '@chancery/vault';
import { CommandError } from '../exit-codes.ts';

export interface LogEntry {
  readonly event: 'attempted' | 'opened' | 'failed';
  readonly at: string;
  /** RFC 8785 JSON: what the officers contributed to. */
  readonly document: string;
  readonly keys: readonly { readonly id: string; readonly person: string; readonly file: string }[];
  readonly detail: string;
}

interface Signer {
  readonly id: string;
  readonly name: string;
  readonly key: ShareKey;
}

const GENESIS = '00'.repeat(32);

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
    previous: last === undefined ? GENESIS : sha256(last),
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

export interface LogVerdict {
  readonly entries: readonly (LogEntry & { readonly officers: readonly { readonly name: string }[] })[];
  /** Null where every line follows the one before and every signature is its officer's. */
  readonly problem: string | null;
}

export function verifyLog(file: string): LogVerdict {
  const entries: LogVerdict['entries'][number][] = [];
  let previous = GENESIS;
  for (const [at, line] of readFileSync(file, 'utf8')
    .split('\n')
    .filter((text) => text !== '')
    .entries()) {
    const wrong = (what: string): LogVerdict => ({ entries, problem: `Line ${at + 1} ${what}.` });
    let document: Record<string, unknown> &
      LogEntry & { officers: { name: string; signingKey: string; signature: string }[] };
    try {
      document = JSON.parse(line);
    } catch {
      return wrong('is not JSON');
    }
    const { officers, ...unsigned } = document;
    if (unsigned.previous !== previous || unsigned.sequence !== at + 1)
      return wrong('does not follow the one before it');
    if (!Array.isArray(officers) || officers.length === 0) return wrong('is signed by nobody');
    for (const { name, signingKey, signature } of officers) {
      if (!isSignedBy(signingKey, signature, PURPOSES.offline, unsigned)) return wrong(`is not what ${name} signed`);
    }
    entries.push(document);
    previous = sha256(line);
  }
  return { entries, problem: null };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
