/** The rules of mail flow as the office keeps them: versions that are never altered, one of them in force at all gateways. */
import { z } from 'zod';
import { Done, route } from './route.ts';
import { Base64, Id, Instant } from './values.ts';

/** Characters of one rule set, as JSON. */
const mostRules = 200_000;

/**
 * A rule set as `mail-policy` has it. Opaque here: the office checks it before it keeps it, and a gateway of another release may know
 * more of it or less, and must say so instead of failing to read the rest of what it is told.
 */
const RuleDocument = z
  .record(z.string().max(100), z.json())
  .refine((document) => JSON.stringify(document).length <= mostRules, `is longer than ${mostRules} characters`);
export type RuleDocument = z.infer<typeof RuleDocument>;

/** A rule set of `mail-policy` as it goes over the wire: what is not said is not there. @throws ZodError where it is too long */
export function ruleDocument(set: object): RuleDocument {
  return RuleDocument.parse(JSON.parse(JSON.stringify(set)));
}

const Version = z.int().min(1).max(2_000_000_000);
const Note = z.string().trim().max(1000).default('');

/** `draft`: may be switched on. `set-aside`: a later one was. */
const RuleSetState = z.enum(['draft', 'live', 'replaced', 'set-aside']);
export type RuleSetState = z.infer<typeof RuleSetState>;

const RuleSetVersion = z.object({
  version: z.int(),
  state: RuleSetState,
  rules: z.int(),
  author: z.string(),
  /** Why. */
  note: z.string(),
  createdAt: Instant,
  /** The version that it was made from; null for the first. */
  basedOn: z.int().nullable(),
  /** The older version that it brought back. */
  restoredFrom: z.int().nullable(),
  activated: z.object({ at: Instant, by: z.string(), note: z.string() }).nullable(),
  replacedAt: Instant.nullable(),
});
export type RuleSetVersion = z.infer<typeof RuleSetVersion>;

const RuleSetDetail = RuleSetVersion.extend({ document: RuleDocument });
export type RuleSetDetail = z.infer<typeof RuleSetDetail>;

/** `office`: those of the office. `file`: those of its own configuration alone. `both`: the file's stand before the office's. */
const RulesSource = z.enum(['office', 'file', 'both']);

const GatewayRules = z.object({
  name: z.string(),
  lastSeenAt: Instant.nullable(),
  /** What it said last; null: it has said nothing yet. */
  applies: z
    .object({
      /** Null: none of the office's. */
      version: z.int().nullable(),
      source: RulesSource,
      /** Rules of its own file. */
      ownRules: z.int(),
      /** Why it does not apply the version that is live. */
      problem: z.string().nullable(),
      since: Instant,
    })
    .nullable(),
});
export type GatewayRules = z.infer<typeof GatewayRules>;

const MailRules = z.object({
  /** Null: the gateways go by what stands behind every list of rules, and by their own files. */
  live: z.int().nullable(),
  /** Newest first, the last two hundred. */
  versions: z.array(RuleSetVersion),
  gateways: z.array(GatewayRules),
});
export type MailRules = z.infer<typeof MailRules>;

const SimulatedChange = z.object({
  /** `weaker`: what was encrypted, signed or kept back no longer would be. */
  kind: z.enum(['weaker', 'stronger', 'other']),
  /** What decides now, and what would. */
  before: z.object({ rule: z.string(), outcome: z.string() }),
  after: z.object({ rule: z.string(), outcome: z.string() }),
  count: z.int(),
  examples: z.array(
    z.object({
      entryId: Id,
      sender: z.string(),
      recipient: z.string(),
      at: Instant,
      before: z.string(),
      after: z.string(),
    }),
  ),
});

const Simulation = z.object({
  /** The live version that it is compared with; null: none is. */
  live: z.int().nullable(),
  /** Decisions that could be made again. */
  decisions: z.int(),
  /** Records that could not: their gateway wrote down too little. */
  leftOut: z.int(),
  changed: z.int(),
  changes: z.array(SimulatedChange),
  /** Of the candidate: how many decisions each rule makes, would make in shadow, and could not be judged for. */
  byRule: z.array(z.object({ rule: z.string(), decisions: z.int(), shadow: z.int(), doubtful: z.int() })),
});
export type Simulation = z.infer<typeof Simulation>;

const Holds = z.enum(['yes', 'no', 'unknown']);

/** What rules would decide about one message, and why: the sentences of `mail-policy`. */
const ExplainedMessage = z.object({
  /** What was read from it. */
  message: z.object({
    sender: z.string(),
    subject: z.string(),
    size: z.int(),
    protection: z.enum(['none', 'signed', 'encrypted']),
    attachments: z.array(z.string()).max(50),
    /** Why what is listed may not be all. */
    unseen: z.string().nullable(),
  }),
  recipients: z.array(
    z.object({
      recipient: z.string(),
      rules: z.array(z.string()),
      outcome: z.string(),
      sentence: z.string(),
      /** With the rules in shadow on; null where it would be the same. */
      shadow: z.object({ rules: z.array(z.string()), outcome: z.string(), detail: z.string() }).nullable(),
      explained: z.array(
        z.object({
          rule: z.string(),
          result: z.enum(['decides', 'demands', 'no', 'late', 'shadow', 'off']),
          sentence: z.string(),
          conditions: z.array(z.object({ condition: z.string(), holds: Holds, sentence: z.string() })),
        }),
      ),
    }),
  ),
});
export type ExplainedMessage = z.infer<typeof ExplainedMessage>;

const ByVersion = z.object({ version: z.coerce.number().int().min(1).max(2_000_000_000) });

export const mailRuleRoutes = {
  mailRules: route({
    method: 'GET',
    path: '/api/v1/mail-rules',
    summary: 'The versions of the rules of mail flow, and which of them each gateway applies',
    access: 'authenticated',
    response: MailRules,
  }),
  mailRuleSet: route({
    method: 'GET',
    path: '/api/v1/mail-rules/:version',
    summary: 'One version with its rules',
    access: 'authenticated',
    params: ByVersion,
    response: RuleSetDetail,
  }),
  proposeMailRules: route({
    method: 'POST',
    path: '/api/v1/mail-rules',
    summary: 'Keep a rule set as the next version, a draft',
    access: 'authenticated',
    body: z.object({ document: RuleDocument, basedOn: Version.nullable(), note: Note }),
    response: RuleSetDetail,
  }),
  activateMailRules: route({
    method: 'POST',
    path: '/api/v1/mail-rules/:version/activate',
    summary: 'Put a draft in force: the gateways apply it from their next look on',
    access: 'authenticated',
    params: ByVersion,
    body: z.object({ expectedLive: Version.nullable(), note: Note }),
    response: RuleSetDetail,
  }),
  restoreMailRules: route({
    method: 'POST',
    path: '/api/v1/mail-rules/:version/restore',
    summary: 'Go back to an older version: its rules are the next version, in force at once',
    access: 'authenticated',
    params: ByVersion,
    body: z.object({ expectedLive: Version.nullable(), note: Note }),
    response: RuleSetDetail,
  }),
  simulateMailRules: route({
    method: 'POST',
    path: '/api/v1/mail-rules/simulate',
    summary: 'What a rule set would have decided about the newest mail of the journal, beside the one in force',
    access: 'authenticated',
    body: z.object({ document: RuleDocument, entries: z.int().min(1).max(5000).default(1000) }),
    response: Simulation,
  }),
  explainMailRules: route({
    method: 'POST',
    path: '/api/v1/mail-rules/explain',
    summary: 'What a rule set would decide about one message, and why. The message is read, and not kept',
    access: 'authenticated',
    body: z.object({
      document: RuleDocument,
      /** A whole message in base64, 25 MB at most. */
      message: Base64.max(34_000_000),
      direction: z.enum(['outbound', 'inbound']),
      /** In the place of whom From names. */
      sender: z.string().max(320).optional(),
      /** In the place of whom To and Cc name. */
      recipients: z.array(z.string().min(3).max(320)).min(1).max(100).optional(),
      /** Mail that comes in: what SPF, DKIM and DMARC are taken to say of it. */
      authentication: z.enum(['pass', 'fail', 'none']).default('none'),
    }),
    response: ExplainedMessage,
  }),
  appliedMailRules: route({
    method: 'POST',
    path: '/api/v1/gateway/rules',
    summary: 'A gateway says which rules it applies from now on',
    access: 'authenticated',
    body: z.object({
      version: Version.nullable(),
      source: RulesSource,
      ownRules: z.int().min(0).max(100_000),
      problem: z.string().max(1000).nullable(),
    }),
    response: Done,
  }),
} as const;

/** What a gateway is told with its configuration: the version in force. */
export const RulesInForce = z.object({ version: Version, document: z.record(z.string(), z.json()) });
export type RulesInForce = z.infer<typeof RulesInForce>;
