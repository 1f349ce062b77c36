/** Which rules decide for a recipient, and what they say together. */
import { judge, type RuleJudgement } from './conditions.ts';
import type { MessageFacts, RecipientFacts } from './facts.ts';
import { type Actions, type Hold, lastRule, type Rule, type RuleSet } from './rules.ts';

/** What is to be done for one recipient, with nothing left unsaid. */
export interface Effect {
  /** Names of the rules that decided, in their order; that of the last rule where none holds. */
  readonly rules: readonly string[];
  readonly sign: 'never' | 'if-possible' | 'must';
  readonly encrypt: 'never' | 'if-possible' | 'must';
  readonly form: 'clear' | 'opaque';
  /** Undefined: as the recipients' software has announced. */
  readonly cipher: Actions['cipher'];
  readonly oaep: 'announced' | 'must';
  readonly header: NonNullable<Actions['header']>;
  readonly split: boolean;
  readonly refuse: string | undefined;
  readonly hold: Hold | undefined;
  readonly addHeaders: NonNullable<Actions['addHeaders']>;
  readonly removeHeaders: readonly string[];
  readonly removeAttachments: readonly string[];
  readonly disclaimers: readonly NonNullable<Actions['disclaimer']>[];
  readonly subjectTags: readonly string[];
  readonly route: string | undefined;
  /** Undefined: as the gateway's configuration says. */
  readonly banner: Actions['banner'];
  readonly reencrypt: Actions['reencrypt'];
}

/** How a rule came to count. */
type Applied =
  /** It holds, and everything in it counts. */
  | 'whole'
  /** Whether it holds cannot be judged: only what it demands counts. */
  | 'demands'
  | 'not'
  /** Never looked at: an earlier one decided, or it is off. */
  | 'passed-over';

export interface Weighed {
  readonly rule: Rule;
  readonly judgement: RuleJudgement | undefined;
  readonly applied: Applied;
}

/**
 * Every rule with what became of it. A rule that cannot be judged counts for what it demands (`must`, `refuse`, `hold`) and not for what
 * it permits, and the search goes on: nothing that is in doubt makes a message less protected.
 * @param shadows whether rules in shadow count as if they were on
 */
export function weigh(ruleSet: RuleSet, message: MessageFacts, recipient: RecipientFacts, shadows: boolean): Weighed[] {
  let decided = false;
  return ruleSet.rules.map((rule): Weighed => {
    const counts = rule.enabled === 'on' || (shadows && rule.enabled === 'shadow');
    if (!counts || decided) return { rule, judgement: undefined, applied: 'passed-over' };
    const judgement = judge(rule.when, message, recipient);
    if (judgement.holds === 'yes') {
      decided = ruleSet.mode === 'first-match';
      return { rule, judgement, applied: 'whole' };
    }
    const demands = judgement.holds === 'unknown' && Object.keys(demandsOf(rule.do)).length > 0;
    return { rule, judgement, applied: demands ? 'demands' : 'not' };
  });
}

/** What the rules that count say together. */
export function combine(weighed: readonly Weighed[]): Effect {
  const counting = weighed.filter(({ applied }) => applied === 'whole' || applied === 'demands');
  const said = counting.map(({ rule, applied }) => (applied === 'whole' ? rule.do : demandsOf(rule.do)));
  const whole = counting.some(({ applied }) => applied === 'whole');
  return {
    rules: [...counting.map(({ rule }) => rule.name), ...(whole ? [] : [lastRule])],
    ...{ sign: strictest(said, 'sign'), encrypt: strictest(said, 'encrypt') },
    form: first(said, 'form') ?? 'clear',
    cipher: first(said, 'cipher'),
    oaep: said.some(({ oaep }) => oaep === 'must') ? 'must' : 'announced',
    header: first(said, 'header') ?? 'none',
    split: mayBeSplit(said),
    refuse: first(said, 'refuse'),
    hold: together(said.flatMap(({ hold }) => hold ?? [])),
    addHeaders: said.flatMap(({ addHeaders }) => addHeaders ?? []),
    removeHeaders: said.flatMap(({ removeHeaders }) => removeHeaders ?? []),
    removeAttachments: said.flatMap(({ removeAttachments }) => removeAttachments ?? []),
    disclaimers: said.flatMap(({ disclaimer }) => disclaimer ?? []),
    subjectTags: said.flatMap(({ subjectTag }) => subjectTag ?? []),
    route: first(said, 'route'),
    banner: mostOf(said, 'banner', ['signals', 'warnings', 'never']),
    reencrypt: mostOf(said, 'reencrypt', ['all', 'opened', 'never']),
  };
}

/** The part of a rule that can only hold a message back or protect it. */
export function demandsOf(actions: Actions): Actions {
  return {
    ...(actions.sign === 'must' ? { sign: 'must' } : {}),
    ...(actions.encrypt === 'must' ? { encrypt: 'must' } : {}),
    ...(actions.refuse === undefined ? {} : { refuse: actions.refuse }),
    ...(actions.hold === undefined ? {} : { hold: actions.hold }),
  };
}

function first<Name extends keyof Actions>(said: readonly Actions[], name: Name): Actions[Name] {
  return said.find((one) => one[name] !== undefined)?.[name];
}

/** The first of `order` that anybody says. */
function mostOf<Name extends 'banner' | 'reencrypt'>(
  said: readonly Actions[],
  name: Name,
  order: readonly NonNullable<Actions[Name]>[],
): Actions[Name] {
  return order.find((one) => said.some((actions) => actions[name] === one));
}

const strictness = ['must', 'if-possible', 'never'] as const;

function strictest(said: readonly Actions[], name: 'sign' | 'encrypt') {
  return strictness.find((one) => said.some((actions) => actions[name] === one)) ?? 'if-possible';
}

/** Where one rule says that copies may differ, every rule that demands encryption must say so. */
function mayBeSplit(said: readonly Actions[]): boolean {
  return (
    said.some(({ split }) => split === true) &&
    said.every(({ split, encrypt }) => split !== false && (encrypt !== 'must' || split === true))
  );
}

/** One that waits for a person outweighs one that waits for a certificate. */
function together(holds: readonly Hold[]): Hold | undefined {
  if (holds.length === 0) return undefined;
  return {
    reason: [...new Set(holds.map(({ reason }) => reason))].join('; '),
    hours: Math.max(...holds.map(({ hours }) => hours)),
    invite: holds.every(({ invite }) => invite),
  };
}
