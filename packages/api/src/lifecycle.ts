/** How people leave, for a time or for good, come back, and give up a key. */
import { z } from 'zod';
import { Address, Base64, Id, Instant, SerialNumber } from './values.ts';

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
  /** What they may do here as an operator, with a credential of their own; `last`: as the last administrator, who is not shut out. */
  operator: z.object({ roles: z.array(z.string()), last: z.boolean() }).nullable(),
});
export type Departure = z.infer<typeof Departure>;

/** What would give a manager the old mail of somebody who has left: a recovery request to be made, of which nothing is made yet. */
export const Handover = z.object({
  /** Null: nobody says who it is, or they are not here. */
  manager: z.object({ id: Id, name: z.string(), address: Address }).nullable(),
  /** PEM: of the manager, for the keys to be encrypted to; null where they cannot be written to. */
  certificate: z.string().nullable(),
  /** What keeps it from being asked for. */
  problem: z.string().nullable(),
  /** Keys in escrow that would be asked for. */
  keys: z.int(),
  leftAt: Instant.nullable(),
  /** A request for their keys that is under way. */
  requestId: Id.nullable(),
});
export type Handover = z.infer<typeof Handover>;

/** Any certificate for the key. */
export const CompromiseReport = WhyNote.extend({ serialNumber: SerialNumber });

export const CompromiseOutcome = z.object({
  revoked: z.array(SerialNumber),
  /** Who makes the key that takes its place: the office, the mail gateway, or its owner with a link that is mailed to them. */
  replacement: z.enum(['not-needed', 'office', 'gateway', 'owner', 'none']),
});
export type CompromiseOutcome = z.infer<typeof CompromiseOutcome>;

/** A ZIP archive, base64: a JSON document in CMS SignedData, a time stamp upon it, what they lead to, and how to check them. */
export const EvidenceBundle = z.object({ fileName: z.string(), data: Base64, records: z.int() });
