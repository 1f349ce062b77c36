/** The vault: officers' share keys, ceremonies, and what officers contribute. Points, keys and proofs are base64url. */
import { z } from 'zod';
import { Id, Instant } from './values.ts';

const Base64Url = z
  .string()
  .regex(/^[A-Za-z0-9_-]*$/)
  .max(200);
/** Index of an officer in a ceremony, from 1. */
const OfficerIndex = z.int().min(1).max(64);
const SharePublicKeys = z.strictObject({
  encryption: Base64Url.describe('P-256 point, 65 octets'),
  signing: Base64Url.describe('Ed25519, 32 octets'),
});

export const NewShareKey = z.strictObject({
  publicKeys: SharePublicKeys,
  /** By that key, over the operator's id and the public keys. */
  signature: Base64Url,
  kind: z.enum(['passkey', 'file']),
  credentialId: z.string().max(2000).optional().describe('of the passkey'),
});

export const Dealing = z.strictObject({
  plan: z.string().max(64),
  dealer: OfficerIndex,
  commitments: z.array(Base64Url).max(64),
  proof: Base64Url,
  shares: z.array(z.strictObject({ encapsulation: Base64Url, ciphertext: Base64Url })).max(64),
  signature: Base64Url,
});

/** An officer's part of an opening. */
export const OpeningPart = z.strictObject({
  officer: OfficerIndex,
  points: z.array(Base64Url).max(100_000),
  proofs: z.array(Base64Url).max(1000),
});

export const CeremonyAcceptance = z.strictObject({
  /** Over the transcript's digest. */
  signature: Base64Url,
  /** Of the test record. */
  partial: OpeningPart,
});

export const NewCeremony = z.strictObject({
  kind: z.enum(['found', 'reshare']),
  /** M: how many officers open a key. */
  threshold: z.int().min(2).max(64),
  /** Operators who will hold a share. */
  officers: z.array(Id).min(2).max(64),
  /** For a re-sharing: operators who hold a share now and deal it on, as many as the threshold of now. */
  dealers: z.array(Id).max(64).default([]),
});
export const AbandonCeremony = z.strictObject({ reason: z.string().trim().min(1).max(1000) });

/** What is opened, and for what: officers multiply each record's point. */
export const Opening = z.object({
  vaultId: Id,
  request: z.string().describe('SHA-256, hex, of what this is for'),
  records: z.array(z.object({ id: z.string(), encapsulation: z.string() })).readonly(),
});

export const Ceremony = z.object({
  id: Id,
  kind: z.enum(['found', 'reshare']),
  vaultId: Id,
  epoch: z.int(),
  threshold: z.int(),
  state: z.enum(['gathering', 'dealing', 'accepting', 'complete', 'abandoned']),
  officers: z.array(z.object({ id: Id, name: z.string(), hasShareKey: z.boolean(), accepted: z.boolean() })),
  dealers: z.array(z.object({ id: Id, name: z.string(), dealt: z.boolean() })),
  openedBy: z.string(),
  openedAt: Instant,
  closedAt: Instant.nullable(),
  reason: z.string().nullable(),
  /** What the caller is waited for. */
  yourTurn: z.enum(['share-key', 'deal', 'accept']).nullable(),
  /** RFC 8785 JSON, word for word: what officers sign is the digest of these. */
  plan: z.string().nullable(),
  transcript: z.string().nullable(),
  previousTranscript: z.string().nullable(),
  /** What officers read to each other before they accept. */
  fingerprint: z.string().nullable(),
  /** What an acceptance opens. */
  opening: Opening.nullable(),
});
export type Ceremony = z.infer<typeof Ceremony>;

/** A drill, or the re-wrapping of what a replaced vault holds: what officers do a batch of records at a time. */
export const Round = z.object({
  id: Id,
  kind: z.enum(['drill', 'rewrap']),
  /** Whose officers contribute. */
  vaultId: Id,
  targetVaultId: Id.nullable(),
  begunBy: z.string(),
  begunAt: Instant,
  closedAt: Instant.nullable(),
  outcome: z.enum(['complete', 'ended']).nullable(),
  /** How many officers each batch takes. */
  threshold: z.int(),
  records: z.object({ asked: z.int(), done: z.int(), failed: z.int() }),
  batches: z.object({ asked: z.int(), done: z.int() }),
  officers: z.array(z.object({ id: Id, name: z.string(), contributed: z.int().describe('batches') })),
  /** Batches that wait for the caller. */
  yours: z.int(),
  /** The newest twenty that did not open. */
  failures: z.array(z.object({ escrowedKeyId: Id, error: z.string() })),
});
export type Round = z.infer<typeof Round>;

export const NewDrill = z.strictObject({
  records: z.int().min(1).max(10_000).optional().describe('to draw; as configured without it'),
});

/** What waits for the caller, and what their client checks it against. */
export const RoundWork = z.object({
  /** Of the vault whose records these are: RFC 8785 JSON. */
  transcript: z.string(),
  /** Of the ceremony that founded the vault that keys go to, for a re-wrapping. */
  target: z.string().nullable(),
  /** RFC 8785 JSON, word for word: what officers sign, and what says which points they multiply. */
  batches: z.array(z.object({ id: Id, canonical: z.string() })),
  /** Of all that wait for the caller, these included. */
  waiting: z.int(),
});
export const RoundWorkQuery = z.object({ limit: z.coerce.number().int().min(1).max(50).default(10) });

export const EscrowExportQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(200),
  after: Id.optional(),
});
export const EscrowExportPage = z.object({
  /** RFC 8785 JSON, one for each line of the export; the last line, with the digest, is the reader's to write. */
  lines: z.array(z.string()),
  next: Id.nullable(),
});

/** Lines of the log of an opening without the office, word for word and in their order. */
export const ReportedOpenings = z.strictObject({ lines: z.array(z.string()).min(1).max(100) });
export const ReportOutcome = z.object({
  recorded: z.int(),
  /** The office was told of these before. */
  known: z.int(),
});

export const BatchPart = z.strictObject({
  digest: z.string().max(64),
  /** Over the digest, for this kind of round. */
  signature: Base64Url,
  partial: OpeningPart,
});

export const Vault = z.object({
  id: Id,
  state: z.enum(['provisional', 'live', 'retired']),
  epoch: z.int(),
  threshold: z.int(),
  officers: z.array(z.object({ id: Id, name: z.string(), inOffice: z.boolean() })),
  publicKey: z.string().nullable(),
  /** RFC 8785 JSON of the ceremony behind this epoch: with it and a share key an officer opens their share. */
  transcript: z.string().nullable(),
  fingerprint: z.string().nullable(),
  keys: z.object({
    inVault: z.int().describe('escrowed keys that this vault opens'),
    elsewhere: z.int().describe('escrowed keys still in a vault before it'),
  }),
  /** The caller's own newest share key. */
  yourShareKey: z
    .object({ kind: z.enum(['passkey', 'file']), credentialId: z.string().nullable(), createdAt: Instant })
    .nullable(),
  /** Every passkey that ever gave the caller a share key, by the public half of that key: a ceremony may go by an older one. */
  yourPasskeys: z.array(z.object({ encryption: z.string(), credentialId: z.string() })),
  ceremony: Ceremony.nullable().describe('the one that is open'),
  /** The key-encryption key in the key store. */
  kek: z.object({
    /** `software`, `pkcs11`: which store holds it. */
    store: z.string(),
    rotates: z.boolean().describe('what is sealed under the key before is being sealed anew'),
  }),
  /** Drills and re-wrappings that are open. */
  rounds: z.array(Round),
});
export type Vault = z.infer<typeof Vault>;
