/** What rules would do with many messages, and what one set does otherwise than another: before a rule is switched on. */
import { judge } from './conditions.ts';
import { type Decision, decide, type Outcome } from './decide.ts';
import type { MessageFacts } from './facts.ts';
import { lastRule, type RuleSet } from './rules.ts';

export interface Sample {
  /** What a person knows the message by: a file name, a Message-ID. */
  readonly id: string;
  readonly facts: MessageFacts;
}

export interface Simulation {
  readonly messages: readonly { readonly id: string; readonly decisions: readonly Decision[] }[];
  /** Recipients by outcome. */
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  /** Every rule of the set in its order, and the last one: recipients for whom it counted, would have counted in shadow, or was in doubt. */
  readonly rules: readonly RuleCount[];
}

export interface RuleCount {
  readonly rule: string;
  readonly counted: number;
  readonly shadow: number;
  /** It could not be judged. */
  readonly doubtful: number;
}

export function simulate(ruleSet: RuleSet, samples: readonly Sample[]): Simulation {
  const outcomes: Partial<Record<Outcome, number>> = {};
  const counts = new Map<string, RuleCount>();
  const count = (rule: string, what: keyof Omit<RuleCount, 'rule'>) => {
    const before = counts.get(rule) ?? { rule, counted: 0, shadow: 0, doubtful: 0 };
    counts.set(rule, { ...before, [what]: before[what] + 1 });
  };
  const messages = samples.map(({ id, facts }) => {
    const { decisions } = decide(ruleSet, facts);
    for (const { outcome, rules, shadow } of decisions) {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      for (const rule of rules) count(rule, 'counted');
      for (const rule of shadow?.rules ?? []) count(rule, 'shadow');
    }
    for (const recipient of facts.recipients) {
      for (const rule of ruleSet.rules) {
        if (rule.enabled !== 'off' && judge(rule.when, facts, recipient).holds === 'unknown')
          count(rule.name, 'doubtful');
      }
    }
    return { id, decisions };
  });
  const names = [...new Set([...ruleSet.rules.map(({ name }) => name), lastRule])];
  const rules = names.map((rule) => counts.get(rule) ?? { rule, counted: 0, shadow: 0, doubtful: 0 });
  return { messages, outcomes, rules };
}

export interface Comparison {
  readonly before: Simulation;
  readonly after: Simulation;
  readonly changes: readonly Change[];
}

/** One recipient of one message for whom something would be otherwise. */
export interface Change {
  readonly id: string;
  readonly recipient: string;
  /** `weaker`: what was encrypted, signed or kept back no longer would be. */
  readonly kind: 'weaker' | 'stronger' | 'other';
  readonly before: Pick<Decision, 'rules' | 'outcome' | 'detail'>;
  readonly after: Pick<Decision, 'rules' | 'outcome' | 'detail'>;
}

export function compare(before: RuleSet, after: RuleSet, samples: readonly Sample[]): Comparison {
  const [was, is] = [simulate(before, samples), simulate(after, samples)];
  const changes = was.messages.flatMap(({ id, decisions }, at) =>
    decisions.flatMap((one, index): Change[] => {
      const other = is.messages[at]?.decisions[index];
      if (other === undefined || (one.outcome === other.outcome && one.detail === other.detail)) return [];
      return [
        {
          id,
          recipient: one.recipient,
          kind: kindOf(one.outcome, other.outcome),
          before: said(one),
          after: said(other),
        },
      ];
    }),
  );
  return { before: was, after: is, changes };
}

function said({ rules, outcome, detail }: Decision): Change['before'] {
  return { rules, outcome, detail };
}

/** How much of a message others can read or change: what does not go out is safest. */
const strength: Record<Outcome, number> = {
  plain: 0,
  passed: 0,
  signed: 1,
  encrypted: 2,
  'signed-encrypted': 3,
  deferred: 4,
  held: 4,
  quarantined: 4,
  refused: 4,
};

function kindOf(before: Outcome, after: Outcome): Change['kind'] {
  const difference = strength[after] - strength[before];
  return difference < 0 ? 'weaker' : difference > 0 ? 'stronger' : 'other';
}
