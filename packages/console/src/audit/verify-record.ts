/** Whether a record stands on the trail, checked in the page: the office's word is not taken for it. */
import type { AuditProof, AuditRecord } from '@chancery/api';
import {
  isConsistent,
  isIncluded,
  isSignedBy,
  leafHash,
  parseSignedCheckpoint,
  readVerifierKeys,
} from '@chancery/trail';
import { canonical, type KnownTrail } from '@chancery/vault';

export interface Check {
  readonly what: string;
  readonly holds: boolean;
  readonly detail: string;
}

interface Shown {
  readonly record: AuditRecord;
  readonly proof: AuditProof;
  /** The office's verifier keys. */
  readonly keys: readonly string[];
  /** What this browser saw before, and the proof that the checkpoint goes on from there. */
  readonly before: { readonly known: KnownTrail; readonly consistency: readonly string[] } | null;
}

/** @returns each check with its outcome, and what to remember where all hold */
export function verifyRecord({ record, proof, keys, before }: Shown): { checks: Check[]; known: KnownTrail | null } {
  const signed = parseSignedCheckpoint(proof.checkpoint.note);
  if (signed === undefined) {
    return { checks: [{ what: 'Checkpoint', holds: false, detail: 'It cannot be read.' }], known: null };
  }
  const { checkpoint } = signed;
  const known = before?.known.keys ?? keys;
  const signer = readVerifierKeys(known).find((key) => key.use === 'log' && isSignedBy(signed, key));
  const leaf = leafHash(new TextEncoder().encode(proof.canonical));
  const included =
    proof.leaf === record.sequence - 1 &&
    isIncluded(leaf, proof.leaf, checkpoint.size, proof.proof.map(octetsOf), checkpoint.root);
  const checks: Check[] = [
    {
      what: 'The record is the one that was written',
      holds: proof.canonical === canonicalOf(record),
      detail: 'What is shown here is, octet for octet, what the trail holds.',
    },
    {
      what: 'It is under the checkpoint',
      holds: included,
      detail: `${proof.proof.length} hashes lead from it to the root over ${checkpoint.size} records (RFC 9162).`,
    },
    {
      what: 'The checkpoint is signed by the office',
      holds: signer !== undefined,
      detail: signer === undefined ? 'No signature of the key that you know.' : `By ${signer.name}, Ed25519.`,
    },
    goesOn(before, checkpoint),
  ];
  const cosigners = signed.signatures.map(({ name }) => name).filter((name) => name !== signer?.name);
  if (cosigners.length > 0) {
    const detail = `Cosignatures of ${cosigners.join(', ')} are attached; check them by "chancery audit verify --witness-key".`;
    checks.push({ what: 'Witnesses', holds: true, detail });
  }
  const good = checks.every(({ holds }) => holds);
  return { checks, known: good ? { keys: known, checkpoint: proof.checkpoint.note } : null };
}

function goesOn(before: Shown['before'], now: Parameters<typeof isConsistent>[1]): Check {
  const what = 'The trail goes on from what you saw before';
  const old = before === null ? undefined : parseSignedCheckpoint(before.known.checkpoint)?.checkpoint;
  if (before === null || old === undefined) {
    return { what, holds: true, detail: 'This browser sees the trail for the first time, and remembers it now.' };
  }
  const holds = old.size <= now.size && isConsistent(old, now, before.consistency.map(octetsOf));
  const detail = holds
    ? `Nothing in its first ${old.size} records has changed since.`
    : `Its first ${old.size} records are other ones than this browser saw. Tell an auditor.`;
  return { what, holds, detail };
}

/** RFC 8785 of what the hash covers. */
function canonicalOf({ hash: _, previousHash: __, ...record }: AuditRecord): string {
  return new TextDecoder().decode(canonical(record));
}

const octetsOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
