/** Where the points of a recovery come from: what an officer's client checks before it opens any. Hashes are hexadecimal. */
import { z } from 'zod';

const Hashes = z.array(z.string().max(64)).max(64).readonly();

export const OriginsQuery = z.object({
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(500),
  /** Records under the checkpoint that this client saw last: the answer shows that the trail goes on from there. */
  seen: z.coerce.number().int().min(1).optional(),
  /** Records under the checkpoint of the first page: all pages are proven under the same one. */
  size: z.coerce.number().int().min(1).optional(),
});

export const Origins = z.object({
  /** A signed note (C2SP tlog-checkpoint). */
  checkpoint: z.string(),
  /** The office's verifier keys (C2SP signed-note). */
  keys: z.array(z.string()).readonly(),
  consistency: Hashes.describe('RFC 9162, from the checkpoint that was seen'),
  entries: z
    .array(
      z.object({
        leaf: z.int().describe('from 0: one less than the record’s sequence'),
        canonical: z.string().describe('RFC 8785 JSON of the audit record'),
        proof: Hashes.describe('RFC 9162'),
      }),
    )
    .readonly(),
  points: z
    .array(
      z.object({
        record: z.string(),
        leaf: z.int().describe('of the entry that says whose point it is'),
        ownership: z.string().nullable().describe('proof made at escrow, 64 octets, base64url'),
      }),
    )
    .readonly(),
  next: z.string().nullable(),
});
export type Origins = z.infer<typeof Origins>;
