/** How people leave, for a time or for good, come back, and give up a key. */
import { z } from 'zod';
import { Base64, Instant, SerialNumber } from './values.ts';

/** Why, for the trail: a case number, a ticket. */
export const WhyNote = z.object({ note: z.string().trim().max(1000).default('') });

/** What leaving, or a suspension, would do, before it is done. */
export const Departure = z.object({
  state: z.enum(['active', 'suspended', 'left']),
  /** Certificates that would be revoked, or put on hold. */
  certificates: z.array(
    z.object({ serialNumber: SerialNumber, use: z.enum(['signing', 'encryption']), notAfter: Instant }),
  ),
  /** Directories from which certificates are taken. */
  published: z.array(z.string()),
  /** Keys in escrow, which stay. */
  escrowedKeys: z.int(),
  /** When the retention of the last of them ends; null: one is kept for ever, or there is none. */
  keptUntil: Instant.nullable(),
  /** Open legal holds, by their case numbers. */
  legalHolds: z.array(z.string()),
  /** What opens something to them today. */
  sessions: z.int(),
  passkeys: z.int(),
  claimLink: z.boolean(),
  /** Gateways that open their mail today. */
  gateways: z.int(),
});
export type Departure = z.infer<typeof Departure>;

/** Any certificate for the key. */
export const CompromiseReport = WhyNote.extend({ serialNumber: SerialNumber });

export const CompromiseOutcome = z.object({
  revoked: z.array(SerialNumber),
  /** Who makes the key that takes its place: the office, the mail gateway, or its owner with a link that is mailed to them. */
  replacement: z.enum(['not-needed', 'office', 'gateway', 'owner', 'none']),
});
export type CompromiseOutcome = z.infer<typeof CompromiseOutcome>;

/** CMS SignedData around a JSON document, DER in base64. */
export const EvidenceBundle = z.object({ fileName: z.string(), data: Base64, records: z.int() });
