/** What the first page shows. */
import { z } from 'zod';
import { Instant } from './values.ts';

export const Overview = z.object({
  people: z.object({ active: z.int(), canSign: z.int(), canBeWrittenTo: z.int() }),
  certificates: z.object({ valid: z.int(), expiring: z.int(), expired: z.int(), revoked: z.int() }),
  /** Certificates that run out, by month (`2027-03`), the next twelve. */
  expiryByMonth: z.array(z.object({ month: z.string(), signing: z.int(), encryption: z.int() })),
  /** Certificates issued, by day (`2026-11-24`), the last thirty. */
  issuedByDay: z.array(z.object({ day: z.string(), count: z.int() })),
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
      /** `software`, or `pkcs11:` and the label of the token. */
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
