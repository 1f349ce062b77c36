/**
 * What conditions mean: each holds, does not hold, or cannot be judged, and says why in a sentence for people.
 * What cannot be judged is no: a condition over content that is out of sight is in doubt unless what is in sight settles it.
 */
import type { MessageFacts, RecipientFacts } from './facts.ts';
import { labelsOf } from './labels.ts';
import { fold, isNamed } from './patterns.ts';
import type { Conditions, SimpleConditions } from './rules.ts';

export type Holds = 'yes' | 'no' | 'unknown';

export interface Judgement {
  /** Where the condition stands in the rule: `recipientDomain`, `anyOf.0.label`, `unless.sender`. */
  readonly condition: string;
  readonly holds: Holds;
  readonly sentence: string;
}

export interface RuleJudgement {
  readonly holds: Holds;
  /** One for each condition of the rule; those of `unless` as they stand, that is, an exception that holds keeps the rule from holding. */
  readonly conditions: readonly Judgement[];
}

export function judge(when: Conditions, message: MessageFacts, recipient: RecipientFacts): RuleJudgement {
  const { anyOf, unless } = when;
  const conditions = judgeSimple(when, message, recipient, '');
  const parts = conditions.map(({ holds }) => holds);
  if (anyOf !== undefined) {
    const ways = anyOf.map((one, index) => judgeSimple(one, message, recipient, `anyOf.${index}.`));
    parts.push(either(ways.map((way) => all(way.map(({ holds }) => holds)))));
    conditions.push(...ways.flat());
  }
  if (unless !== undefined) {
    const exception = judgeSimple(unless, message, recipient, 'unless.');
    parts.push(not(all(exception.map(({ holds }) => holds))));
    conditions.push(...exception);
  }
  return { holds: all(parts), conditions };
}

/** One no settles it, whatever is in doubt. */
function all(parts: readonly Holds[]): Holds {
  return parts.includes('no') ? 'no' : parts.includes('unknown') ? 'unknown' : 'yes';
}

function either(parts: readonly Holds[]): Holds {
  return parts.includes('yes') ? 'yes' : parts.includes('unknown') ? 'unknown' : 'no';
}

function not(holds: Holds): Holds {
  return holds === 'unknown' ? 'unknown' : holds === 'yes' ? 'no' : 'yes';
}

function judgeSimple(
  when: SimpleConditions,
  message: MessageFacts,
  recipient: RecipientFacts,
  prefix: string,
): Judgement[] {
  const ofMessage = remembered(message, when, () =>
    ofEach(messageJudges, (name) => judgeWith(messageJudges, name, when, message)),
  );
  const ofRecipient = ofEach(recipientJudges, (name) => judgeWith(recipientJudges, name, when, recipient));
  return [...ofMessage, ...ofRecipient].map((one) => ({ ...one, condition: `${prefix}${one.condition}` }));
}

/** A mail to a thousand people is read through once for each rule, not a thousand times. */
const judged = new WeakMap<MessageFacts, Map<SimpleConditions, readonly Judgement[]>>();

function remembered(message: MessageFacts, when: SimpleConditions, make: () => readonly Judgement[]) {
  const known = judged.get(message) ?? new Map<SimpleConditions, readonly Judgement[]>();
  judged.set(message, known);
  const judgements = known.get(when) ?? make();
  known.set(when, judgements);
  return judgements;
}

function ofEach<Name extends string>(judges: Record<Name, unknown>, make: (name: Name) => Judgement | undefined) {
  return (Object.keys(judges) as Name[]).flatMap((name) => make(name) ?? []);
}

function judgeWith<Facts, Name extends keyof SimpleConditions>(
  judges: { [One in Name]: Judge<One, Facts> },
  name: Name,
  when: SimpleConditions,
  facts: Facts,
): Judgement | undefined {
  const wanted = when[name];
  if (wanted === undefined) return undefined;
  const [holds, sentence] = judges[name](wanted, facts);
  return { condition: name, holds, sentence };
}

type Said = readonly [Holds, string];
type Judge<Name extends keyof SimpleConditions, Facts> = (
  wanted: NonNullable<SimpleConditions[Name]>,
  facts: Facts,
) => Said;
type RecipientCondition = 'recipient' | 'recipientDomain' | 'recipientGroup' | 'hasCertificate';
type MessageCondition = Exclude<keyof SimpleConditions, RecipientCondition>;

const yesNo = (holds: boolean, yes: string, no: string): Said => (holds ? ['yes', yes] : ['no', no]);

const messageJudges: { [Name in MessageCondition]: Judge<Name, MessageFacts> } = {
  direction: (wanted, { direction }) => {
    const way = direction === 'outbound' ? 'going out' : 'coming in';
    return yesNo(
      wanted === direction,
      `The message is ${way}.`,
      `The message is ${way}, not ${wanted === 'outbound' ? 'going out' : 'coming in'}.`,
    );
  },
  sender: (wanted, { sender }) => {
    const found = wanted.find((pattern) => isAddress(pattern, sender));
    const who = sender === '' ? 'The sender is empty (a notification)' : `The sender is ${sender}`;
    return yesNo(found !== undefined, `${who}, which is ${found}.`, `${who}, none of ${some(wanted)}.`);
  },
  senderGroup: (wanted, { sender, senderGroups }) =>
    inGroup(wanted, senderGroups, sender === '' ? 'The empty sender' : sender),
  header: ({ name, contains }, { headers, headersUnseen }) => {
    const named = headers.filter((field) => sameText(field.name, name));
    const found = named.some(({ value }) => contains === undefined || fold(value).includes(fold(contains)));
    if (found)
      return [
        'yes',
        contains === undefined ? `There is a header field ${name}.` : `The header field ${name} holds “${contains}”.`,
      ];
    if (headersUnseen !== undefined) return ['unknown', `The header field ${name} cannot be seen: ${headersUnseen}.`];
    if (named.length === 0) return ['no', `There is no header field ${name}.`];
    return ['no', `The header field ${name} does not hold “${contains}”.`];
  },
  label: (wanted, { headers, headersUnseen }) => {
    const labels = labelsOf(headers);
    const found = wanted.find((one) => labels.some((label) => sameText(one, label)));
    if (found !== undefined) return ['yes', `The message is labelled “${found}”.`];
    if (headersUnseen !== undefined) return ['unknown', `Its labels cannot be seen: ${headersUnseen}.`];
    if (labels.length === 0) return ['no', 'The message has no classification label.'];
    return ['no', `The message is labelled ${some(labels)}, not ${some(wanted)}.`];
  },
  subjectWords: (wanted, { subject, headersUnseen }) => {
    const found = wordsIn(subject, wanted);
    if (found !== undefined) return ['yes', `The subject has “${found}”.`];
    if (headersUnseen !== undefined) return ['unknown', `The subject cannot be seen: ${headersUnseen}.`];
    return ['no', `The subject has none of ${some(wanted)}.`];
  },
  bodyWords: (wanted, { content }) => {
    const found = wordsIn(content.text, wanted);
    if (found !== undefined) return ['yes', `The text has “${found}”.`];
    if (content.unseen !== undefined)
      return ['unknown', `Whether the text has ${some(wanted)} cannot be seen: ${content.unseen}.`];
    return ['no', `The text has none of ${some(wanted)}.`];
  },
  attachmentName: (wanted, { content }) => {
    const names = content.attachments.flatMap(({ name }) => (name === undefined ? [] : [name]));
    const found = names.find((name) => wanted.some((pattern) => isNamed(pattern, name)));
    if (found !== undefined) return ['yes', `There is an attachment “${found}”.`];
    if (content.unseen !== undefined)
      return ['unknown', `Whether a file is named ${some(wanted)} cannot be seen: ${content.unseen}.`];
    return [
      'no',
      names.length === 0 ? 'There is no attachment with a name.' : `No attachment is named ${some(wanted)}.`,
    ];
  },
  attachmentType: (wanted, { content }) => {
    const found = content.attachments.find(({ type }) => wanted.some((pattern) => isNamed(pattern, type)));
    if (found !== undefined) return ['yes', `There is a part of type ${found.type}.`];
    if (content.unseen !== undefined)
      return ['unknown', `Whether a part is of type ${some(wanted)} cannot be seen: ${content.unseen}.`];
    return ['no', `No part is of type ${some(wanted)}.`];
  },
  largerThan: (wanted, { size }) =>
    size === undefined
      ? ['unknown', 'Its size is not known.']
      : yesNo(
          size > wanted,
          `It has ${size} octets, more than ${wanted}.`,
          `It has ${size} octets, not more than ${wanted}.`,
        ),
  smallerThan: (wanted, { size }) =>
    size === undefined
      ? ['unknown', 'Its size is not known.']
      : yesNo(
          size < wanted,
          `It has ${size} octets, less than ${wanted}.`,
          `It has ${size} octets, not less than ${wanted}.`,
        ),
  protection: (wanted, { protection }) => {
    const state =
      protection === 'none'
        ? 'The sender neither signed nor encrypted it'
        : `The sender's own software ${protection} it`;
    return yesNo(
      wanted.includes(protection),
      `${state}.`,
      `${state}; the rule is for mail that is ${wanted.join(' or ')}.`,
    );
  },
  authentication: (wanted, { authentication }) => {
    if (authentication === undefined) return ['unknown', 'SPF, DKIM and DMARC have not been judged.'];
    const wrong = (['spf', 'dkim', 'dmarc'] as const).flatMap((kind) => {
      const results: readonly string[] | undefined = wanted[kind];
      return results === undefined || results.includes(authentication[kind]) ? [] : [{ kind, results }];
    });
    const { spf, dkim, dmarc } = authentication;
    const said = `It came with spf=${spf}, dkim=${dkim}, dmarc=${dmarc}`;
    const asked = wrong.map(({ kind, results }) => `${kind}=${results.join('|')}`).join(', ');
    return yesNo(wrong.length === 0, `${said}.`, `${said}; asked for is ${asked}.`);
  },
};

const recipientJudges: { [Name in RecipientCondition]: Judge<Name, RecipientFacts> } = {
  recipient: (wanted, { address }) => {
    const found = wanted.find((one) => sameText(one, address));
    return yesNo(
      found !== undefined,
      `The recipient is ${address}.`,
      `The recipient is ${address}, not ${some(wanted)}.`,
    );
  },
  recipientDomain: (wanted, { address }) => {
    const domain = domainOf(address);
    const found = wanted.find((one) => isWithin(one, asciiDomain(domain)));
    return yesNo(
      found !== undefined,
      `The recipient's domain ${domain} is ${found}.`,
      `The recipient's domain ${domain} is none of ${some(wanted)}.`,
    );
  },
  recipientGroup: (wanted, { address, groups }) => inGroup(wanted, groups, address),
  hasCertificate: (wanted, { address, certificate, reason }) => {
    if (certificate === 'unknown')
      return ['unknown', `Whether ${address} has a good certificate is not known${because(reason)}.`];
    const has = certificate === 'good';
    const said = has ? `${address} has a good certificate.` : `${address} has no good certificate${because(reason)}.`;
    return [wanted === has ? 'yes' : 'no', said];
  },
};

function inGroup(wanted: readonly string[], groups: readonly string[] | undefined, who: string): Said {
  if (groups === undefined) return ['unknown', `The groups of ${who} are not known.`];
  const found = wanted.find((one) => groups.some((group) => sameText(one, group)));
  return yesNo(
    found !== undefined,
    `${who} is in the group ${found}.`,
    `${who} is in none of the groups ${some(wanted)}.`,
  );
}

function because(reason: string | undefined): string {
  return reason === undefined || reason === '' ? '' : ` (${reason})`;
}

const shown = 4;
/** A few of them, in quotation marks. */
function some(values: readonly string[]): string {
  const more = values.length > shown ? ` and ${values.length - shown} more` : '';
  return `${values
    .slice(0, shown)
    .map((value) => `“${value}”`)
    .join(', ')}${more}`;
}

function sameText(one: string, other: string): boolean {
  return fold(one.trim()) === fold(other.trim());
}

/** `anna@example.com`, `@example.com`, `example.com`, `.example.com`. */
function isAddress(pattern: string, address: string): boolean {
  if (pattern.lastIndexOf('@') > 0) return sameText(pattern, address);
  return address !== '' && isWithin(pattern, asciiDomain(domainOf(address)));
}

function isWithin(listed: string, domain: string): boolean {
  const wanted = asciiDomain(domainOf(listed));
  return wanted.startsWith('.') ? domain === wanted.slice(1) || domain.endsWith(wanted) : domain === wanted;
}

/** Lower case, without a final dot. */
export function domainOf(address: string): string {
  return address
    .slice(address.lastIndexOf('@') + 1)
    .toLowerCase()
    .replace(/\.$/, '');
}

/** RFC 5890: as the DNS has it, however it is written. */
function asciiDomain(domain: string): string {
  if (/^[\x21-\x7e]*$/.test(domain)) return domain;
  const dot = domain.startsWith('.') ? '.' : '';
  const host = domain.slice(dot.length);
  return URL.canParse(`http://${host}`) ? `${dot}${new URL(`http://${host}`).hostname}` : domain;
}

const letter = /[\p{L}\p{N}\p{M}_]/u;

/** The first of the words or phrases that stands in the text by itself, not within a longer word. */
function wordsIn(text: string, words: readonly string[]): string | undefined {
  // Soft hyphens and characters of no width are seen by nobody, and blanks are blanks.
  const inText = fold(text)
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/\s+/g, ' ');
  return words.find((word) => {
    const wanted = fold(word.trim()).replace(/\s+/g, ' ');
    const open = wanted.endsWith('*');
    return stands(inText, open ? wanted.slice(0, -1) : wanted, open);
  });
}

function stands(text: string, word: string, open: boolean): boolean {
  if (word === '') return false;
  const startsInLetter = letter.test([...word][0] ?? '');
  const endsInLetter = letter.test([...word].at(-1) ?? '');
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const before = startsInLetter && letter.test(characterBefore(text, at));
    const after =
      !open && endsInLetter && letter.test(String.fromCodePoint(text.codePointAt(at + word.length) ?? 0x20));
    if (!before && !after) return true;
  }
  return false;
}

function characterBefore(text: string, at: number): string {
  const unit = text.slice(Math.max(0, at - 1), at);
  return /^[\udc00-\udfff]$/.test(unit) ? text.slice(at - 2, at) : unit;
}
