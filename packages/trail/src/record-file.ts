/**
 * Records about one person with their proofs, as that person saves them from their own page. Whoever has the file checks it
 * without the office: that each record stands in the trail whose checkpoint is signed. That none was left out, it cannot show.
 */
import { hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import {
  type Checkpoint,
  isSignedBy,
  parseSignedCheckpoint,
  parseVerifierKey,
  type VerifierKey,
} from './checkpoint.ts';
import { isIncluded, leafHash } from './merkle.ts';

export interface RecordFile {
  readonly format: typeof RECORD_FILE;
  readonly version: 1;
  /** Whose records these are, for a reader. */
  readonly person: string;
  /** ISO 8601, UTC. */
  readonly savedAt: string;
  /** Signed note (C2SP tlog-checkpoint). */
  readonly checkpoint: string;
  /** Verifier keys, as the office gave them: compare with one that was noted elsewhere. */
  readonly keys: readonly string[];
  readonly records: readonly ProvenRecord[];
}

export interface ProvenRecord {
  /** RFC 8785 JSON, word for word. */
  readonly canonical: string;
  /** RFC 9162 inclusion proof, hexadecimal. */
  readonly proof: readonly string[];
}

export const RECORD_FILE = 'chancery-records-about-a-person';

export interface RecordFileVerdict {
  readonly intact: boolean;
  readonly finding: 'unreadable' | 'unsigned' | 'altered' | null;
  /** Records that are proven, from the first on. */
  readonly records: number;
  readonly message: string;
}

/** The checkpoint of a note, if one of these keys has signed it. */
export function signedCheckpoint(note: string, keys: readonly VerifierKey[]): Checkpoint | undefined {
  const signed = parseSignedCheckpoint(note);
  const holds = signed !== undefined && keys.some((key) => key.use === 'log' && isSignedBy(signed, key));
  return holds ? signed.checkpoint : undefined;
}

/** Does this very record stand in the trail of that checkpoint, at the place that it names? */
export function isProven({ canonical, proof }: ProvenRecord, checkpoint: Checkpoint): boolean {
  try {
    const { sequence } = JSON.parse(canonical) as { sequence: unknown };
    if (typeof sequence !== 'number') return false;
    const hashes = proof.map((hash) => hexToBytes(hash));
    return isIncluded(leafHash(utf8ToBytes(canonical)), sequence - 1, checkpoint.size, hashes, checkpoint.root);
  } catch {
    return false;
  }
}

/** @param keys whose signature counts; without them those in the file, which then have to be compared by hand */
export function verifyRecordFile(text: string, keys?: readonly VerifierKey[]): RecordFileVerdict {
  const refuse = (finding: RecordFileVerdict['finding'], message: string, records = 0): RecordFileVerdict => ({
    intact: false,
    finding,
    records,
    message,
  });
  const file = readFile(text);
  if (file === undefined) return refuse('unreadable', 'This is not a file of records about a person.');
  let trusted: readonly VerifierKey[];
  try {
    trusted = keys ?? file.keys.map(parseVerifierKey);
  } catch {
    return refuse('unreadable', 'The keys in this file cannot be read.');
  }
  const checkpoint = signedCheckpoint(file.checkpoint, trusted);
  if (checkpoint === undefined) {
    const whose = keys === undefined ? 'a key in the file' : 'the key that you gave';
    return refuse('unsigned', `The checkpoint in this file is not signed by ${whose}.`);
  }
  for (const [at, record] of file.records.entries()) {
    if (isProven(record, checkpoint)) continue;
    return refuse('altered', `Record ${at + 1} of this file is not in the trail that was signed.`, at);
  }
  const compare = keys === undefined ? ` Compare the key with the one that you noted: ${file.keys.join(' ')}` : '';
  return {
    intact: true,
    finding: null,
    records: file.records.length,
    message: `All ${file.records.length} records are in the trail of ${checkpoint.origin} as it was signed with ${checkpoint.size} records.${compare}`,
  };
}

function readFile(text: string): RecordFile | undefined {
  try {
    const file = JSON.parse(text) as Partial<RecordFile>;
    const isText = (value: unknown) => typeof value === 'string';
    const fits =
      file.format === RECORD_FILE &&
      file.version === 1 &&
      isText(file.checkpoint) &&
      Array.isArray(file.keys) &&
      file.keys.every(isText) &&
      Array.isArray(file.records) &&
      file.records.every(
        (record: Partial<ProvenRecord> | null) =>
          isText(record?.canonical) && Array.isArray(record?.proof) && record.proof.every(isText),
      );
    return fits ? (file as RecordFile) : undefined;
  } catch {
    return undefined;
  }
}
