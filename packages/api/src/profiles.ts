/** Certificate profiles over REST: versions, what a change would alter, a certificate as it would be. */
import { z } from 'zod';
import { CertificateUse } from './certificates.ts';
import { ProfileDocument } from './profile-document.ts';
import { Base64, Id, Instant, SerialNumber } from './values.ts';

export const ProfileId = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'is not made of small letters, digits and single hyphens');

const Version = z.int().min(1);

export const Profile = z.object({
  id: z.string(),
  version: z.int(),
  use: CertificateUse,
  name: z.string(),
  description: z.string(),
  /** Certificates for its use are issued by it. */
  chosen: z.boolean(),
  /** Good certificates that were issued by any of its versions. */
  certificates: z.int(),
  changedAt: Instant,
  changedBy: z.string(),
  document: ProfileDocument,
});
export type Profile = z.infer<typeof Profile>;

export const ProfileDetail = Profile.extend({
  /** Newest first. */
  versions: z.array(
    z.object({
      version: z.int(),
      createdAt: Instant,
      author: z.string(),
      note: z.string(),
      restoredFrom: z.int().nullable(),
      certificates: z.int(),
      document: ProfileDocument,
    }),
  ),
  /** The profile that its use is issued by now. */
  chosenForUse: z.string(),
});
export type ProfileDetail = z.infer<typeof ProfileDetail>;

/** `expectedVersion` is the version that the change was made from; 0 for a profile that is new. */
export const ApplyProfile = z.object({
  document: ProfileDocument,
  expectedVersion: z.int().min(0),
  note: z.string().trim().max(1000).default(''),
});
export const RestoreProfile = z.object({
  version: Version,
  expectedVersion: Version,
  note: z.string().trim().max(1000).default(''),
});
/** `expected` is the profile that the use is issued by so far. */
export const ChooseProfile = z.object({ expected: ProfileId });

export const LintOutcome = z.object({
  lint: z.string(),
  severity: z.enum(['error', 'warning']),
  clause: z.string(),
  message: z.string(),
  edition: z.string().optional(),
  verdict: z.enum(['blocks', 'noted', 'excepted']),
  reason: z.string().optional(),
});
export type LintOutcome = z.infer<typeof LintOutcome>;

/** A certificate as it would be issued: everything but the signature, which is zeros. */
export const CertificatePreview = z.object({
  /** Whom it is drawn for. */
  holder: z.string(),
  /** `RSA-3072`, `P-256`: a key made for the picture, or the one that a request is for. */
  key: z.string(),
  /** DER, or null where none would be issued to this holder at all: `refusal` says why. */
  certificate: Base64.nullable(),
  refusal: z.string().nullable(),
  findings: z.array(LintOutcome),
});
export type CertificatePreview = z.infer<typeof CertificatePreview>;

export const CompareProfile = z.object({
  document: ProfileDocument,
  /** Whom the certificates are drawn for; somebody made up where it is left out. */
  personId: Id.optional(),
});

export const ProfileComparison = z.object({
  /** The version in force that it is compared with; 0 for a profile that is new. */
  version: z.int(),
  changes: z.array(z.object({ path: z.string(), sentence: z.string() })),
  /** Why it could not be applied. */
  problems: z.array(z.object({ path: z.string(), message: z.string() })),
  before: CertificatePreview.nullable(),
  after: CertificatePreview,
  /** What stays as it is until its renewal, and follows the change then. */
  affected: z.object({
    certificates: z.int(),
    people: z.int(),
    /** Waiting for their certificate: they get it by the newest version. */
    waiting: z.int(),
    next: z.array(
      z.object({
        serialNumber: SerialNumber,
        version: z.int(),
        holder: z.string(),
        personId: Id.nullable(),
        renewFrom: Instant,
        notAfter: Instant,
      }),
    ),
  }),
});
export type ProfileComparison = z.infer<typeof ProfileComparison>;
