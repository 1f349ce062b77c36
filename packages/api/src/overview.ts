/** What the first page shows. */
import { z } from 'zod';
import { Instant } from './values.ts';

export const Overview = z.object({
  /** When people, certificates, escrow and publication were counted: of a very large office that may be minutes ago. */
  countedAt: Instant,
  people: z.object({ active: z.int(), canSign: z.int(), canBeWrittenTo: z.int() }),
  certificates: z.object({ valid: z.int(), expiring: z.int(), expired: z.int(), revoked: z.int() }),
  escrow: z.object({ keys: z.int(), encryptionCertificates: z.int(), covered: z.int() }),
  /** Mail through the gateways, by day, the last thirty. */
  mailByDay: z.array(
    z.object({
      day: z.string(),
      signed: z.int(),
      encrypted: z.int(),
      decrypted: z.int(),
      verified: z.int(),
      refused: z.int(),
      plain: z.int(),
    }),
  ),
  /** Escrowed keys that are announced to be destroyed. */
  retention: z.object({ ending: z.int() }),
  /** Of the vault of now: what drills have shown. */
  drill: z.object({
    keys: z.int(),
    proven: z.int().describe('opened by a drill, ever'),
    failed: z.int().describe('did not open when they were drawn last'),
    lastAt: Instant.nullable().describe('when one was complete last'),
    dueAt: Instant.nullable().describe('null where none is scheduled'),
    overdue: z.boolean(),
  }),
  recoveries: z.object({ open: z.int(), approved: z.int() }),
  publication: z.array(
    z.object({
      target: z.string(),
      published: z.int(),
      pending: z.int(),
      failed: z.int(),
      lastError: z.string().nullable(),
    }),
  ),
  status: z.object({ crlNumber: z.int().nullable(), crlNextUpdate: Instant.nullable() }),
  /** Where the keys of the office are, the store for new keys first. */
  keyStores: z.array(
    z.object({
      /** `software`, or `pkcs11:` and the label of the token; `status ` before it where it holds the keys of OCSP responders alone. */
      name: z.string(),
      state: z.enum(['available', 'unavailable']),
      since: Instant,
      /** Maker and model of a token. */
      device: z.string().nullable(),
      sessions: z.object({ free: z.int(), total: z.int() }).nullable(),
      lastError: z.object({ at: Instant, message: z.string() }).nullable(),
    }),
  ),
  gateways: z.array(z.object({ name: z.string(), lastSeenAt: Instant.nullable() })),
});
export type Overview = z.infer<typeof Overview>;

/** Certificates of one profile on one day in UTC (`2026-11-24`); a day with none is left out. */
const ProfileDay = z.object({ day: z.string(), profile: z.string(), count: z.int() });

/** A year of issuance and a year of expiry, by profile. */
export const CertificateHistory = z.object({
  /** The day that it was asked. */
  today: z.string(),
  /** The 365 days up to today. */
  issued: z.array(ProfileDay),
  /** What is neither revoked nor held and ends within 365 days, today among them. */
  expiring: z.array(ProfileDay),
});
export type CertificateHistory = z.infer<typeof CertificateHistory>;
