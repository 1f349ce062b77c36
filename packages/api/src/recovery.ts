/** Recovery requests: how a lost encryption key comes back. */
import { z } from 'zod';
import { Address, Base64, Id, Instant, PageQuery } from './values.ts';
import { Opening, OpeningPart } from './vault.ts';

/** SHA-256 in lower-case hexadecimal. */
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A message that shall be decrypted, by what it is: no other opens. */
const NamedMessage = z.object({
  sha256: Sha256.describe('of the whole message, as the file is'),
  name: z.string().max(200).default('').describe('of the file, for people'),
});

/**
 * How it leaves: re-wrapped to a named certificate (CMS AuthEnvelopedData); as PKCS#12 whose password travels apart; to its owner
 * by a claim link that goes to them alone; or not at all, and named messages are decrypted instead.
 */
const Delivery = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('certificate'), certificate: z.string().max(20_000).describe('PEM, or DER in base64') }),
  z.object({ kind: z.literal('pkcs12'), profile: z.enum(['modern', 'compat']).default('modern') }),
  z.object({ kind: z.literal('owner') }),
  z.object({ kind: z.literal('decrypt'), messages: z.array(NamedMessage).min(1).max(100) }),
]);

export const recoveryReasons = [
  'lost-device',
  'forgotten-password',
  'departed-employee',
  'legal-hold',
  'investigation',
  'other',
] as const;
const ReasonCode = z.enum(recoveryReasons);

export const NewRecoveryRequest = z.object({
  /** Whose keys: one person, or several of one case. One of the two. */
  personId: Id.optional(),
  personIds: z.array(Id).min(1).max(500).optional(),
  /** Which of their keys; all of them when empty. */
  escrowedKeyIds: z.array(Id).max(2000).default([]),
  /** Only keys whose certificate was valid at some time in it. */
  period: z.object({ from: Instant, until: Instant }).optional(),
  reason: ReasonCode,
  caseNumber: z.string().max(100).default(''),
  explanation: z.string().trim().min(1).max(2000),
  delivery: Delivery,
  /** Hours until the request lapses. */
  expiresInHours: z.int().min(1).max(720).default(72),
  /** Not released before this, whoever has approved. */
  notBefore: Instant.optional(),
  /** The owner is not told until somebody lifts that. For a legal hold or an investigation. */
  withholdNotice: z.boolean().default(false),
});

/** The rules of one request. They stand in what the officers sign, so nobody loosens them afterwards. */
const RequestRules = z.object({
  identityCheck: z.boolean(),
  managerApproval: z.boolean(),
  /** Hours between the last approval that is needed and the release. */
  coolOffHours: z.int().min(0),
  notBefore: Instant.nullable(),
});

const RequestedKey = z.object({
  id: Id,
  /** Of its newest certificate; null in requests from before these were written down. */
  serialNumber: z.string().nullable(),
  notBefore: Instant.nullable(),
  notAfter: Instant.nullable(),
});
const Named = z.object({ id: Id, name: z.string(), address: Address });

/** The vault that the keys lie in, whose officers decide. */
const VaultOfRequest = z.object({
  id: Id,
  /** Another has taken its place, and its keys are moving there; once these have moved, the request ends. */
  replaced: z.boolean(),
  /** Who holds a share of it, and whether they are recovery officers today. */
  officers: z.array(z.object({ id: Id, name: z.string(), inOffice: z.boolean() })),
});

/** What would be asked, as the officers would read it, and what would stop it. Nothing is written down. */
export const RecoveryPreview = z.object({
  people: z.array(Named.extend({ keys: z.array(RequestedKey) })),
  /** Asked for, and without a key that fits. */
  withoutKeys: z.array(Named),
  rules: RequestRules,
  threshold: z.int(),
  vault: VaultOfRequest,
  expiresAt: Instant,
  withholdNotice: z.boolean(),
  /** Can the office send mail? Without it owners are told nothing, and the delivery `owner` is refused. */
  mail: z.boolean(),
});
export type RecoveryPreview = z.infer<typeof RecoveryPreview>;

/** A rule that says no: which one, why, and what to do next. */
const Obstacle = z.object({
  rule: z.enum([
    'over',
    'officer',
    'share',
    'requester',
    'subject',
    'recorder',
    'decided',
    'recorded',
    'identity-check',
    'manager-approval',
    'approvals',
    'time-lock',
    'cool-off',
  ]),
  why: z.string(),
  next: z.string(),
  /** When time alone removes it. */
  until: Instant.nullable(),
});

const StepKind = z.enum(['identity', 'manager']);
/** How somebody was satisfied. */
const How = z.enum(['in-person', 'video', 'call-back', 'document', 'signed-mail', 'ticket', 'other']);

const RecoveryStep = z.object({
  kind: StepKind,
  required: z.boolean(),
  /** May the caller record it. */
  mayRecord: z.boolean(),
  recorded: z
    .object({
      by: z.object({ id: Id, name: z.string() }),
      at: Instant,
      /** Who checked, or which manager agreed. */
      who: z.string(),
      /** Whose identity. */
      of: z.enum(['subject', 'requester']).nullable(),
      how: How,
      evidence: z.string(),
    })
    .nullable(),
});

export const IdentityCheck = z.strictObject({
  /** The digest that the recorder saw. */
  digest: Sha256,
  /** Whose identity. */
  of: z.enum(['subject', 'requester']),
  /** Who checked. */
  who: z.string().trim().min(1).max(200),
  how: How,
  /** What was seen or heard, and where it is kept. */
  evidence: z.string().trim().min(1).max(2000),
});
export const ManagerApproval = z.strictObject({
  digest: Sha256,
  /** The manager who agrees: neither the requester nor somebody whose keys are asked for. */
  manager: z.strictObject({ name: z.string().trim().min(1).max(200), address: Address }),
  how: How,
  evidence: z.string().trim().min(1).max(2000),
});

export const TellSubjects = z.strictObject({ reason: z.string().trim().min(1).max(1000) });

const State = z.enum(['open', 'approved', 'released', 'rejected', 'expired']);
const DecisionMade = z.object({
  officerId: Id,
  officerName: z.string(),
  decision: z.enum(['approve', 'reject']),
  note: z.string(),
  at: Instant,
});

/** One line of a list. */
export const RecoverySummary = z.object({
  id: Id,
  people: z.array(Named),
  /** How many keys. */
  keys: z.int(),
  reason: ReasonCode,
  caseNumber: z.string(),
  delivery: z.enum(['certificate', 'pkcs12', 'owner', 'decrypt']),
  state: State,
  /** M: how many distinct officers must approve. */
  threshold: z.int(),
  approvedBy: z.array(z.string()),
  requestedBy: z.object({ id: Id, name: z.string() }),
  requestedAt: Instant,
  expiresAt: Instant,
});
export type RecoverySummary = z.infer<typeof RecoverySummary>;

export const RecoveryRequest = z.object({
  id: Id,
  people: z.array(Named.extend({ keys: z.array(RequestedKey) })),
  reason: ReasonCode,
  caseNumber: z.string(),
  explanation: z.string(),
  period: z.object({ from: Instant, until: Instant }).nullable(),
  delivery: z.object({
    kind: z.enum(['certificate', 'pkcs12', 'owner', 'decrypt']),
    recipient: z.string().nullable().describe('subject of the named certificate'),
    messages: z.array(NamedMessage),
  }),
  rules: RequestRules,
  withholdNotice: z.boolean(),
  state: State,
  /** M: how many distinct officers must approve. */
  threshold: z.int(),
  vault: VaultOfRequest.extend({
    /** RFC 8785 JSON of the ceremony behind its shares: with it and a share key an officer opens their part. */
    transcript: z.string().nullable(),
  }),
  requestedBy: z.object({ id: Id, name: z.string() }),
  requestedAt: Instant,
  expiresAt: Instant,
  steps: z.array(RecoveryStep),
  decisions: z.array(DecisionMade),
  /** Everything that stands between now and the release, in the order in which it is dealt with. */
  missing: z.array(Obstacle),
  /** Since enough officers have approved. */
  coolOffEndsAt: Instant.nullable(),
  /** What its subjects are told of it. */
  notices: z.array(
    z.object({
      to: Address,
      subject: z.string(),
      state: z.enum(['withheld', 'waiting', 'sent', 'failed']),
      queuedAt: Instant,
      sentAt: Instant.nullable(),
      error: z.string().nullable(),
    }),
  ),
  /** Without it what waits is not sent. */
  mail: z.boolean(),
  /** SHA-256, hex, of the canonical request (RFC 8785) that each officer approves. */
  digest: z.string(),
  releasedAt: Instant.nullable(),
  /** May the caller approve it, reject it, release it, lift the withholding; and if they can neither decide nor release, why. */
  mayApprove: z.boolean(),
  mayReject: z.boolean(),
  mayRelease: z.boolean(),
  mayTellSubjects: z.boolean(),
  why: Obstacle.nullable(),
  /** RFC 8785 JSON, word for word: what officers sign. `digest` is of it, and what is opened stands in it. */
  canonical: z.string(),
  /** What an approval opens its part of. */
  opening: Opening.nullable(),
});
export type RecoveryRequest = z.infer<typeof RecoveryRequest>;

export const RecoveryQuery = PageQuery.extend({ state: State.optional() });

export const Decision = z.object({
  decision: z.enum(['approve', 'reject']),
  /** The digest the officer saw: an approval of anything else is refused. */
  digest: z.string(),
  note: z.string().max(1000).default(''),
  /** By the officer's share key, over the digest and the decision. */
  signature: z.string().max(200),
  /** The officer's part of the opening, with an approval. */
  partial: OpeningPart.optional(),
});

/** `data` is a PKCS#12, the CMS message addressed to the named certificate (DER), or a ZIP with one PKCS#12 for each of several people. */
export const Release = z.object({ fileName: z.string(), mediaType: z.string(), data: Base64 });
/** Where the links went that let owners collect their keys. Nobody else has seen one. */
export const OwnerRelease = z.object({ links: z.array(Named.extend({ expiresAt: Instant })) });
/** All messages that the request names, as they are. */
export const MessagesToOpen = z.object({ messages: z.array(Base64).min(1).max(100) });
/** `data` is one message (`message/rfc822`), or a ZIP of several. */
export const OpenedMessages = Release.extend({
  opened: z.array(Sha256),
  /** No recovered key opens these. */
  notOpened: z.array(Sha256),
});
/** The PKCS#12 password, told once to an officer who approved, never to the requester. */
export const ReleasePassword = z.object({ password: z.string() });
