/** What the journal says of deliveries that the gateway makes itself: to which server, and how the way there was secured. */
import type { JournalEntry } from '@chancery/api';
import type { Receipt } from './relay/transport.ts';

/** The entries, those with their delivery that were brought to a server of the recipient's domain. @param at milliseconds since 1970 */
export function withDeliveries(
  entries: readonly JournalEntry[],
  receipts: readonly Receipt[],
  at: number,
): JournalEntry[] {
  const taken = receipts.filter(({ outcome, by }) => outcome === 'accepted' && by !== undefined);
  if (taken.length === 0) return [...entries];
  const byRecipient = new Map(taken.map(({ recipient, by }) => [recipient, by]));
  return entries.map((entry) => {
    const by = byRecipient.get(entry.recipient);
    return by === undefined ? entry : { ...entry, delivery: { at: new Date(at).toISOString(), ...by } };
  });
}
