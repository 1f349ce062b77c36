/** The rules of mail flow, the same in the gateway, the authority, the command line and the browser. */
export { type Advice, adviceOn } from './advice.ts';
export { type RuleChange, ruleChanges } from './changes.ts';
export { checkRules } from './check.ts';
export { domainOf, type Holds, type Judgement, judge, type RuleJudgement } from './conditions.ts';
export {
  type Changes,
  type Copy,
  type Decision,
  decide,
  describeRefusal,
  type Held,
  namesOf,
  type Outcome,
  type Plan,
  quarantine,
  type Refusal,
  whyNotStripped,
} from './decide.ts';
export { describeRule } from './describe.ts';
export {
  describeActions,
  type Explanation,
  explain,
  type RecipientExplanation,
  type RuleExplanation,
} from './explain.ts';
export type { AuthenticationFacts, ContentFacts, HeaderFact, MessageFacts, RecipientFacts } from './facts.ts';
export { JournalFacts, journalFacts, type RecordedDecision, sampleOfRecords } from './journal-facts.ts';
export { type JournalRecord, samplesOf } from './journal-sample.ts';
export { isNamed } from './patterns.ts';
export { Actions, Conditions, type Hold, lastRule, Rule, RuleMode, RuleSet, type RuleSetInput } from './rules.ts';
export {
  type Change,
  type Comparison,
  compare,
  type RuleCount,
  type Sample,
  type Simulation,
  simulate,
} from './simulate.ts';
