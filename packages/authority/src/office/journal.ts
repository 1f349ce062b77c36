/** What the gateways report about mail: decisions, never bodies or subjects. */
import { JournalEntry } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { insertJournal } from '../store/journal.ts';

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
