/** A person asks their registration officers for help, on their own page. It is a note, and recovers nothing by itself. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { actorOf } from '../principal.ts';
import { closeHelpRequest, insertHelpRequest } from '../store/help-requests.ts';
import type { World } from '../world.ts';

/** @throws AuthorityError `forbidden`, `conflict` (one waits already) */
export const askForHelp = operation({
  action: 'person.ask-for-help',
  permission: 'self:write',
  input: z.strictObject({
    personId: z.uuid(),
    topic: z.enum(['lost-key', 'lost-device', 'other']),
    note: z.string().trim().max(1000),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, topic, note }, by, world) {
    if (by.kind !== 'person' || by.id !== personId) {
      throw new AuthorityError('forbidden', 'A person asks for themselves. Nothing was asked for.');
    }
    const id = randomUUID();
    const waits = await insertHelpRequest(tx, { id, person_id: personId, topic, note, asked_at: world.clock() });
    if (!waits)
      throw new AuthorityError('conflict', 'You have asked already, and an officer will see it. Nothing was changed.');
    return { result: { id }, audit: { helpRequestId: id, topic } };
  },
});

/** @throws AuthorityError `wrong-state` */
export const closeHelp = operation({
  action: 'person.close-help',
  permission: 'person:write',
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `help:${id}`,
  async run(tx, { id }, by, world: World) {
    const personId = await closeHelpRequest(tx, id, { by: actorOf(by), at: world.clock() });
    if (personId === undefined) {
      throw new AuthorityError(
        'wrong-state',
        'There is no such request, or it was closed already. Nothing was changed.',
      );
    }
    return { result: undefined, audit: { personId, helpRequestId: id } };
  },
});
