/** What the gateways decided about each message and recipient: written by them, searched by operators. No bodies, no subjects. */
import { z } from 'zod';
import { MailVerdict } from './mail-verdict.ts';
import { ById, Done, route } from './route.ts';
import { countedPageOf, Id, Instant, PageQuery } from './values.ts';

const directions = ['outbound', 'inbound'] as const;
export const journalOutcomes = [
  'signed',
  'signed-encrypted',
  'encrypted',
  'plain',
  'decrypted',
  'verified',
  'passed',
  'held',
  'quarantined',
  'refused',
  'deferred',
] as const;
const journalVerdicts = ['valid', 'invalid', 'unsigned', 'ambiguous'] as const;

/** Characters of what one decision was made from, as JSON. */
export const mostFacts = 8_000;

/** What a rule in shadow would have done, had it been on. */
export const ShadowOutcome = z.object({
  rule: z.string().max(200),
  outcome: z.enum(journalOutcomes),
  detail: z.string().max(1000),
});
export type ShadowOutcome = z.infer<typeof ShadowOutcome>;

/** That a gateway brought it to the server of the recipient's domain itself, which took it. */
const JournalDelivery = z.object({
  at: Instant,
  /** Of that server. */
  host: z.string().max(253),
  /** `TLSv1.3, DANE 3 1 1`; `in the clear`. */
  security: z.string().max(200),
});
export type JournalDelivery = z.infer<typeof JournalDelivery>;

/** One decision about one message and recipient. */
export const JournalEntry = z.object({
  id: Id,
  at: Instant,
  direction: z.enum(directions),
  messageId: z.string().max(998).nullable(),
  sender: z.string().max(320),
  recipient: z.string().max(320),
  rule: z.string().max(200).nullable(),
  outcome: z.enum(journalOutcomes),
  verdict: z.enum(journalVerdicts).nullable(),
  detail: z.string().max(1000),
  /** Each that had a say, where there is more than one: then `rule` names them all on one line. */
  rules: z.array(z.string().max(200)).max(50).optional(),
  /** Shared by the records of one message as it arrived. */
  arrival: Id.optional(),
  /** The version of the office's rules that decided; absent where it had none, or the gateway's own file stands alone. */
  ruleSet: z.int().min(1).max(2_000_000_000).optional(),
  shadow: z.array(ShadowOutcome).max(50).optional(),
  /** Mail that came in and was looked into: everything that was found out. */
  judged: MailVerdict.optional(),
  /** What was decided from, as `mail-policy` takes it: enough to decide again, without subject and body. */
  facts: z
    .record(z.string().max(100), z.json())
    .refine((facts) => JSON.stringify(facts).length <= mostFacts, `is longer than ${mostFacts} characters`)
    .optional(),
  /** Told later than the rest, with which it comes again. */
  delivery: JournalDelivery.optional(),
});
export type JournalEntry = z.infer<typeof JournalEntry>;
/** Sending the same entry twice is harmless: `id` decides. What it says of the delivery is added, once; nothing else is altered. */
const JournalBatch = z.object({ entries: z.array(JournalEntry).max(1000) });

const Text = z.string().trim().min(1);
/** All that are given must hold. */
export const JournalFilter = z.strictObject({
  /** A whole address, of sender or recipient. */
  address: Text.max(320).optional(),
  /** A whole domain, of sender or recipient. */
  domain: Text.max(255).optional(),
  messageId: Text.max(998).optional(),
  rule: Text.max(200).optional(),
  ruleSet: z.coerce.number().int().min(1).max(2_000_000_000).optional(),
  direction: z.enum(directions).optional(),
  outcome: z.enum(journalOutcomes).optional(),
  verdict: z.enum(journalVerdicts).optional(),
  gateway: Text.max(60).optional(),
  /** Those that rules in shadow would have treated in another way: `any`, or the name of one of them. */
  shadow: Text.max(200).optional(),
  /** From then on. */
  since: Instant.optional(),
  /** Before then. */
  until: Instant.optional(),
  /** Part of an address, a message id or the name of a rule. */
  search: z.string().trim().max(200).optional(),
});
export type JournalFilter = z.infer<typeof JournalFilter>;

const ListedEntry = JournalEntry.omit({ facts: true, judged: true, rules: true, delivery: true }).extend({
  gateway: z.string(),
  rules: z.array(z.string()),
  arrival: Id.nullable(),
  ruleSet: z.int().nullable(),
  shadow: z.array(ShadowOutcome),
});
export type ListedEntry = z.infer<typeof ListedEntry>;

/** What lists leave out unless they are asked for it. */
const Whole = z.object({
  facts: z.record(z.string(), z.json()).nullable(),
  /** Null for mail that went out, for what was refused or held before it was opened, and for what gateways of before wrote. */
  judged: MailVerdict.nullable(),
  /** Null where the gateway handed it to a next server, or has not got rid of it yet. */
  delivery: JournalDelivery.nullable(),
});

const JournalRecord = ListedEntry.extend({
  ...Whole.shape,
  /** The same message, to others. */
  others: z.array(ListedEntry),
});
export type JournalRecord = z.infer<typeof JournalRecord>;

/** What each rule did, day by day; kept when the records themselves are not any more. */
const RuleCounts = z.object({
  since: z.iso.date(),
  items: z.array(
    z.object({
      rule: z.string(),
      direction: z.enum(directions),
      outcome: z.enum(journalOutcomes),
      /** It was in shadow: what it would have done. */
      shadow: z.boolean(),
      count: z.int(),
    }),
  ),
});
export type RuleCounts = z.infer<typeof RuleCounts>;

/** `application/jsonl`: one record a line. */
export const journalFormats = ['csv', 'jsonl'] as const;

export const journalRoutes = {
  writeJournal: route({
    method: 'POST',
    path: '/api/v1/gateway/journal',
    summary: 'Decision records',
    access: 'authenticated',
    body: JournalBatch,
    response: Done,
  }),
  journal: route({
    method: 'GET',
    path: '/api/v1/journal',
    summary: 'Decision records of all gateways, newest first',
    access: 'authenticated',
    query: JournalFilter.extend({
      ...PageQuery.shape,
      /** With what each was decided from, and what was found out. */
      whole: z.literal('yes').optional(),
    }),
    response: countedPageOf(ListedEntry.extend(Whole.partial().shape)),
  }),
  journalEntry: route({
    method: 'GET',
    path: '/api/v1/journal/:id',
    summary: 'One record: what was decided from what, and what became of the others who got the message',
    access: 'authenticated',
    params: ById,
    response: JournalRecord,
  }),
  ruleCounts: route({
    method: 'GET',
    path: '/api/v1/journal-counts',
    summary: 'What each rule did in the last days, and what those in shadow would have done',
    access: 'authenticated',
    query: z.object({ days: z.coerce.number().int().min(1).max(366).default(7) }),
    response: RuleCounts,
  }),
} as const;
