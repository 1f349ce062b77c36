/** What the address of the journal says: its filters. */
import { JournalFilter } from '@chancery/api';
import { z } from 'zod';

const optional = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);
const { address, domain, messageId, rule, direction, outcome, verdict, gateway, shadow, search } = JournalFilter.shape;
/** A day as people write it: `2026-11-26`. */
const Day = z.iso.date();

export const MailSearch = z.object({
  search: optional(search.unwrap()),
  address: optional(address.unwrap()),
  domain: optional(domain.unwrap()),
  messageId: optional(messageId.unwrap()),
  rule: optional(rule.unwrap()),
  ruleSet: optional(z.coerce.number().int().min(1)),
  direction: optional(direction.unwrap()),
  outcome: optional(outcome.unwrap()),
  verdict: optional(verdict.unwrap()),
  gateway: optional(gateway.unwrap()),
  shadow: optional(shadow.unwrap()),
  from: optional(Day),
  /** That day too. */
  to: optional(Day),
});
export type MailSearch = z.output<typeof MailSearch>;

const day = 86_400_000;

/** As the contract has it; days are UTC. */
export function filterOf({ from, to, ...rest }: MailSearch): JournalFilter {
  const said = Object.fromEntries(
    Object.entries(rest).filter(([, value]) => value !== undefined && value !== ''),
  ) as JournalFilter;
  return {
    ...said,
    ...(from !== undefined && { since: `${from}T00:00:00.000Z` }),
    ...(to !== undefined && { until: new Date(Date.parse(`${to}T00:00:00.000Z`) + day).toISOString() }),
  };
}
