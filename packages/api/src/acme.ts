/** Partners outside the organisation, who get certificates by ACME: the keys that let them in, and what they ordered. */
import { z } from 'zod';
import { ById, type RouteDefinition, route } from './route.ts';
import { Base64, Id, Instant, SerialNumber } from './values.ts';

/** Octets of a reply to a challenge: a line that matters, what was replied to, perhaps a signature. */
export const acmeReplyOctets = 131_072;

/** A key for external account binding (RFC 8555 section 7.3.4). */
export const AcmeKey = z.object({
  /** What an ACME client calls the key identifier. */
  id: Id,
  name: z.string(),
  /** Addresses and whole domains that may be ordered with it. */
  addresses: z.array(z.string()),
  state: z.enum(['open', 'used', 'expired', 'revoked']),
  createdAt: Instant,
  /** As the audit trail names them. */
  createdBy: z.string(),
  expiresAt: Instant,
  usedAt: Instant.nullable(),
  /** That was made with it, and whether it is in force. */
  account: z.object({ id: Id, state: z.enum(['valid', 'deactivated', 'revoked']) }).nullable(),
});
export type AcmeKey = z.infer<typeof AcmeKey>;

const NewAcmeKey = z.object({
  /** Who the partner is: for the office's own people. */
  name: z.string().trim().min(1).max(100),
  addresses: z.array(z.string().min(1).max(254)).min(1).max(50),
  /** Until when an account is to be made with it. */
  expiresInDays: z.int().min(1).max(366).default(30),
});

/** Shown once: afterwards it lies sealed until it is used, and then nowhere. */
const MadeAcmeKey = z.object({
  id: Id,
  name: z.string(),
  /** HS256, base64url, as ACME clients take it. */
  macKey: z.string(),
  expiresAt: Instant,
  /** The directory that a client is given. */
  url: z.url(),
});

export const AcmeOrder = z.object({
  id: Id,
  accountId: Id,
  /** The name of the key that let the account in. */
  partner: z.string().nullable(),
  addresses: z.array(z.string()),
  state: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  createdAt: Instant,
  expiresAt: Instant,
  serialNumber: SerialNumber.nullable(),
  problem: z.string().nullable(),
});
export type AcmeOrder = z.infer<typeof AcmeOrder>;

export const acmeRoutes = {
  acmeKeys: route({
    method: 'GET',
    path: '/api/v1/acme/keys',
    summary: 'Keys with which partners make ACME accounts, the newest first; at most 1,000',
    access: 'authenticated',
    response: z.object({ items: z.array(AcmeKey) }),
  }),
  createAcmeKey: route({
    method: 'POST',
    path: '/api/v1/acme/keys',
    summary: 'Make a key with which a partner makes an ACME account, once',
    access: 'authenticated',
    body: NewAcmeKey,
    response: MadeAcmeKey,
  }),
  revokeAcmeKey: route({
    method: 'POST',
    path: '/api/v1/acme/keys/:id/revoke',
    summary: 'End a key and the account that was made with it, and its certificates where that is asked for',
    access: 'authenticated',
    params: ById,
    body: z.object({ certificates: z.boolean().default(false) }),
    response: z.object({ revoked: z.int() }),
  }),
  acmeOrders: route({
    method: 'GET',
    path: '/api/v1/acme/orders',
    summary: 'What partners ordered by ACME, the newest first; at most 500',
    access: 'authenticated',
    response: z.object({ items: z.array(AcmeOrder) }),
  }),
  acmeReply: route({
    method: 'POST',
    path: '/api/v1/gateway/acme-replies',
    summary: 'A mail to the address of ACME challenges, as it came in',
    access: 'authenticated',
    body: z.object({ message: Base64.max(180_000) }),
    response: z.object({
      outcome: z.enum(['proven', 'refused', 'later']),
      /** A sentence, for whoever sent it. */
      reason: z.string(),
    }),
  }),
} as const satisfies Record<string, RouteDefinition>;
