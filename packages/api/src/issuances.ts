/** Bulk issuance: many requests for signing certificates at once, with progress. */
import { z } from 'zod';
import { SigningRequest } from './certificates.ts';
import { Base64, Id, Instant, PageQuery, SerialNumber } from './values.ts';

/**
 * A batch comes in as many calls as its sender likes, each for the positions from `offset` on. The sender chooses its `id`,
 * so that a call may be repeated: whoever came first to a position has it.
 */
export const NewIssuance = z.object({
  id: Id,
  note: z.string().max(200).default(''),
  offset: z.int().min(0).max(10_000_000).default(0),
  items: z
    .array(SigningRequest.extend({ address: z.string().min(1).max(254) }))
    .min(1)
    .max(1000),
});

export const Issuance = z.object({
  id: Id,
  note: z.string(),
  createdBy: z.string(),
  createdAt: Instant,
  total: z.int(),
  waiting: z.int(),
  issued: z.int(),
  failed: z.int(),
  withdrawn: z.int(),
});
export type Issuance = z.infer<typeof Issuance>;

const IssuanceItemState = z.enum(['waiting', 'issued', 'failed', 'withdrawn']);

export const IssuanceItemQuery = PageQuery.extend({ state: IssuanceItemState.optional() });

export const IssuanceItem = z.object({
  position: z.int(),
  address: z.string(),
  state: IssuanceItemState,
  /** Why it failed: a sentence. */
  error: z.string().nullable(),
  serialNumber: SerialNumber.nullable(),
  /** DER. */
  certificate: Base64.nullable(),
});
