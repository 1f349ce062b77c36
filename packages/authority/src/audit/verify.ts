/** Checking the audit trail: every record hashes over itself and the one before it, from the first on. */
import { AuditRecord } from '@chancery/api';
import type { Snapshot } from '../store/database.ts';
import { type AuditEntry, canonicalRecord, chainHash, GENESIS, readTrail } from './trail.ts';

export interface TrailVerdict {
  readonly intact: boolean;
  /** Records that fit, from the first on. */
  readonly records: number;
  /** Hash of the last record that fits, hex. Compare it with one noted earlier: a chain cannot tell that its end is missing. */
  readonly head: string | null;
  /** Sequence of the first record that does not fit. */
  readonly brokenAt: number | null;
  readonly message: string;
}

/** The whole trail of the office, against one state of the database. */
export async function verifyTrail(snapshot: Snapshot): Promise<TrailVerdict> {
  const chain = new Chain();
  for (;;) {
    const rows = await readTrail(snapshot, chain.length, PAGE);
    for (const row of rows) {
      const entry = { ...row, actorName: row.actor_name };
      const fits = chain.append({
        sequence: Number(row.sequence),
        entry,
        canonical: row.canonical,
        previous: row.previous_hash,
        hash: row.hash,
      });
      if (!fits) return chain.verdict();
    }
    if (rows.length < PAGE) return chain.verdict();
  }
}

/**
 * An export (JSON Lines, oldest first), without any database.
 * @returns a broken verdict, too, for a line that is no record
 */
export function verifyExportedTrail(jsonLines: string): TrailVerdict {
  const chain = new Chain();
  for (const line of jsonLines.split('\n')) {
    if (line.trim() === '') continue;
    const record = parseLine(line);
    if (record === undefined) {
      chain.fail(chain.length + 1, 'is not an audit record');
      break;
    }
    const entry = { ...record, at: new Date(record.at) };
    const fits = chain.append({
      sequence: record.sequence,
      entry,
      canonical: canonicalRecord(record.sequence, entry),
      previous: Buffer.from(record.previousHash, 'hex'),
      hash: Buffer.from(record.hash, 'hex'),
    });
    if (!fits) break;
  }
  return chain.verdict();
}

const PAGE = 2_000;

class Chain {
  length = 0;
  #head: Buffer = GENESIS;
  #broken: { at: number; message: string } | undefined;

  /** @returns false once a record does not fit */
  append(link: { sequence: number; entry: AuditEntry; canonical: string; previous: Buffer; hash: Buffer }): boolean {
    if (link.sequence !== this.length + 1) {
      const missing = link.sequence > this.length + 1;
      return this.fail(this.length + 1, missing ? 'is missing' : 'is out of order');
    }
    if (!link.previous.equals(this.#head)) return this.fail(link.sequence, 'does not follow the record before it');
    // The columns are what people read; the canonical text is what was hashed: both must say the same.
    if (link.canonical !== canonicalRecord(link.sequence, link.entry)) {
      return this.fail(link.sequence, 'was altered');
    }
    if (!chainHash(this.#head, link.canonical).equals(link.hash)) return this.fail(link.sequence, 'was altered');
    this.#head = link.hash;
    this.length = link.sequence;
    return true;
  }

  fail(at: number, what: string): false {
    this.#broken ??= {
      at,
      message: `The trail is broken: record ${at} ${what}. The ${at - 1} before it are as they were written.`,
    };
    return false;
  }

  verdict(): TrailVerdict {
    const head = this.length === 0 ? null : this.#head.toString('hex');
    const broken = this.#broken;
    return {
      intact: broken === undefined,
      records: this.length,
      head,
      brokenAt: broken?.at ?? null,
      message:
        broken?.message ??
        (head === null
          ? 'The trail is empty.'
          : `The trail is intact: ${this.length} records, the last with hash ${head}. Keep that hash elsewhere: it proves later that no record was cut off.`),
    };
  }
}

function parseLine(line: string): AuditRecord | undefined {
  try {
    return AuditRecord.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
