/** What in a set of rules is likely to be a mistake: never an error, for it decides all the same. */
import type { Actions, Conditions, Rule, RuleSet, SimpleConditions } from './rules.ts';

export interface Advice {
  readonly rule: string;
  readonly code:
    | 'same-name'
    | 'never-reached'
    | 'outbound-only'
    | 'never-judged'
    | 'doubtful-inbound'
    | 'invites-nobody'
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

const outboundActions = [
  ...['sign', 'encrypt', 'form', 'cipher', 'oaep', 'header', 'split', 'addHeaders', 'removeHeaders'],
  ...['removeAttachments', 'disclaimer', 'subjectTag', 'route'],
] as (keyof Actions)[];

type Said = readonly [Advice['code'], string];

function adviceFor({ when, do: actions }: Rule): Said[] {
  const advice: Said[] = [];
  const protects = outboundActions.filter((name) => actions[name] !== undefined);
  if (when.direction === 'inbound' && protects.length > 0) {
    advice.push([
      'outbound-only',
      `${protects.join(', ')} ${protects.length === 1 ? 'does' : 'do'} nothing for mail that comes in.`,
    ]);
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
  return advice;
}

function routeAdvice({ do: { route } }: Rule, routes: readonly string[] | undefined): Said[] {
  if (route === undefined || routes === undefined || routes.includes(route)) return [];
  return [['unknown-route', `The gateway has no route named “${route}”: mail by this rule is put off.`]];
}

function asks({ anyOf = [], unless, ...when }: Conditions, name: keyof SimpleConditions): boolean {
  return [when, ...anyOf, ...(unless === undefined ? [] : [unless])].some((one) => one[name] !== undefined);
}
