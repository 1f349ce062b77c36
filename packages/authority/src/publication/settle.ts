/** What was seen in a target, written down: the state of each certificate there, and what is known of each entry. */
import { z } from 'zod';
import type { Transaction } from '../store/database.ts';
import {
  holdPublications,
  noteEntries,
  type PublicationRow,
  recordStates,
  reopenChanged,
} from '../store/publications.ts';
import type { World } from '../world.ts';
import type { Sight } from './target.ts';

/** One person's `Sight`, as an operation takes it. */
export const SeenPerson = z.strictObject({
  personId: z.uuid(),
  entry: z.strictObject({ id: z.string().nullable(), place: z.string() }).nullable(),
  missing: z.array(z.string()),
  extra: z.array(z.string()),
  others: z.int(),
  problem: z
    .strictObject({ kind: z.enum(['not-found', 'ambiguous', 'no-room', 'refused']), detail: z.string() })
    .nullable(),
  dropped: z.array(z.string()),
});
export type SeenPerson = z.infer<typeof SeenPerson>;

export function seenPerson(personId: string, sight: Sight): SeenPerson {
  const { missing, extra, dropped } = sight;
  return { personId, ...sight, missing: [...missing], extra: [...extra], dropped: [...dropped] };
}

/**
 * After a visit that mended. Whoever's certificates were wanted otherwise meanwhile is visited again: that visit's hand may have
 * come after another's.
 * @param since when it was looked up what should stand there
 */
export async function settle(
  tx: Transaction,
  world: World,
  visit: {
    readonly target: string;
    readonly since: Date;
    readonly seen: readonly SeenPerson[];
    readonly wrote: boolean;
  },
): Promise<void> {
  const { target, since, seen, wrote } = visit;
  const at = world.clock();
  const ids = seen.map(({ personId }) => personId);
  const rows = await holdPublications(tx, target, ids);
  const states = seen.flatMap((one) =>
    rows.filter((row) => row.person_id === one.personId).flatMap((row) => changeOf(row, one) ?? []),
  );
  // Before anything is recorded: what this visit records changed since, too.
  const again = wrote ? await reopenChanged(tx, target, ids, { since, at }) : [];
  await recordStates(tx, target, states, { since, at });
  await noteEntries(
    tx,
    seen.map(({ personId, entry, problem, others }) => ({
      target,
      person_id: personId,
      entry: entry?.id ?? null,
      place: entry?.place ?? null,
      problem: problem?.kind ?? null,
      detail: problem?.detail ?? null,
      others,
      seen_at: at,
    })),
  );
  await world.jobs.enqueueAll(
    tx,
    'publish-person',
    again.map((personId) => ({ personId })),
  );
}

function changeOf(row: PublicationRow, seen: SeenPerson) {
  const next = stateOf(row, seen);
  const isOpen = row.state === 'pending' || row.state === 'failed';
  if (!isOpen && next.state === row.state && next.error === row.error) return undefined;
  return { serialNumber: row.serial_number, ...next };
}

function stateOf(
  { serial_number, wanted }: PublicationRow,
  { problem, dropped }: SeenPerson,
): { state: PublicationRow['state']; error: string | null } {
  const failed = problem !== null && { state: 'failed' as const, error: problem.detail };
  // Where there is no entry, nothing stands.
  if (!wanted)
    return failed && ['ambiguous', 'refused'].includes(problem.kind) ? failed : { state: 'removed', error: null };
  if (failed && (problem.kind !== 'no-room' || dropped.includes(serial_number))) return failed;
  return { state: 'published', error: null };
}
