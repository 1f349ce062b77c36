import { queryOptions } from '@tanstack/react-query';
import { api } from '../api.ts';

export const rulesQuery = queryOptions({ queryKey: ['mail-rules'], queryFn: () => api.mailRules() });

/** A version never changes; what became of it does. */
export const ruleSetQuery = (version: number) =>
  queryOptions({ queryKey: ['mail-rules', version], queryFn: () => api.mailRuleSet({ params: { version } }) });
