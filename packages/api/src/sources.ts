/** Sources of people, as an administrator sees them, and the tokens of SCIM clients. */
import { z } from 'zod';
import { SourceKind } from './people.ts';
import { Address, Id, Instant } from './values.ts';

const SourceName = z.string().regex(/^[a-z0-9-]{1,40}$/, 'has small letters, digits and hyphens');

export const ScimToken = z.object({
  id: Id,
  createdAt: Instant,
  /** As the audit trail names them. */
  createdBy: z.string(),
  expiresAt: Instant.nullable(),
  /** Within the hour. */
  lastUsedAt: Instant.nullable(),
  revokedAt: Instant.nullable(),
  inForce: z.boolean(),
});
export type ScimToken = z.infer<typeof ScimToken>;

export const Source = z.object({
  name: z.string(),
  kind: SourceKind,
  createdAt: Instant,
  lastContactAt: Instant.nullable(),
  /** What an administrator should know of it. */
  problem: z.string().nullable(),
  /** What becomes of whoever is switched off there, but not deleted; null: it switches nobody off. */
  deactivated: z.enum(['leave', 'suspend']).nullable(),
  /** Whom it presents, those of them who are active there, and those of whom nobody of ours came. */
  people: z.object({ all: z.int(), active: z.int(), nobody: z.int() }),
  groups: z.int(),
  conflicts: z.int(),
  /** Of a SCIM client, the newest first. */
  tokens: z.array(ScimToken),
});
export type Source = z.infer<typeof Source>;

export const SourceConflict = z.object({
  /** Of the source's record. */
  id: Id,
  source: z.string(),
  key: z.string(),
  name: z.string(),
  address: z.string().nullable(),
  since: Instant,
  code: z.enum(['perhaps-another', 'address-taken', 'alias-taken', 'unusable']),
  message: z.string(),
  /** Whom it may be about. */
  person: z.object({ id: Id, name: z.string(), address: Address }).nullable(),
});
export type SourceConflict = z.infer<typeof SourceConflict>;

/** Somebody in the office had them leave, and a source presents them on. */
export const StoppedPerson = z.object({
  id: Id,
  name: z.string(),
  address: Address,
  since: Instant,
  sources: z.array(z.string()),
});

export const NewScimToken = z.object({
  /** Of the source that it is for; made with its first token. */
  source: SourceName,
  expiresInDays: z.int().min(1).max(3_660).nullable().default(365),
});
export const ScimTokenRotation = z.object({
  /** How long the old one is good beside the new one. */
  overlapHours: z.int().min(0).max(720).default(72),
  expiresInDays: NewScimToken.shape.expiresInDays,
});
/** Shown once: only its hash is kept. */
export const MadeScimToken = z.object({
  id: Id,
  source: z.string(),
  token: z.string(),
  expiresAt: Instant.nullable(),
  /** Where the client finds us: its "tenant URL" or "base URL". */
  url: z.url(),
});
