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
});

export const AuditVerification = z.object({
  intact: z.boolean(),
  records: z.int(),
  head: z.string().nullable().describe('hash of the last record'),
  /** The first record that does not fit, if any. */
  brokenAt: z.int().nullable(),
  message: z.string(),
});
