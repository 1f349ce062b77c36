/**
 * What a decision was made from, as its record keeps it: enough to decide again by other rules, without the subject, the text and the
 * names of files. Of the header only what rules ask for is there.
 */
import { z } from 'zod';
import type { HeaderFact, MessageFacts, RecipientFacts } from './facts.ts';
import { labelFields } from './labels.ts';
import type { RuleSet } from './rules.ts';
import type { Sample } from './simulate.ts';

const Texts = z.array(z.string()).readonly();

/** Of one recipient; who they are stands in the record itself. What a gateway of before left out is as if nobody knew it. */
export const JournalFacts = z.object({
  senderGroups: Texts.optional(),
  headers: z.array(z.object({ name: z.string(), value: z.string() })).readonly(),
  size: z.number().optional(),
  protection: z.enum(['none', 'signed', 'encrypted']),
  signer: z.enum(['ready', 'awaited', 'none']),
  authentication: z.object({ spf: z.string(), dkim: z.string(), dmarc: z.string() }).optional(),
  certificate: z.enum(['good', 'none', 'unknown']),
  reason: z.string().optional(),
  groups: Texts.optional(),
  visible: z.boolean(),
});
export type JournalFacts = Readonly<z.output<typeof JournalFacts>>;

/** @param ruleSet which says what of the header is looked at */
export function journalFacts(ruleSet: RuleSet, message: MessageFacts, recipient: RecipientFacts): JournalFacts {
  const { senderGroups, size, protection, signer, authentication } = message;
  const { groups, certificate, reason, visible } = recipient;
  return {
    ...(senderGroups === undefined ? {} : { senderGroups: senderGroups.slice(0, kept) }),
    headers: headersFor(ruleSet, message.headers),
    ...(size === undefined ? {} : { size }),
    ...{ protection, signer },
    ...(authentication === undefined ? {} : { authentication }),
    certificate,
    ...(reason === undefined ? {} : { reason: reason.slice(0, longest) }),
    ...(groups === undefined ? {} : { groups: groups.slice(0, kept) }),
    visible,
  };
}

/** A record, as far as deciding again needs it. */
export interface RecordedDecision {
  readonly direction: MessageFacts['direction'];
  readonly sender: string;
  readonly recipient: string;
  readonly facts: JournalFacts;
}

/**
 * The message that these records are about, each for one recipient. What the journal does not keep is in doubt.
 * @param id what a person knows it by
 */
export function sampleOfRecords(id: string, records: readonly RecordedDecision[]): Sample | undefined {
  const [first] = records;
  if (first === undefined) return undefined;
  const { senderGroups, headers, size, protection, signer, authentication } = first.facts;
  const facts: MessageFacts = {
    ...{ direction: first.direction, sender: first.sender, senderGroups, headers, size, protection, signer },
    authentication,
    ...notInJournal,
    recipients: records.map(({ recipient, facts: { groups, certificate, reason, visible } }) => ({
      ...{ address: recipient, groups, certificate, reason, visible },
    })),
  };
  return { id, facts };
}

const unkept = 'the journal does not keep it';

/** Of any message, whatever else is known of it. */
const notInJournal = {
  subject: '',
  headersUnseen: unkept,
  content: { text: '', attachments: [], unseen: unkept },
} as const satisfies Partial<MessageFacts>;

/** Characters of a value, and values of a list, in one record. */
const longest = 300;
const kept = 50;

const asked = new WeakMap<RuleSet, ReadonlySet<string>>();

function headersFor(ruleSet: RuleSet, headers: readonly HeaderFact[]): HeaderFact[] {
  let names = asked.get(ruleSet);
  if (names === undefined) {
    names = namesAsked(ruleSet);
    asked.set(ruleSet, names);
  }
  const found = headers.filter(({ name }) => names.has(name.toLowerCase()));
  return found.slice(0, kept).map(({ name, value }) => ({ name, value: value.slice(0, longest) }));
}

function namesAsked({ rules }: RuleSet): Set<string> {
  const conditions = rules.flatMap(({ when }) => [when, ...(when.anyOf ?? []), ...(when.unless ? [when.unless] : [])]);
  const named = conditions.flatMap(({ header }) => (header === undefined ? [] : header.name.toLowerCase()));
  // What it is about is its sender's business.
  return new Set([...named, ...labelFields].filter((name) => name !== 'subject'));
}
