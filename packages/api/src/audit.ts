/** The audit trail. */
import { z } from 'zod';
import { Instant, PageQuery } from './values.ts';

export const AuditRecord = z.object({
  sequence: z.int(),
  at: Instant,
  /** Who: `operator:<id>`, `gateway:<name>`, `person:<id>`, `system`, `local`. */
  actor: z.string(),
  actorName: z.string(),
  action: z.string(),
  outcome: z.enum(['attempted', 'succeeded', 'denied', 'failed']),
  subject: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
  /** SHA-256, hex. `hash` covers the canonical record (RFC 8785) and `previousHash`. */
  previousHash: z.string(),
  hash: z.string(),
});
export type AuditRecord = z.infer<typeof AuditRecord>;

export const AuditQuery = PageQuery.extend({
  search: z.string().max(200).optional(),
  action: z.string().max(100).optional(),
  subject: z.string().max(200).optional(),
  outcome: z.enum(['attempted', 'succeeded', 'denied', 'failed']).optional(),
  /** As a record names it: `operator:<id>`, `system`. */
  actor: z.string().max(200).optional(),
  from: Instant.optional(),
  until: Instant.optional(),
});

/** How much happened when: spans of the same length that cover what matches, oldest first. */
export const AuditTimeline = z.object({
  spans: z.array(
    z.object({
      from: Instant,
      until: Instant,
      succeeded: z.int(),
      attempted: z.int(),
      denied: z.int(),
      failed: z.int(),
    }),
  ),
});
export type AuditTimeline = z.infer<typeof AuditTimeline>;
export const AuditTimelineQuery = AuditQuery.omit({ after: true, limit: true });

/** Where the trail goes: witnesses of its checkpoints, collectors of its records. */
export const AuditTargets = z.object({
  size: z.int().describe('records under the latest checkpoint'),
  items: z.array(
    z.object({
      name: z.string(),
      what: z.enum(['witness', 'export']),
      kind: z.enum(['file', 'url', 'mail', 'tlog-witness', 'syslog']),
      /** Records up to this one are there, or under a checkpoint that is; 0 before the first time. */
      reached: z.int(),
      reachedAt: Instant.nullable(),
      error: z.string().nullable(),
      failingSince: Instant.nullable(),
    }),
  ),
});
export type AuditTargets = z.infer<typeof AuditTargets>;

export const AuditVerification = z.object({
  intact: z.boolean(),
  records: z.int(),
  head: z.string().nullable().describe('hash of the last record'),
  /** The first record that does not fit, if any. */
  brokenAt: z.int().nullable(),
  /** What is wrong, by name. */
  finding: z
    .enum([
      'unreadable',
      'altered',
      'removed',
      'reordered',
      'truncated',
      'forked',
      'unsigned',
      'unwitnessed',
      'claimed-twice',
    ])
    .nullable(),
  checkpointed: z.int().describe('records under a signed checkpoint'),
  message: z.string(),
});

/** A signed size and root of the trail, as a note (C2SP tlog-checkpoint); what others signed under it may be added. */
const AuditCheckpoint = z.object({
  size: z.int(),
  at: Instant,
  note: z.string(),
});
export const AuditCheckpoints = z.object({
  items: z.array(AuditCheckpoint),
  next: z.string().nullable(),
  /** Whose signatures count (C2SP signed-note verifier keys), oldest first: note them once, elsewhere. */
  keys: z.array(z.string()),
});
export const CheckpointQuery = z.object({
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** Hashes in hexadecimal, RFC 9162. */
export const AuditProof = z.object({
  /** RFC 8785 JSON of the record: its leaf is SHA-256(0x00 || UTF-8 of it). */
  canonical: z.string(),
  /** From 0: one less than the record's sequence. */
  leaf: z.int(),
  proof: z.array(z.string()),
  /** The checkpoint that it leads to. */
  checkpoint: AuditCheckpoint,
});
export type AuditProof = z.infer<typeof AuditProof>;
export const ConsistencyQuery = z.object({ from: z.coerce.number().int().min(1), to: z.coerce.number().int().min(1) });
export const ConsistencyProof = z.object({ from: z.int(), to: z.int(), proof: z.array(z.string()) });
