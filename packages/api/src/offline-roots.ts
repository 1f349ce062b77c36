/** Roots whose keys are on a machine that no network reaches, and the lists that ceremonies sign for them. */
import { z } from 'zod';
import { Base64, Id, Instant, SerialNumber } from './values.ts';

/** DER. */
export const OfflineRoot = z.object({ name: z.string().trim().min(1).max(200), certificate: Base64 });
export const AdoptedRoot = z.object({ id: Id, slug: z.string(), crlUrl: z.url(), certificateUrl: z.url() });
export const CeremonyCrl = z.object({
  /** DER. */
  crl: Base64,
  /** Of the ceremony, as it was printed: its hash goes into the audit trail. */
  transcript: z.string().max(200_000).optional(),
});
export const TakenCrl = z.object({
  number: z.int(),
  nextUpdate: Instant,
  /** From when health warns that the next ceremony is due. */
  warnFrom: Instant,
  /** What it revokes that was not revoked here. */
  revoked: z.array(SerialNumber),
});
/** What an authority's next list must hold. */
export const AuthorityRevocations = z.object({
  /** Of its last list. */
  number: z.int().nullable(),
  items: z.array(z.object({ serialNumber: SerialNumber, reason: z.string(), revokedAt: Instant })),
});
