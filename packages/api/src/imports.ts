/** Certificates and encryption keys of another office, taken in so that old mail stays readable. */
import { z } from 'zod';
import { RevocationReason } from './certificates.ts';
import { Address, Base64, Id, Instant, PageQuery } from './values.ts';

const Reason = z.enum([...RevocationReason.options, 'certificateHold']);
/** Where it was found: a file's name, for the audit trail and for whoever asks later. */
const Source = z.string().max(300);

const OutsideCertificate = z.object({
  /** DER. */
  certificate: Base64.max(200_000),
  source: Source,
  /** What the list of its issuer says of it. */
  revoked: z.object({ at: Instant, reason: Reason }).nullable().default(null),
});

const How = {
  /** Says what would happen, and changes nothing. */
  dryRun: z.boolean().default(false),
  /** Somebody whose address nobody has joins; otherwise their certificates are left out. */
  createPeople: z.boolean().default(false),
};

export const ImportCertificates = z.object({ ...How, items: z.array(OutsideCertificate).min(1).max(500) });

export const ImportKeys = z.object({
  ...How,
  items: z
    .array(
      OutsideCertificate.extend({
        /** CMS AuthEnvelopedData to the transport key (DER) of: length of the certificate (4 octets), certificate, PKCS#8. Null in a dry run. */
        sealed: Base64.max(300_000).nullable(),
      }),
    )
    .min(1)
    .max(200),
});

/** What keys are sealed to on their way here: DER, signed by itself. */
export const TransportKey = z.object({ certificate: Base64, notAfter: Instant });

/** What became of one. `updated`: it was here, and something new is known of it. `nobody`: it names no address of anybody. */
const importOutcomes = ['imported', 'updated', 'known', 'nobody', 'refused'] as const;

export const ImportedItem = z.object({
  outcome: z.enum(importOutcomes),
  /** Of `nobody` and `refused`: one word for scripts, one sentence for people. */
  code: z.string().nullable(),
  reason: z.string().nullable(),
  subject: z.string().nullable(),
  issuer: z.string().nullable(),
  /** As the certificate has them. */
  addresses: z.array(z.string()),
  personId: Id.nullable(),
  /** They joined because of it. */
  created: z.boolean(),
  use: z.enum(['signing', 'encryption']).nullable(),
  notAfter: Instant.nullable(),
});
export type ImportedItem = z.infer<typeof ImportedItem>;

/** In the order of the items. */
export const ImportOutcome = z.object({ dryRun: z.boolean(), items: z.array(ImportedItem) });

export const ImportedCertificate = z.object({
  id: Id,
  personId: Id,
  address: Address.nullable(),
  subject: z.string(),
  issuer: z.string(),
  serialNumber: z.string(),
  /** The authority here that signed it: then its status is this office's to say. Null: its issuer says it. */
  authorityId: Id.nullable(),
  use: z.enum(['signing', 'encryption']),
  /** The key may sign too: a certificate for both, as many offices issue them. */
  alsoSigns: z.boolean(),
  state: z.enum(['valid', 'expired', 'held', 'revoked']),
  keyAlgorithm: z.string(),
  fingerprintSha256: z.string(),
  /** Its key is in escrow here. */
  escrowedKeyId: Id.nullable(),
  notBefore: Instant,
  notAfter: Instant,
  source: z.string(),
  importedAt: Instant,
  revokedAt: Instant.nullable(),
  revocationReason: Reason.nullable(),
});
export type ImportedCertificate = z.infer<typeof ImportedCertificate>;

export const ImportedCertificateDetail = ImportedCertificate.extend({
  /** DER. */
  der: Base64,
});

export const ImportedCertificateQuery = PageQuery.extend({ search: z.string().max(200).optional() });
