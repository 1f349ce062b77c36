/** The person's records, fetched whole and checked in this browser against a checkpoint that the office has signed. */
import type { Client } from '@chancery/api';
import {
  isConsistent,
  isProven,
  type ProvenRecord,
  RECORD_FILE,
  type RecordFile,
  readVerifierKeys,
  signedCheckpoint,
  type VerifierKey,
} from '@chancery/trail';
import { knownTrail, type RememberedTrail, rememberTrail } from '../audit/known-trail.ts';
import { readRecord, type TrailRecord } from './tell-record.ts';

export interface CheckedRecord {
  readonly record: TrailRecord;
  /** `later`: younger than the last checkpoint, so that nothing can be proven of it yet. */
  readonly check: 'proven' | 'later' | 'wrong';
  readonly proven: ProvenRecord | null;
}

export interface MyTrail {
  readonly records: readonly CheckedRecord[];
  /** Signed note, and when; null before the first. */
  readonly checkpoint: { note: string; at: string; size: number } | null;
  readonly keys: readonly string[];
  /** What does not hold, in words; null where all of it does. */
  readonly wrong: string | null;
  /** Whether this browser had seen the trail before, and it has only grown since. */
  readonly grown: boolean;
}

type TrailClient = Pick<Client, 'myRecords' | 'myConsistency'>;

/** More than anybody has; a server that goes on for ever is not followed. */
const MOST_PAGES = 100;

export async function fetchMyTrail(client: TrailClient): Promise<MyTrail> {
  const first = await client.myRecords({ query: { limit: PAGE } });
  const pages = [first];
  for (let { next } = first; next !== null && pages.length < MOST_PAGES; ) {
    const page = await client.myRecords({ query: { limit: PAGE, after: next } });
    pages.push(page);
    next = page.next;
  }
  const keys = readVerifierKeys(first.keys);
  const note = first.checkpoint?.note ?? null;
  const records = pages.flatMap((page) => {
    // A checkpoint may have been signed between two pages: each page leads to its own.
    const checkpoint = page.checkpoint === null ? undefined : signedCheckpoint(page.checkpoint.note, keys);
    return page.items.map((item): CheckedRecord => {
      const record = readRecord(item.canonical);
      if (record === undefined || record.sequence !== item.sequence)
        return { record: unreadable, check: 'wrong', proven: null };
      if (item.proof === null) return { record, check: 'later', proven: null };
      const proven = { canonical: item.canonical, proof: item.proof };
      const holds = checkpoint !== undefined && isProven(proven, checkpoint);
      return {
        record,
        check: holds ? 'proven' : 'wrong',
        proven: page.checkpoint?.note === note ? proven : null,
      };
    });
  });
  const remembered = knownTrail();
  const { wrong, grown } = await judge(client, first, keys, records, remembered);
  const signed = note === null ? undefined : signedCheckpoint(note, keys);
  if (wrong === null && signed !== undefined && note !== null) {
    rememberTrail({ keys: remembered?.keys ?? first.keys, checkpoint: note, offered: first.keys });
  }
  return { records, checkpoint: first.checkpoint, keys: first.keys, wrong, grown };
}

/** As the person saves it: `chancery audit check-records` reads it. */
export function recordFileOf({ records, checkpoint, keys }: MyTrail, person: string, at: Date): RecordFile {
  return {
    format: RECORD_FILE,
    version: 1,
    person,
    savedAt: at.toISOString(),
    checkpoint: checkpoint?.note ?? '',
    keys,
    records: records.flatMap(({ check, proven }) => (check === 'proven' && proven !== null ? [proven] : [])),
  };
}

const PAGE = 100;

const unreadable: TrailRecord = {
  sequence: 0,
  at: '1970-01-01T00:00:00.000Z',
  actor: '',
  actorName: '',
  action: 'unreadable',
  outcome: 'failed',
  subject: null,
  details: {},
};

async function judge(
  client: TrailClient,
  first: Awaited<ReturnType<TrailClient['myRecords']>>,
  keys: readonly VerifierKey[],
  records: readonly CheckedRecord[],
  remembered: RememberedTrail | null,
): Promise<{ wrong: string | null; grown: boolean }> {
  const no = (wrong: string) => ({ wrong, grown: false });
  if (remembered !== null && !remembered.offered.every((key) => first.keys.includes(key))) {
    return no('The office signs with another key than when this browser last looked.');
  }
  const checkpoint = first.checkpoint === null ? undefined : signedCheckpoint(first.checkpoint.note, keys);
  if (first.checkpoint !== null && checkpoint === undefined) return no('The checkpoint is not signed by the office.');
  const bad = records.filter(({ check }) => check === 'wrong').length;
  if (bad > 0) return no(`${bad} of these records ${bad === 1 ? 'is' : 'are'} not in the trail that was signed.`);
  const before =
    remembered === null ? undefined : signedCheckpoint(remembered.checkpoint, readVerifierKeys(remembered.offered));
  if (before === undefined) return { wrong: null, grown: false };
  if (checkpoint === undefined || checkpoint.size < before.size) {
    return no('The trail is shorter than when this browser last looked.');
  }
  const { proof } = await client.myConsistency({ query: { from: before.size, to: checkpoint.size } });
  const hashes = proof.map((hash) => Uint8Array.from(hash.match(/../g) ?? [], (octet) => Number.parseInt(octet, 16)));
  return isConsistent(before, checkpoint, hashes)
    ? { wrong: null, grown: true }
    : no('The trail is another one than when this browser last looked: what was written then was changed.');
}
