/** What a rule says, in plain English: the editor shows it beside the form as somebody types, the command line beside the list. */
import { describeActions } from './explain.ts';
import type { Conditions, Rule } from './rules.ts';

interface RuleDescription {
  /** What it applies to: a sentence. */
  readonly applies: string;
  /** What it does to that: sentences. */
  readonly does: readonly string[];
}

export function describeRule({ enabled, when, do: actions }: Rule): RuleDescription {
  const said = describeActions(actions);
  return { applies: appliesTo(when), does: [...stateOf(enabled), `${said.charAt(0).toUpperCase()}${said.slice(1)}.`] };
}

type Simple = Omit<Conditions, 'anyOf' | 'unless'>;

function appliesTo({ anyOf, unless, ...simple }: Conditions): string {
  const parts = [mailOf(simple), ...clauses(simple)];
  if (anyOf !== undefined) {
    const ways = anyOf.map((one) => conditionText(one));
    parts.push(ways.length === 1 ? (ways[0] ?? '') : `that is ${ways.join(', or ')}`);
  }
  const exception = unless === undefined ? '' : `, unless it is ${conditionText(unless)}`;
  return `${parts.filter((part) => part !== '').join(' ')}${exception}.`;
}

function mailOf({ direction }: Simple): string {
  if (direction === undefined) return 'Applies to all mail, both ways';
  return `Applies to mail that ${direction === 'outbound' ? 'goes out' : 'comes in'}`;
}

/** The conditions as they stand in `anyOf` and `unless`. */
function conditionText(simple: Simple): string {
  const way = simple.direction === undefined ? [] : [simple.direction === 'outbound' ? 'going out' : 'coming in'];
  const parts = [...way, ...clauses(simple)];
  return parts.length === 0 ? 'any mail' : parts.join(' ');
}

function clauses(when: Simple): string[] {
  const said: string[] = [];
  const say = <Name extends keyof Simple>(name: Name, how: (value: NonNullable<Simple[Name]>) => string) => {
    const value = when[name];
    if (value !== undefined) said.push(how(value as NonNullable<Simple[Name]>));
  };
  say('sender', (list) => `from ${or(list.map(whoAt))}`);
  say('senderGroup', (list) => `from people of ${or(list.map(quoted))}`);
  say('recipient', (list) => `to ${or(list)}`);
  say('recipientDomain', (list) => `to anybody at ${or(list.map(domainText))}`);
  say('recipientGroup', (list) => `to people of ${or(list.map(quoted))}`);
  say('hasCertificate', (has) => `to whoever has ${has ? 'a' : 'no'} good certificate`);
  say(
    'header',
    ({ name, contains }) => `with a header field ${name}${contains ? ` that holds ${quoted(contains)}` : ''}`,
  );
  say('label', (list) => `labelled ${or(list.map(quoted))}`);
  say('subjectWords', (list) => `with ${or(list.map(quoted))} in the subject`);
  say('bodyWords', (list) => `with ${or(list.map(quoted))} in the text`);
  say('attachmentName', (list) => `with a file named ${or(list.map(quoted))}`);
  say('attachmentType', (list) => `with a part of type ${or(list)}`);
  say('largerThan', (octets) => `larger than ${sizeText(octets)}`);
  say('smallerThan', (octets) => `smaller than ${sizeText(octets)}`);
  say('protection', (list) => `that its sender ${or(list.map((one) => protections[one]))}`);
  say('authentication', (wanted) => {
    const kinds = (['spf', 'dkim', 'dmarc'] as const).flatMap((kind) => {
      const results: readonly string[] | undefined = wanted[kind];
      return results === undefined ? [] : `${kind.toUpperCase()} says ${or(results)}`;
    });
    return kinds.length === 0 ? 'of which SPF, DKIM and DMARC may say anything' : `of which ${kinds.join(' and ')}`;
  });
  return said;
}

const protections = {
  none: 'neither signed nor encrypted',
  signed: 'signed',
  encrypted: 'encrypted',
} as const;

function stateOf(enabled: Rule['enabled']): string[] {
  if (enabled === 'off') return ['It is off: mail passes it by.'];
  return enabled === 'shadow' ? ['It is in shadow: it changes nothing, and records say what it would have done:'] : [];
}

const quoted = (text: string): string => `“${text}”`;

const whoAt = (pattern: string): string =>
  pattern.lastIndexOf('@') > 0 ? pattern : `anybody at ${domainText(pattern.replace(/^@/, ''))}`;
const domainText = (domain: string): string => (domain.startsWith('.') ? `${domain.slice(1)} and below` : domain);

const shown = 5;
function or(list: readonly string[]): string {
  if (list.length > shown) return `${list.slice(0, shown).join(', ')} or ${list.length - shown} more`;
  return list.length < 2 ? (list[0] ?? 'nothing yet') : `${list.slice(0, -1).join(', ')} or ${list.at(-1)}`;
}

function sizeText(octets: number): string {
  const units = [
    [1024 * 1024, 'MB'],
    [1024, 'KB'],
  ] as const;
  for (const [unit, name] of units) if (octets >= unit) return `${Number((octets / unit).toFixed(1))} ${name}`;
  return octets === 1 ? '1 octet' : `${octets} octets`;
}
