/** What the gateways report about mail: decisions, never bodies or subjects. Kept for as long as the configuration says. */
import { JournalEntry, JournalFilter, journalFormats } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { deleteJournalBefore, hasJournalBefore, insertJournal } from '../store/journal.ts';
import type { World } from '../world.ts';

export const writeJournal = operation({
  action: 'journal.write',
  permission: 'gateway:serve',
  input: z.object({ entries: z.array(JournalEntry).max(1000) }),
  subject: () => null,
  async run(tx, input, by) {
    if (by.kind !== 'gateway') {
      throw new AuthorityError('forbidden', `Only a gateway writes the journal. Nothing was changed.`);
    }
    const added = await insertJournal(tx, by.id, input.entries);
    return { result: undefined, audit: { entries: input.entries.length, added } };
  },
});

/** That somebody takes it with them: who wrote to whom, as far as the filter goes. */
export const exportJournal = operation({
  action: 'journal.export',
  permission: 'office:read',
  input: z.strictObject({ format: z.enum(journalFormats), filter: JournalFilter }),
  subject: () => null,
  async run(_tx, { format, filter }) {
    return { result: undefined, audit: { format, filter } };
  },
});

/** Records that one transaction forgets, and transactions in one minute. */
const BATCH = 10_000;
const BATCHES = 30;

/** Forgets records whose time is over, the oldest first. What the rules did stays, as figures. */
export const purgeJournal = operation({
  action: 'journal.purge',
  permission: 'system',
  input: z.strictObject({ before: z.iso.datetime() }),
  subject: () => null,
  async run(tx, { before }) {
    const deleted = await deleteJournalBefore(tx, new Date(before), BATCH);
    return { result: deleted, audit: { before, deleted } };
  },
});

/** Whole days (UTC) at a time: one minute of each has something to forget, and the trail does not fill with the others. */
export async function purgeEndedJournal(world: World): Promise<void> {
  const before = keptSince(world);
  if (!(await world.database.snapshot((snapshot) => hasJournalBefore(snapshot, before)))) return;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const deleted = await perform(world, purgeJournal, system, { before: before.toISOString() });
    if (deleted < BATCH) return;
  }
}

const DAY = 86_400_000;

function keptSince({ config, clock }: World): Date {
  const midnight = Math.floor(clock().getTime() / DAY) * DAY;
  return new Date(midnight - config.journal.keepDays * DAY);
}
