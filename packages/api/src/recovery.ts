/** Recovery requests: how a lost encryption key comes back. */
import { z } from 'zod';
import { Address, Base64, Id, Instant, PageQuery } from './values.ts';
import { Opening, OpeningPart } from './vault.ts';

/** How the key leaves: re-wrapped to a named certificate (CMS AuthEnvelopedData), or as PKCS#12 whose password travels apart. */
const Delivery = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('certificate'), certificate: z.string().max(20_000).describe('PEM, or DER in base64') }),
  z.object({ kind: z.literal('pkcs12'), profile: z.enum(['modern', 'compat']).default('modern') }),
]);
const ReasonCode = z.enum([
  'lost-device',
  'forgotten-password',
  'departed-employee',
  'legal-hold',
  'investigation',
  'other',
]);

export const NewRecoveryRequest = z.object({
  personId: Id,
  /** Which of the person's keys; all of them when empty. */
  escrowedKeyIds: z.array(Id).default([]),
  reason: ReasonCode,
  caseNumber: z.string().max(100).default(''),
  explanation: z.string().trim().min(1).max(2000),
  delivery: Delivery,
  /** Hours until the request lapses. */
  expiresInHours: z.int().min(1).max(720).default(72),
});

export const RecoveryRequest = z.object({
  id: Id,
  personId: Id,
  personName: z.string(),
  personAddress: Address,
  escrowedKeyIds: z.array(Id),
  reason: ReasonCode,
  caseNumber: z.string(),
  explanation: z.string(),
  delivery: z.object({
    kind: z.enum(['certificate', 'pkcs12']),
    recipient: z.string().nullable().describe('subject of the named certificate'),
  }),
  state: z.enum(['open', 'approved', 'released', 'rejected', 'expired']),
  /** M: how many distinct officers must approve. */
  threshold: z.int(),
  requestedBy: z.object({ id: Id, name: z.string() }),
  requestedAt: Instant,
  expiresAt: Instant,
  decisions: z.array(
    z.object({
      officerId: Id,
      officerName: z.string(),
      decision: z.enum(['approve', 'reject']),
      note: z.string(),
      at: Instant,
    }),
  ),
  /** SHA-256, hex, of the canonical request (RFC 8785) that each officer approves. */
  digest: z.string(),
  releasedAt: Instant.nullable(),
  /** May the caller approve it, release it; and if not, the rule that says no. */
  mayApprove: z.boolean(),
  mayRelease: z.boolean(),
  why: z.string().nullable(),
  /** RFC 8785 JSON, word for word: what officers sign. `digest` is of it, and what is opened stands in it. */
  canonical: z.string(),
  /** What an approval opens its part of. */
  opening: Opening.nullable(),
});
export type RecoveryRequest = z.infer<typeof RecoveryRequest>;

export const RecoveryQuery = PageQuery.extend({
  state: z.enum(['open', 'approved', 'released', 'rejected', 'expired']).optional(),
});

export const Decision = z.object({
  decision: z.enum(['approve', 'reject']),
  /** The digest the officer saw: an approval of anything else is refused. */
  digest: z.string(),
  note: z.string().max(1000).default(''),
  /** By the officer's share key, over the digest and the decision. */
  signature: z.string().max(200),
  /** The officer's part of the opening, with an approval. */
  partial: OpeningPart.optional(),
});

/** `data` is a PKCS#12, or the CMS message addressed to the named certificate (DER). */
export const Release = z.object({ fileName: z.string(), mediaType: z.string(), data: Base64 });
/** The PKCS#12 password, told once to an officer who approved, never to the requester. */
export const ReleasePassword = z.object({ password: z.string() });
