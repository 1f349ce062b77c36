/** What in a set of rules is likely to be a mistake: never an error, for it decides all the same. */
import type { Actions, Conditions, Rule, RuleSet, SimpleConditions } from './rules.ts';

export interface Advice {
  readonly rule: string;
  readonly code:
    | 'same-name'
    | 'never-reached'
    | 'outbound-only'
    | 'inbound-only'
    | 'never-judged'
    | 'doubtful-inbound'
    | 'invites-nobody'
    | 'holds-encrypted'
    | 'unknown-route';
  readonly sentence: string;
}

/** @param routes names of the gateway's routes, where they are known */
export function adviceOn({ mode, rules }: RuleSet, routes?: readonly string[]): Advice[] {
  const names = new Set<string>();
  let last: string | undefined;
  return rules.flatMap((rule) => {
    const advice = [...adviceFor(rule), ...routeAdvice(rule, routes)];
    if (names.has(rule.name))
      advice.push(['same-name', 'Another rule has the same name: records cannot tell them apart.']);
    names.add(rule.name);
    if (last !== undefined)
      advice.push(['never-reached', `“${last}” holds for every message, so this rule is never asked.`]);
    if (mode === 'first-match' && rule.enabled === 'on' && Object.keys(rule.when).length === 0) last ??= rule.name;
    return advice.map(([code, sentence]): Advice => ({ rule: rule.name, code, sentence }));
  });
}

const outboundActions: readonly (keyof Actions)[] = [
  ...(['sign', 'encrypt', 'form', 'cipher', 'oaep', 'header', 'split', 'disclaimer'] as const),
];
const inboundActions: readonly (keyof Actions)[] = ['banner', 'reencrypt'];

type Said = readonly [Advice['code'], string];

function adviceFor({ when, do: actions }: Rule): Said[] {
  const advice: Said[] = [];
  for (const [direction, code, names, way] of [
    ['inbound', 'outbound-only', outboundActions, 'comes in'],
    ['outbound', 'inbound-only', inboundActions, 'goes out'],
  ] as const) {
    const idle = names.filter((name) => actions[name] !== undefined);
    if (when.direction === direction && idle.length > 0)
      advice.push([code, `${idle.join(', ')} ${idle.length === 1 ? 'does' : 'do'} nothing for mail that ${way}.`]);
  }
  if (when.direction === 'outbound' && asks(when, 'authentication')) {
    advice.push([
      'never-judged',
      'Mail that goes out has no SPF, DKIM and DMARC: the condition is in doubt, and what the rule demands always counts.',
    ]);
  }
  if (when.direction === 'inbound' && asks(when, 'hasCertificate')) {
    advice.push([
      'never-judged',
      'Certificates of recipients are looked up for mail that goes out: the condition is in doubt here.',
    ]);
  }
  const looksWithin = (['bodyWords', 'attachmentName', 'attachmentType'] as const).some((name) => asks(when, name));
  if (when.direction === undefined && looksWithin && (actions.refuse !== undefined || actions.hold !== undefined)) {
    advice.push([
      'doubtful-inbound',
      'Encrypted mail from outside cannot be looked into before it is opened, so this rule counts for all of it. Say a direction.',
    ]);
  }
  if (actions.hold?.invite === true && actions.encrypt === 'never') {
    advice.push(['invites-nobody', 'Nobody is invited for a message that is not to be encrypted.']);
  }
  if (actions.hold?.invite === true && when.direction === 'inbound') {
    advice.push(['invites-nobody', 'Nobody is invited for mail that comes in: it waits for somebody to release it.']);
  }
  const exceptsEncrypted = when.unless?.protection?.includes('encrypted') === true;
  const isForEncrypted = when.protection === undefined || when.protection.includes('encrypted');
  if (actions.removeAttachments !== undefined && when.direction !== 'outbound' && isForEncrypted && !exceptsEncrypted) {
    advice.push([
      'holds-encrypted',
      'Mail that comes in encrypted, and is not opened here, cannot be looked into: all of it is held for somebody to release.',
    ]);
  }
  return advice;
}

function routeAdvice({ do: { route } }: Rule, routes: readonly string[] | undefined): Said[] {
  if (route === undefined || routes === undefined || routes.includes(route)) return [];
  return [['unknown-route', `The gateway has no route named “${route}”: mail by this rule is put off.`]];
}

function asks({ anyOf = [], unless, ...when }: Conditions, name: keyof SimpleConditions): boolean {
  return [when, ...anyOf, ...(unless === undefined ? [] : [unless])].some((one) => one[name] !== undefined);
}
