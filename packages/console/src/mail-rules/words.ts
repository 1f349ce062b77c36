/** The rules of mail flow in the words of the console. */
import type { RuleSetState } from '@chancery/api';
import type { Rule } from '@chancery/mail-policy';
import type { Worded } from '../words.ts';

export const ruleStates: Readonly<Record<Rule['enabled'], Worded>> = {
  on: ['On', 'ok'],
  shadow: ['Shadow', 'wait'],
  off: ['Off', 'quiet'],
};

export const versionStates: Readonly<Record<RuleSetState, Worded>> = {
  draft: ['Draft', 'wait'],
  live: ['In force', 'ok'],
  replaced: ['Replaced', 'quiet'],
  'set-aside': ['Set aside', 'quiet'],
};
