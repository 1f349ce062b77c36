/** Escrowed keys through the years: keys that devices made, and the end of every key's time. */
import { z } from 'zod';
import { TransportKey } from './imports.ts';
import { Address, Base64, Id, Instant } from './values.ts';

/** What a device needs before it hands over its key. */
export const ArchiveChallenge = z.object({
  /** The challengePassword of the request, which the key signs. */
  challenge: z.string(),
  expiresAt: Instant,
  transport: TransportKey,
});

export const DeviceKey = z.object({
  /** PKCS#10, DER, signed by the key, with the challenge. */
  request: Base64.max(20_000),
  /** CMS AuthEnvelopedData to the transport key (DER) of: length of the request (4 octets), request, PKCS#8. */
  sealed: Base64.max(60_000),
});

export const EndingKey = z.object({
  escrowedKeyId: Id,
  person: z.object({ id: Id, name: z.string(), address: Address }),
  keyAlgorithm: z.string(),
  announcedAt: Instant,
  /** The day that it may be destroyed from; null where its profile keeps it for ever now. */
  destroyedFrom: Instant.nullable(),
  /** Why it is there still, without a full stop; null: it is destroyed within the hour. */
  keptBy: z.string().nullable(),
  approvedBy: z.array(z.object({ id: Id, name: z.string() })),
  /** May the caller agree to its end. */
  mayApprove: z.boolean(),
});
export type EndingKey = z.infer<typeof EndingKey>;

export const Retention = z.object({
  /** Days between the announcement of a key and its end. */
  warnDays: z.int(),
  /** Operators who must agree; 0: none. */
  operators: z.int(),
  /** The first to end first, a thousand at most. */
  items: z.array(EndingKey),
});
export type Retention = z.infer<typeof Retention>;

export const ApproveDestruction = z.object({ escrowedKeyIds: z.array(Id).min(1).max(1000) });
