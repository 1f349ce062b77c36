/** Why rules did what they did, in sentences for people: for every recipient every rule, and for every rule every condition. */
import { type Judgement, judge } from './conditions.ts';
import { type Decision, decide, namesOf, type Plan } from './decide.ts';
import { demandsOf, type Weighed, weigh } from './effect.ts';
import type { MessageFacts, RecipientFacts } from './facts.ts';
import { type Actions, lastRule, type Rule, type RuleSet } from './rules.ts';

export interface Explanation {
  readonly recipients: readonly RecipientExplanation[];
}

export interface RecipientExplanation extends Decision {
  /** What becomes of the message for this recipient, and by which rules. */
  readonly sentence: string;
  readonly explained: readonly RuleExplanation[];
}

export interface RuleExplanation {
  readonly rule: string;
  readonly enabled: Rule['enabled'];
  /**
   * `decides`: it holds and counts. `demands`: it cannot be judged, and what it demands counts. `no`: it does not hold, or is in doubt and
   * demands nothing. `late`: an earlier rule has decided. `shadow`: in shadow, it would count. `off`: nobody asked it.
   */
  readonly result: 'decides' | 'demands' | 'no' | 'late' | 'shadow' | 'off';
  readonly sentence: string;
  /** What each condition says, also of rules that do not count; `unless.` before those of the exception. */
  readonly conditions: readonly Judgement[];
}

export function explain(ruleSet: RuleSet, facts: MessageFacts): Explanation {
  const plan = decide(ruleSet, facts);
  return {
    recipients: plan.decisions.flatMap((decision, index) => {
      const recipient = facts.recipients[index];
      if (recipient === undefined) return [];
      return [
        {
          ...decision,
          sentence: sentenceOf(decision, plan, facts),
          explained: explainRules(ruleSet, facts, recipient),
        },
      ];
    }),
  };
}

function explainRules(ruleSet: RuleSet, facts: MessageFacts, recipient: RecipientFacts): RuleExplanation[] {
  const weighed = weigh(ruleSet, facts, recipient, false);
  const shadowed = weigh(ruleSet, facts, recipient, true);
  const decider = weighed.find(({ applied }) => applied === 'whole')?.rule.name ?? '';
  return weighed.map(({ rule, applied }, index): RuleExplanation => {
    const judgement = judge(rule.when, facts, recipient);
    const shown = { rule: rule.name, enabled: rule.enabled, conditions: judgement.conditions };
    const why = whyOf(rule, judgement.conditions);
    if (rule.enabled === 'off')
      return { ...shown, result: 'off', sentence: `It is switched off. ${why[judgement.holds]}` };
    if (rule.enabled === 'shadow') return { ...shown, ...ofShadow(shadowed[index], why[judgement.holds]) };
    if (applied === 'whole')
      return { ...shown, result: 'decides', sentence: `${why.yes} It counts: ${describeActions(rule.do)}.` };
    if (applied === 'demands') {
      const demands = describeActions(demandsOf(rule.do));
      return {
        ...shown,
        result: 'demands',
        sentence: `${why.unknown} To be safe, what it demands counts: ${demands}.`,
      };
    }
    if (applied === 'passed-over') {
      return {
        ...shown,
        result: 'late',
        sentence: `“${decider}” stands before it and has decided. ${why[judgement.holds]}`,
      };
    }
    const doubt = judgement.holds === 'unknown' ? ' It demands nothing, so it does not count.' : '';
    return { ...shown, result: 'no', sentence: `${why[judgement.holds]}${doubt}` };
  });
}

function ofShadow(weighed: Weighed | undefined, why: string): Pick<RuleExplanation, 'result' | 'sentence'> {
  const counts = weighed?.applied === 'whole' || weighed?.applied === 'demands';
  if (counts)
    return {
      result: 'shadow',
      sentence: `It is in shadow and changes nothing. ${why} It would count: ${describeActions(weighed.rule.do)}.`,
    };
  return { result: 'no', sentence: `It is in shadow. ${why}` };
}

/** Why a rule holds, does not, or cannot be judged: the condition that settles it. */
function whyOf({ when }: Rule, conditions: readonly Judgement[]): Record<Judgement['holds'], string> {
  const plain = conditions.filter(({ condition }) => !/^(anyOf|unless)\./.test(condition));
  const failed = plain.find(({ holds }) => holds === 'no');
  const doubtful = conditions.find(({ holds }) => holds === 'unknown');
  const ways = when.anyOf?.map((_, index) =>
    conditions.filter(({ condition }) => condition.startsWith(`anyOf.${index}.`)),
  );
  const noWay = ways?.every((way) => way.some(({ holds }) => holds === 'no')) === true;
  const exception = conditions.filter(({ condition }) => condition.startsWith('unless.'));
  const no =
    failed?.sentence ??
    (noWay
      ? `None of its alternatives holds: ${ways?.map((way) => way.find(({ holds }) => holds === 'no')?.sentence).join(' ')}`
      : `Its exception holds: ${exception.map(({ sentence }) => sentence).join(' ') || 'it has no conditions.'}`);
  return {
    yes: conditions.length === 0 ? 'It has no conditions, so it always holds.' : 'It holds: all its conditions do.',
    no: `It does not hold. ${no}`,
    unknown: `Whether it holds cannot be judged. ${doubtful?.sentence ?? ''}`,
  };
}

/** Actions as a person would say them, without a full stop. */
export function describeActions(actions: Actions): string {
  const quoted = (texts: readonly string[]) => texts.map((text) => `“${text}”`).join(', ');
  const said = [
    actions.refuse === undefined ? '' : `the message is refused (“${actions.refuse}”)`,
    holdInWords(actions.hold),
    actions.sign === undefined ? '' : words.sign[actions.sign],
    actions.encrypt === undefined ? '' : words.encrypt[actions.encrypt],
    actions.form === undefined ? '' : `the signature is ${actions.form}`,
    actions.cipher === undefined ? '' : `the cipher is ${actions.cipher.toUpperCase()}`,
    actions.oaep === 'must' ? 'keys travel under RSA-OAEP' : '',
    actions.header === undefined || actions.header === 'none' ? '' : `the header is protected (${actions.header})`,
    actions.split === true ? 'who has no certificate may get it in the clear' : '',
    actions.addHeaders === undefined ? '' : `adds ${actions.addHeaders.map(({ name }) => name).join(', ')}`,
    actions.removeHeaders === undefined ? '' : `removes ${actions.removeHeaders.join(', ')}`,
    actions.removeAttachments === undefined ? '' : `removes files named ${quoted(actions.removeAttachments)}`,
    actions.disclaimer === undefined ? '' : 'adds a disclaimer',
    actions.subjectTag === undefined ? '' : `puts “${actions.subjectTag}” before the subject`,
    actions.banner === undefined ? '' : words.banner[actions.banner],
    actions.reencrypt === undefined ? '' : words.reencrypt[actions.reencrypt],
    actions.route === undefined ? '' : `goes by “${actions.route}”`,
  ].filter((part) => part !== '');
  return said.length === 0 ? 'signed, and encrypted where every recipient has a certificate' : said.join('; ');
}

function holdInWords(hold: Actions['hold']): string {
  if (hold === undefined) return '';
  const end = `for at most ${hold.hours} hours (“${hold.reason}”)`;
  return hold.invite ? `who has no certificate is invited, and it waits ${end}` : `it waits to be released, ${end}`;
}

const words = {
  sign: { never: 'it is not signed', 'if-possible': 'it is signed if there is a key', must: 'it must be signed' },
  encrypt: {
    never: 'it is not encrypted',
    'if-possible': 'it is encrypted if everybody has a certificate',
    must: 'it must be encrypted',
  },
  banner: {
    never: 'no lines are put above its text',
    warnings: 'warnings are put above its text',
    signals: 'warnings and notices are put above its text',
  },
  reencrypt: {
    never: 'it rests as it came, or as it was opened',
    opened: 'what was opened here is encrypted again to its reader',
    all: 'it is encrypted to its reader, however it came',
  },
} as const;

const outcomes: Record<Decision['outcome'], string> = {
  signed: 'gets it signed',
  'signed-encrypted': 'gets it signed and encrypted',
  encrypted: 'gets it encrypted',
  plain: 'gets it as it is',
  passed: 'gets it, opened and verified where that can be',
  held: 'does not get it yet: it is held',
  quarantined: 'does not get it yet: it waits for somebody to look at it',
  refused: 'does not get it: it is refused',
  deferred: 'does not get it now: the sender is asked to try again',
};

function sentenceOf(decision: Decision, plan: Plan, facts: MessageFacts): string {
  const by =
    decision.rules.length === 1 && decision.rules[0] === lastRule
      ? 'No rule holds, so what the gateway does by itself counts'
      : `By ${namesOf(decision.rules)}`;
  const detail = decision.detail === '' ? '' : ` (${decision.detail})`;
  const all = plan.refusal !== undefined && facts.recipients.length > 1 ? ' Nobody gets it where one may not.' : '';
  return `${by}: ${decision.recipient} ${outcomes[decision.outcome]}${detail}.${all}`;
}
