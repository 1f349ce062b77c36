/** The rules of mail flow, the same in the gateway, the authority, the command line and the browser. */
export { domainOf, type Holds, isNamed, type Judgement, judge, type RuleJudgement } from './conditions.ts';
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
  type Refusal,
} from './decide.ts';
export type { AuthenticationFacts, ContentFacts, HeaderFact, MessageFacts, RecipientFacts } from './facts.ts';
export { Actions, Conditions, type Hold, lastRule, Rule, RuleMode, RuleSet, type RuleSetInput } from './rules.ts';
