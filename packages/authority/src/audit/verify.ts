/**
 * Checking the audit trail: every record hashes over itself and the one before it, from the first on, and all of them make
 * the Merkle tree whose roots were signed. The chain finds what was altered inside; a checkpoint that somebody kept finds
 * what was cut off, and a trail that was written anew from some record on.
 */
import { AuditRecord } from '@chancery/api';
import { GrowingTree, isSignedBy, leafHash, parseSignedCheckpoint, type VerifierKey } from '@chancery/trail';
import type { LockedPoint } from '@chancery/vault';
import { auditKeys, checkpointsAfter } from '../store/audit-tree.ts';
import type { Snapshot } from '../store/database.ts';
import { verifierKeyOf } from './checkpoint.ts';
import { type AuditEntry, canonicalRecord, chainHash, GENESIS, readTrail } from './trail.ts';

/** What is wrong with a trail, by name. */
type TrailFinding =
  /** A line that is no record, or a note that is no checkpoint. */
  | 'unreadable'
  | 'altered'
  | 'removed'
  | 'reordered'
  /** It ends before a checkpoint that was signed. */
  | 'truncated'
  /** It is whole in itself, and another one than was signed. */
  | 'forked'
  /** A checkpoint that the office's key has not signed. */
  | 'unsigned'
  /** No checkpoint here is cosigned by a witness that was named. */
  | 'unwitnessed'
  /** One point is said to be of two escrow records: one of them was put in so that the other would be opened. */
  | 'claimed-twice';

export interface TrailVerdict {
  readonly intact: boolean;
  readonly finding: TrailFinding | null;
  /** Records that fit, from the first on. */
  readonly records: number;
  /** Hash of the last record that fits, hex. */
  readonly head: string | null;
  /** Sequence of the first record that does not fit. */
  readonly brokenAt: number | null;
  /** How many of the records are under a signed checkpoint. */
  readonly checkpointed: number;
  /** How many are under a checkpoint that each named witness has cosigned; 0 where none was named. */
  readonly witnessed: number;
  readonly message: string;
}

/** The whole trail of the office, against one state of the database and the checkpoints in it. */
export async function verifyTrail(snapshot: Snapshot): Promise<TrailVerdict> {
  const keys = (await auditKeys(snapshot)).map(verifierKeyOf);
  const notes: string[] = [];
  for (let after = 0; ; ) {
    const page = await checkpointsAfter(snapshot, after, PAGE);
    notes.push(...page.map(({ note }) => note));
    after = page.at(-1)?.size ?? after;
    if (page.length < PAGE) break;
  }
  const check = new TrailCheck({ notes, keys });
  for (;;) {
    const rows = await readTrail(snapshot, check.length, PAGE);
    for (const row of rows) {
      const entry = { ...row, actorName: row.actor_name };
      const fits = check.append({
        sequence: Number(row.sequence),
        entry,
        canonical: row.canonical,
        previous: row.previous_hash,
        hash: row.hash,
      });
      if (!fits) return check.verdict();
    }
    if (rows.length < PAGE) return check.verdict();
  }
}

/** What somebody kept outside the office. */
export interface KeptCheckpoints {
  /** Signed notes (C2SP tlog-checkpoint). */
  readonly notes: readonly string[];
  /** Whose signature counts: the office's, as it was noted once. */
  readonly keys: readonly VerifierKey[];
  /** Witnesses whose cosignature is asked for. */
  readonly witnesses?: readonly VerifierKey[];
}

/**
 * An export (JSON Lines, oldest first), without any database.
 * @returns a broken verdict, too, for a line that is no record
 */
export function verifyExportedTrail(jsonLines: string, kept: KeptCheckpoints = { notes: [], keys: [] }): TrailVerdict {
  const check = new TrailCheck(kept);
  for (const line of jsonLines.split('\n')) {
    if (line.trim() === '') continue;
    const record = parseLine(line);
    if (record === undefined) {
      check.fail(check.length + 1, 'unreadable', 'is not an audit record');
      break;
    }
    const entry = { ...record, at: new Date(record.at) };
    const fits = check.append({
      sequence: record.sequence,
      entry,
      canonical: canonicalRecord(record.sequence, entry),
      previous: Buffer.from(record.previousHash, 'hex'),
      hash: Buffer.from(record.hash, 'hex'),
    });
    if (!fits) break;
  }
  return check.verdict();
}

const PAGE = 2_000;

class TrailCheck {
  #head: Buffer = GENESIS;
  readonly #tree = new GrowingTree();
  /** Roots by size, of notes that are signed. */
  readonly #signed = new Map<number, Buffer>();
  /** The largest size that each witness has cosigned. */
  readonly #cosigned = new Map<string, number>();
  /** Which escrow record a point is of, by the beginning of its hash. */
  readonly #owners = new Map<string, string>();
  #checkpointed = 0;
  #broken: { finding: TrailFinding; at: number | null; message: string } | undefined;

  constructor({ notes, keys, witnesses = [] }: KeptCheckpoints) {
    for (const note of notes) {
      const signed = parseSignedCheckpoint(note);
      if (signed === undefined) {
        this.#refuse('unreadable', 'A checkpoint cannot be read.');
        return;
      }
      const { size, root } = signed.checkpoint;
      if (!keys.some((key) => key.use === 'log' && isSignedBy(signed, key))) {
        this.#refuse('unsigned', `The checkpoint of ${size} records is not signed by the office's key.`);
        return;
      }
      const before = this.#signed.get(size);
      if (before !== undefined && !before.equals(root)) {
        this.#refuse('forked', `Two checkpoints of ${size} records were signed, with different roots.`);
        return;
      }
      this.#signed.set(size, Buffer.from(root));
      for (const witness of witnesses) {
        const before = this.#cosigned.get(witness.name) ?? 0;
        if (size > before && isSignedBy(signed, witness)) this.#cosigned.set(witness.name, size);
      }
    }
    const silent = witnesses.find(({ name }) => !this.#cosigned.has(name));
    if (silent !== undefined) this.#refuse('unwitnessed', `No checkpoint here is cosigned by ${silent.name}.`);
  }

  get length(): number {
    return this.#tree.size;
  }

  /** @returns false once a record does not fit */
  append(link: { sequence: number; entry: AuditEntry; canonical: string; previous: Buffer; hash: Buffer }): boolean {
    const next = this.length + 1;
    if (link.sequence > next) return this.fail(next, 'removed', 'is missing');
    if (link.sequence < next) return this.fail(next, 'reordered', 'is out of order');
    if (!link.previous.equals(this.#head)) {
      return this.fail(next, 'altered', 'does not follow the record before it');
    }
    // The columns are what people read; the canonical text is what was hashed: both must say the same.
    if (link.canonical !== canonicalRecord(link.sequence, link.entry)) return this.fail(next, 'altered', 'was altered');
    if (!chainHash(this.#head, link.canonical).equals(link.hash)) return this.fail(next, 'altered', 'was altered');
    const twice = this.#claimedTwice(link.entry);
    if (twice !== undefined) {
      return this.fail(next, 'claimed-twice', `gives the record ${twice} a point that is another's already`);
    }
    this.#head = link.hash;
    this.#tree.append(leafHash(Buffer.from(link.canonical, 'utf8')));
    const root = this.#signed.get(next);
    if (root === undefined) return true;
    if (!root.equals(this.#tree.root())) {
      return this.#refuse(
        'forked',
        `The trail is another one than was signed: its first ${next} records do not make the root of their checkpoint.`,
      );
    }
    this.#checkpointed = next;
    return true;
  }

  /** @returns the escrow record that an earlier one's point is claimed for */
  #claimedTwice({ outcome, details }: AuditEntry): string | undefined {
    if (outcome !== 'succeeded' || !Array.isArray(details.locked)) return undefined;
    for (const { record, encapsulation } of details.locked as Partial<LockedPoint>[]) {
      if (record === undefined || encapsulation === undefined) continue;
      const point = encapsulation.slice(0, 32);
      const owner = this.#owners.get(point);
      if (owner !== undefined && owner !== record) return record;
      this.#owners.set(point, record);
    }
    return undefined;
  }

  fail(at: number, finding: TrailFinding, what: string): false {
    return this.#refuse(
      finding,
      `The trail is broken: record ${at} ${what}. The ${at - 1} before it are as they were written.`,
      at,
    );
  }

  verdict(): TrailVerdict {
    const largest = [...this.#signed.keys()].reduce((most, size) => Math.max(most, size), 0);
    if (this.#broken === undefined && largest > this.length) {
      this.#refuse(
        'truncated',
        `The trail is cut off: a checkpoint of ${largest} records was signed, and ${this.length} are here.`,
      );
    }
    const head = this.length === 0 ? null : this.#head.toString('hex');
    const broken = this.#broken;
    return {
      intact: broken === undefined,
      finding: broken?.finding ?? null,
      records: this.length,
      head,
      brokenAt: broken?.at ?? null,
      checkpointed: this.#checkpointed,
      witnessed: this.#witnessed(),
      message: broken?.message ?? this.#praise(head),
    };
  }

  #praise(head: string | null): string {
    if (head === null) return 'The trail is empty.';
    const witnessed = this.#witnessed();
    const under =
      this.#checkpointed === 0
        ? 'No checkpoint was at hand, so nobody can tell whether its end is missing: keep that hash elsewhere.'
        : `The first ${this.#checkpointed} are as they were signed${witnessed === 0 ? '' : `, the first ${witnessed} as they were witnessed`}.`;
    return `The trail is intact: ${this.length} records, the last with hash ${head}. ${under}`;
  }

  #witnessed(): number {
    return this.#cosigned.size === 0 ? 0 : Math.min(...this.#cosigned.values());
  }

  #refuse(finding: TrailFinding, message: string, at: number | null = null): false {
    this.#broken ??= { finding, at, message };
    return false;
  }
}

function parseLine(line: string): AuditRecord | undefined {
  try {
    return AuditRecord.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
