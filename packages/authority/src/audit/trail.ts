/**
 * The audit trail: append-only records, each hashed over its canonical JSON (RFC 8785) and the hash before it.
 */
import { hash } from 'node:crypto';
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
export function appendAudit(tx: Transaction, entry: AuditEntry): Promise<void> {
  return appendAudits(tx, [entry]);
}

/** The same for many, in that order: the lock, the last link and the insert are paid for once. */
export async function appendAudits(tx: Transaction, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  // One writer at a time, until commit: a chain has one last link. Released by PostgreSQL with the transaction.
  await sql`SELECT pg_advisory_xact_lock(${TRAIL_LOCK})`.execute(tx);
  const last = await tx
    .selectFrom('audit_records')
    .select(['sequence', 'hash'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  let sequence = Number(last?.sequence ?? 0);
  let previous = last?.hash ?? GENESIS;
  const rows = entries.map((entry) => {
    sequence += 1;
    const canonical = canonicalRecord(sequence, entry);
    const row = {
      sequence,
      at: entry.at.toISOString(),
      actor: entry.actor,
      actor_name: entry.actorName,
      action: entry.action,
      outcome: entry.outcome,
      subject: entry.subject,
      details: JSON.stringify(entry.details),
      canonical,
      previous_hash: `\\x${previous.toString('hex')}`,
      hash: chainHash(previous, canonical),
    };
    previous = row.hash;
    return { ...row, hash: `\\x${row.hash.toString('hex')}` };
  });
  const column = <K extends keyof (typeof rows)[number]>(name: K) => rows.map((row) => row[name]);
  await sql`
    INSERT INTO audit_records (sequence, at, actor, actor_name, action, outcome, subject, details, canonical, previous_hash, hash)
    SELECT * FROM unnest(${column('sequence')}::bigint[], ${column('at')}::timestamptz[], ${column('actor')}::text[],
      ${column('actor_name')}::text[], ${column('action')}::text[], ${column('outcome')}::text[], ${column('subject')}::text[],
      ${column('details')}::jsonb[], ${column('canonical')}::text[], ${column('previous_hash')}::bytea[],
      ${column('hash')}::bytea[])`.execute(tx);
}

/** hash = SHA-256(previous hash || canonical record, UTF-8). */
export function chainHash(previous: Uint8Array, canonical: string): Buffer {
  return hash('sha256', Buffer.concat([previous, Buffer.from(canonical, 'utf8')]), 'buffer');
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
