/** One correspondent as the gateway keeps them on disk. */
import { createHash } from 'node:crypto';
import { z } from 'zod';

const Capability = z.object({
  /** Dotted. */
  oid: z.string().max(100),
  /** DER in base64. */
  parameters: z.string().max(500).nullable(),
});
export type Capability = z.infer<typeof Capability>;

const KeptCertificate = z.object({
  /** DER in base64, and the CA certificates between it and a trust anchor: they came with the message and nowhere else. */
  certificate: z.string(),
  chain: z.array(z.string()),
  /** Of the DER, hex. */
  sha256: z.string(),
  /** At most one is pinned. */
  state: z.enum(['pinned', 'waiting', 'replaced']),
  firstSeen: z.iso.datetime(),
  /** To the day. */
  lastSeen: z.iso.datetime(),
  /** Message-ID of the message that it first came with. */
  message: z.string().nullable(),
  /** Why it was pinned: it was the first, it came from the authority of the one before, or an administrator said so. */
  approved: z
    .object({
      how: z.enum(['first', 'same-authority', 'administrator']),
      by: z.string().nullable(),
      at: z.iso.datetime(),
    })
    .nullable(),
  replacedBy: z.string().nullable(),
  capabilities: z.array(Capability).nullable(),
  /** When they were signed, ms since 1970. */
  capabilitiesAt: z.number().nullable(),
});
export type KeptCertificate = z.infer<typeof KeptCertificate>;

const Current = z.object({
  address: z.string(),
  certificates: z.array(KeptCertificate),
  /** Signed messages, counted until they are a habit; and those without a signature since. */
  signed: z.number(),
  unsigned: z.number(),
});

/** Before there was a history. */
const Former = z.object({
  address: z.string(),
  pinned: z.string(),
  chain: z.array(z.string()),
  pinnedAt: z.iso.datetime(),
  offered: z.array(z.object({ certificate: z.string(), at: z.iso.datetime() })),
});

export const KeptCorrespondent = z.union([
  Current,
  Former.transform(({ address, pinned, chain, pinnedAt }) => ({
    address,
    signed: 1,
    unsigned: 0,
    certificates: [
      {
        ...{ certificate: pinned, chain, state: 'pinned' as const, firstSeen: pinnedAt, lastSeen: pinnedAt },
        sha256: createHash('sha256').update(Buffer.from(pinned, 'base64')).digest('hex'),
        approved: { how: 'first' as const, by: null, at: pinnedAt },
        ...{ message: null, replacedBy: null, capabilities: null, capabilitiesAt: null },
      },
    ],
  })),
]);
export type KeptCorrespondent = z.infer<typeof Current>;
