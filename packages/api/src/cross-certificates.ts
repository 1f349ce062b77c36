/** Cross-certificates: a further certificate for the name and key of an authority, by another root. Edges of the hierarchy's picture. */
import { z } from 'zod';
import { RevocationReason } from './certificates.ts';
import { Base64, Id, Instant, SerialNumber } from './values.ts';

export const CrossCertificate = z.object({
  id: Id,
  /** The authority of ours whose name and key it certifies; null where that is not ours. */
  subjectId: Id.nullable(),
  subject: z.string(),
  /** The authority of ours that signed it; null where that is not ours. */
  issuerId: Id.nullable(),
  issuer: z.string(),
  /** Of an outside issuer: names from it up to its root. */
  above: z.array(z.string()),
  serialNumber: SerialNumber,
  keyAlgorithm: z.string(),
  notBefore: Instant,
  notAfter: Instant,
  /** By us. */
  revokedAt: Instant.nullable(),
  /** DER. */
  certificate: Base64,
});
export type CrossCertificate = z.infer<typeof CrossCertificate>;

/** What a root of ours is to sign, DER: for an authority of ours, a root that is not, or a request. */
export const NewCrossCertificate = z.object({
  issuerId: Id,
  subject: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('authority'), authorityId: Id }),
    z.strictObject({ kind: z.literal('certificate'), certificate: Base64 }),
    z.strictObject({ kind: z.literal('request'), request: Base64 }),
  ]),
  years: z.int().min(1).max(20).default(10),
  /** Mail domains, those below them included, that an authority which is not ours may certify; none: all. */
  domains: z.array(z.string().max(253)).max(100).default([]),
});
/** DER; the chain from its issuer to that one's root, where the issuer is not ours. */
export const CrossAnswer = z.object({ certificate: Base64, chain: z.array(Base64).max(8).default([]) });
export const RevokeCross = z.object({ reason: RevocationReason, note: z.string().max(1000).default('') });
