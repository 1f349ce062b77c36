/**
 * Where the points of an opening come from. An officer's client multiplies a point only when the audit trail says for which
 * record and person it was made, under a checkpoint that goes on from the last one this client saw, and when the proof made
 * at escrow says the same. A server that wants another record opened would have to forge either.
 */
import {
  type Checkpoint,
  type Hash,
  isConsistent,
  isIncluded,
  leafHash,
  parseSignedCheckpoint,
  readVerifierKeys,
  signedCheckpoint,
} from '@chancery/trail';
import { fromBase64Url, fromHex, sha256, toHex, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import { isOwnedBy } from './ownership.ts';

/** What the office shows. Hashes are hexadecimal. */
export interface Origins {
  /** A signed note (C2SP tlog-checkpoint): everything here is proven under it. */
  readonly checkpoint: string;
  /** The office's verifier keys. */
  readonly keys: readonly string[];
  /** RFC 9162: that the checkpoint goes on from the one that this client saw last. */
  readonly consistency: readonly string[];
  /** Audit records (RFC 8785 JSON), each with its leaf, from 0, and its inclusion proof. */
  readonly entries: readonly { readonly leaf: number; readonly canonical: string; readonly proof: readonly string[] }[];
  readonly points: readonly {
    readonly record: string;
    /** Of the entry that says so. */
    readonly leaf: number;
    /** As `sealOwnedHalf` made it; null for what was escrowed before there were such proofs. */
    readonly ownership: string | null;
  }[];
}

/** What a client remembers of the trail between two approvals. */
export interface KnownTrail {
  readonly keys: readonly string[];
  /** The latest checkpoint it saw, a signed note. */
  readonly checkpoint: string;
}

/** A point that an officer is asked to multiply. */
export interface WantedPoint {
  readonly record: string;
  readonly person: string;
  /** 65 octets, base64url. */
  readonly encapsulation: string;
}

/** What an audit record says of a lock, under `locked`. */
export interface LockedPoint {
  readonly record: string;
  readonly person: string;
  readonly vault: string;
  /** SHA-256 of the encapsulation, hexadecimal. */
  readonly encapsulation: string;
}

/** @param encapsulation 65 octets, base64url */
export function lockedPoint(
  owner: { readonly recordId: string; readonly personId: string; readonly vaultId: string },
  encapsulation: string,
): LockedPoint {
  return {
    record: owner.recordId,
    person: owner.personId,
    vault: owner.vaultId,
    encapsulation: toHex(sha256(fromBase64Url(encapsulation))),
  };
}

/**
 * @param known what this client remembers; null at its first approval, which then takes the office's word for its key
 * @returns what to remember, and how many points are attested by the trail alone: escrowed before there were proofs of ownership
 * @throws VaultError `bad-proof` naming what does not fit
 */
export function checkOrigins(
  origins: Origins,
  vaultId: string,
  wanted: readonly WantedPoint[],
  known: KnownTrail | null,
): { readonly known: KnownTrail; readonly attested: number } {
  const keys = known?.keys ?? origins.keys;
  const checkpoint = readNote(origins.checkpoint, keys);
  if (known !== null) goesOn(readNote(known.checkpoint, keys), checkpoint, origins.consistency);
  const said = new Map<number, Said>();
  for (const { leaf, canonical, proof } of origins.entries) {
    if (!isIncluded(leafHash(utf8(canonical)), leaf, checkpoint.size, hashes(proof), checkpoint.root)) {
      throw wrong(`The audit trail does not hold the record ${leaf + 1} that the office shows.`);
    }
    said.set(leaf, readRecord(canonical, leaf));
  }
  const points = new Map(origins.points.map((point) => [point.record, point]));
  let attested = 0;
  for (const { record, person, encapsulation } of wanted) {
    const point = points.get(record);
    const entry = point === undefined ? undefined : said.get(point.leaf);
    const expected = lockedPoint({ recordId: record, personId: person, vaultId }, encapsulation);
    if (point === undefined || entry?.locked.some((one) => isSame(one, expected)) !== true) {
      throw wrong(`The audit trail does not say that this point was made for the record ${record} of this person.`);
    }
    if (point.ownership === null) {
      if (entry.action !== ATTESTATION) throw wrong(`The point of the record ${record} comes without its proof.`);
      attested += 1;
    } else if (!isOwnedBy(point.ownership, encapsulation, { recordId: record, personId: person, vaultId })) {
      throw wrong(`The point of the record ${record} was not made for that record of this person.`);
    }
  }
  return { known: { keys, checkpoint: origins.checkpoint }, attested };
}

/**
 * Reads all pages of what the office shows, under one checkpoint.
 * @param page asks the office for one @throws VaultError `bad-proof` for more than an approval can hold
 */
export async function collectOrigins(
  known: KnownTrail | null,
  page: (query: {
    after?: string;
    seen?: number;
    size?: number;
  }) => Promise<Origins & { readonly next: string | null }>,
): Promise<Origins> {
  const seen = known === null ? undefined : sizeOf(known.checkpoint);
  const { next, ...first } = await page(seen === undefined ? {} : { seen });
  const size = sizeOf(first.checkpoint);
  const entries = new Map(first.entries.map((entry) => [entry.leaf, entry]));
  const points = [...first.points];
  for (let after = next; after !== null; ) {
    const more = await page({ after, ...(size !== undefined && { size }) });
    for (const entry of more.entries) entries.set(entry.leaf, entry);
    points.push(...more.points);
    if (points.length > MOST_POINTS) throw wrong('The office shows more points than an approval can hold.');
    after = more.next;
  }
  return { ...first, entries: [...entries.values()], points };
}

/** As many as an approval may hold; an office that goes on and on is not listened to. */
const MOST_POINTS = 100_000;

const sizeOf = (note: string): number | undefined => parseSignedCheckpoint(note)?.checkpoint.size;

/** The action of the record that holds the points of what was escrowed before there were proofs. */
const ATTESTATION = 'escrow.attest';

interface Said {
  readonly action: unknown;
  readonly locked: readonly Partial<LockedPoint>[];
}

function readNote(note: string, keys: readonly string[]): Checkpoint {
  const checkpoint = signedCheckpoint(note, readVerifierKeys(keys));
  if (checkpoint !== undefined) return checkpoint;
  throw parseSignedCheckpoint(note) === undefined
    ? wrong('The checkpoint of the audit trail cannot be read.')
    : wrong('The checkpoint of the audit trail is not signed by the key that you know.');
}

function goesOn(before: Checkpoint, now: Checkpoint, proof: readonly string[]): void {
  if (before.origin === now.origin && isConsistent(before, now, hashes(proof))) return;
  throw wrong(`The audit trail is another one than you saw: it does not go on from its first ${before.size} records.`);
}

function readRecord(canonical: string, leaf: number): Said {
  const record = JSON.parse(canonical) as { sequence?: unknown; outcome?: unknown; action?: unknown; details?: object };
  const locked = (record.details as { locked?: unknown } | undefined)?.locked;
  if (record.sequence !== leaf + 1 || record.outcome !== 'succeeded' || !Array.isArray(locked)) {
    throw wrong(`The record ${leaf + 1} of the audit trail is not one of an escrow.`);
  }
  return { action: record.action, locked: locked as Partial<LockedPoint>[] };
}

const isSame = (one: Partial<LockedPoint>, other: LockedPoint): boolean =>
  one.record === other.record &&
  one.person === other.person &&
  one.vault === other.vault &&
  one.encapsulation === other.encapsulation;

const hashes = (proof: readonly string[]): Hash[] => proof.map(fromHex);

const wrong = (what: string) => new VaultError('bad-proof', `${what} Nothing was decided. Tell an auditor.`);
