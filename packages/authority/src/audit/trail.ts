/**
 * The audit trail: append-only records, each hashed over its canonical JSON (RFC 8785) and the hash before it.
 */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { sql } from 'kysely';
import type { Snapshot, Transaction } from '../store/database.ts';

export type AuditDetails = Record<string, unknown>;

export interface AuditEntry {
  readonly at: Date;
  /** As `actorOf` writes it. */
  readonly actor: string;
  readonly actorName: string;
  readonly action: string;
  readonly outcome: 'attempted' | 'succeeded' | 'denied' | 'failed';
  readonly subject: string | null;
  /** JSON values only; never a secret, a private key, or a message's text. */
  readonly details: AuditDetails;
}

/** The hash before the first record. */
export const GENESIS = Buffer.alloc(32);

/** Appends in the caller's transaction: the act and its record commit together or not at all. */
export async function appendAudit(tx: Transaction, entry: AuditEntry): Promise<void> {
  // One writer at a time, until commit: a chain has one last link. Released by PostgreSQL with the transaction.
  await sql`SELECT pg_advisory_xact_lock(${TRAIL_LOCK})`.execute(tx);
  const last = await tx
    .selectFrom('audit_records')
    .select(['sequence', 'hash'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  const sequence = Number(last?.sequence ?? 0) + 1;
  const previous = last?.hash ?? GENESIS;
  const canonical = canonicalRecord(sequence, entry);
  await tx
    .insertInto('audit_records')
    .values({
      sequence,
      at: entry.at,
      actor: entry.actor,
      actor_name: entry.actorName,
      action: entry.action,
      outcome: entry.outcome,
      subject: entry.subject,
      details: JSON.stringify(entry.details),
      canonical,
      previous_hash: previous,
      hash: chainHash(previous, canonical),
    })
    .execute();
}

/** hash = SHA-256(previous hash || canonical record, UTF-8). */
export function chainHash(previous: Uint8Array, canonical: string): Buffer {
  return createHash('sha256').update(previous).update(canonical, 'utf8').digest();
}

export function canonicalRecord(sequence: number, entry: AuditEntry): string {
  const record = canonicalize({
    sequence,
    at: entry.at.toISOString(),
    actor: entry.actor,
    actorName: entry.actorName,
    action: entry.action,
    outcome: entry.outcome,
    subject: entry.subject,
    details: entry.details,
  });
  if (record === undefined) throw new Error('An audit record must be JSON');
  return record;
}

/** Records in order of their sequence, for a verifier, a page or an export. */
export function readTrail(snapshot: Snapshot, after: number, limit: number) {
  return snapshot
    .selectFrom('audit_records')
    .selectAll()
    .where('sequence', '>', String(after))
    .orderBy('sequence')
    .limit(limit)
    .execute();
}

/** Any constant will do; it must differ from the other advisory locks of the office. */
const TRAIL_LOCK = 0x43_41_54; // "CAT": Chancery audit trail
