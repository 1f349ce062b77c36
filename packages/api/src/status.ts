/** What becomes of certificates after they are issued: revocation, hold and release of many, and how lists and OCSP are doing. */
import { z } from 'zod';
import { RevocationReason } from './certificates.ts';
import { Id, Instant, SerialNumber } from './values.ts';

const Note = z.string().max(1000).default('');

export const NoteRequest = z.object({ note: Note });

export const StatusChangeRequest = z.object({
  change: z.discriminatedUnion('act', [
    z.strictObject({ act: z.literal('revoke'), reason: RevocationReason }),
    z.strictObject({ act: z.literal('hold') }),
    z.strictObject({ act: z.literal('release') }),
  ]),
  note: Note,
});
export type StatusChangeRequest = z.infer<typeof StatusChangeRequest>;

/** How many certificates it was a change for. */
export const StatusChanged = z.object({ changed: z.int() });

const List = z.object({
  number: z.int(),
  /** Of a delta: the number of the complete list that it continues. */
  baseNumber: z.int().nullable(),
  entries: z.int(),
  octets: z.int(),
  thisUpdate: Instant,
  nextUpdate: Instant,
  url: z.url(),
});

export const AuthorityHealth = z.object({
  id: Id,
  slug: z.string(),
  name: z.string(),
  serialNumber: SerialNumber,
  role: z.enum(['root', 'issuing']),
  /** Of a root whose key is offline. */
  offline: z
    .object({
      /** From when a warning says that the next ceremony is due; null without a list. */
      warnFrom: Instant.nullable(),
      /** What was revoked here, or released, since its list was taken in. */
      behind: z.int(),
    })
    .nullable(),
  revoked: z.object({ at: Instant, reason: z.string() }).nullable(),
  complete: List.nullable(),
  delta: List.nullable(),
  /** Of all shards together: the oldest list, and the one that ends first. */
  shards: z.object({ count: z.int(), entries: z.int(), thisUpdate: Instant, nextUpdate: Instant }).nullable(),
  /** The certificate that its OCSP answers are signed with. */
  responder: z.object({ notBefore: Instant, notAfter: Instant }).nullable(),
  publications: z.array(
    z.object({
      target: z.string(),
      documents: z.int(),
      /** Documents that are not there yet as they are in force. */
      behind: z.int(),
      publishedAt: Instant.nullable(),
      error: z.string().nullable(),
      triedAt: Instant.nullable(),
    }),
  ),
});
export type AuthorityHealth = z.infer<typeof AuthorityHealth>;

export const StatusHealth = z.object({
  /** What will be wrong soon, a sentence each. */
  warnings: z.array(z.string()),
  authorities: z.array(AuthorityHealth),
  /** Of this process, within the last minute; `chancery status` counts its own, at /health. */
  /** Of this process: RSA keys that are made before somebody needs them. */
  keyPool: z
    .object({
      /** What it makes now; null before the first. */
      spec: z.string().nullable(),
      size: z.int(),
      ready: z.int(),
      making: z.int(),
      waiting: z.int(),
      /** Since it started: keys handed out at once, and those that had to be made first. */
      taken: z.object({ ready: z.int(), made: z.int() }),
    })
    .nullable(),
  ocsp: z.object({
    answersPerMinute: z.object({ kept: z.int(), signed: z.int(), refused: z.int() }),
    keptAnswers: z.int(),
  }),
});
export type StatusHealth = z.infer<typeof StatusHealth>;
