/** Renewals: what will be due, what is overdue and why, and rollovers from one authority to another. */
import { z } from 'zod';
import { CertificateUse } from './certificates.ts';
import { Address, Id, Instant, SerialNumber } from './values.ts';

/** Who has to act: the office, the mail gateway, the owner of the key, or an operator by hand. */
const RenewalWay = z.enum(['office', 'gateway', 'owner', 'operator']);

export const ForecastQuery = z.object({
  by: z.enum(['day', 'week', 'month']).default('week'),
  /** How many of them, from now. */
  spans: z.coerce.number().int().min(1).max(120).default(13),
});

export const RenewalForecast = z.object({
  /** What is due already is in the first. Days and weeks in UTC, weeks from Monday. */
  spans: z.array(
    z.object({
      from: Instant,
      until: Instant,
      certificates: z.int(),
      parts: z.array(z.object({ profile: z.string(), use: CertificateUse, way: RenewalWay, certificates: z.int() })),
    }),
  ),
  /** Begun today, and how many may. */
  today: z.object({ begun: z.int(), perDay: z.int() }),
});
export type RenewalForecast = z.infer<typeof RenewalForecast>;

/** Far into its window, and nothing has taken its place. */
export const OverdueRenewal = z.object({
  serialNumber: SerialNumber,
  use: CertificateUse,
  profile: z.string(),
  personId: Id.nullable(),
  address: Address.nullable(),
  notAfter: Instant,
  way: RenewalWay,
  /** A sentence: what it waits for. */
  why: z.string(),
});
export type OverdueRenewal = z.infer<typeof OverdueRenewal>;

export const Rollover = z.object({
  id: Id,
  authorityId: Id,
  authority: z.string(),
  state: z.enum(['running', 'paused', 'done', 'ended']),
  perDay: z.int(),
  note: z.string(),
  begunAt: Instant,
  closedAt: Instant.nullable(),
  /** Certificates of the authority that nothing of another's has taken the place of. */
  left: z.int(),
  /** Renewals that it has begun. */
  begun: z.int(),
});
export type Rollover = z.infer<typeof Rollover>;

export const NewRollover = z.object({
  authorityId: Id,
  perDay: z.int().min(1).max(1_000_000).default(500),
  note: z.string().trim().max(1000).default(''),
});
export const RolloverChange = z.object({ act: z.enum(['pause', 'resume', 'end']) });
