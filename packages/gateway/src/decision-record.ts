/** What a record says of a decision beside its outcome: each rule, what those in shadow would have done, and what it was decided from. */
import { randomUUID } from 'node:crypto';
import type { JournalEntry } from '@chancery/api';
import {
  type Decision,
  type JournalFacts,
  journalFacts,
  lastRule,
  type MessageFacts,
  type RuleSet,
} from '@chancery/mail-policy';

type Recorded = Pick<JournalEntry, 'rules' | 'shadow' | 'facts' | 'ruleSet' | 'arrival'>;

/**
 * For all the recipients of one message, whose records belong together.
 * @param version of the office's rules; undefined where none of them decided
 */
export function decisionRecorder(
  ruleSet: RuleSet,
  version: number | undefined,
  facts: MessageFacts,
): (decision: Pick<Decision, 'recipient' | 'rules' | 'shadow'>) => Recorded {
  const arrival = randomUUID();
  const recipients = new Map(facts.recipients.map((recipient) => [recipient.address, recipient]));
  return ({ recipient, rules, shadow }) => {
    const of = recipients.get(recipient);
    return {
      arrival,
      ...(rules.length > 1 ? { rules: rules.slice(0, mostRules).map(named) } : {}),
      ...(version === undefined ? {} : { ruleSet: version }),
      ...(shadow === undefined ? {} : { shadow: shadowOf(shadow) }),
      ...(of === undefined ? {} : { facts: asJson(journalFacts(ruleSet, facts, of)) }),
    };
  };
}

/** As it is written: nothing that it is made of is anything but JSON. */
const asJson = (facts: JournalFacts): NonNullable<JournalEntry['facts']> => JSON.parse(JSON.stringify(facts));

/** Of one record, as the contract has it. */
const mostRules = 50;
const named = (rule: string): string => rule.slice(0, 200);

/** They are judged together: each has the outcome that all of them would have had. */
function shadowOf({ rules, outcome, detail }: NonNullable<Decision['shadow']>): NonNullable<Recorded['shadow']> {
  const names = rules.length === 0 ? [lastRule] : rules.slice(0, mostRules);
  return names.map((rule) => ({ rule: named(rule), outcome, detail: detail.slice(0, 1000) }));
}
