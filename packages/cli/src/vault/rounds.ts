/** How a drill or a re-wrapping stands, in words. */
import type { Round } from '@chancery/api';

export function describeRound(round: Round): string {
  const { kind, records, officers, threshold, outcome, batches } = round;
  const name = kind === 'drill' ? 'Drill' : 'Re-wrapping into the new vault';
  const done = kind === 'drill' ? 'proven to open' : 'moved';
  const failed = records.failed === 0 ? '' : ` ${records.failed} did NOT open.`;
  const head = `${name} ${round.id}: ${records.done} of ${records.asked} keys ${done}.${failed}`;
  if (outcome === 'complete') return `${head} Complete.`;
  if (outcome === 'ended') return `${head} Ended before it was complete.`;
  const who = officers.map(({ name: officer, contributed }) => `${officer} ${contributed}`).join(', ');
  const command =
    kind === 'drill' ? 'chancery escrow drill --share-key FILE' : 'chancery vault rewrap --share-key FILE';
  return `${head} Each batch takes ${threshold} officers; of ${batches.asked} batches have contributed: ${who} (${command}).`;
}
