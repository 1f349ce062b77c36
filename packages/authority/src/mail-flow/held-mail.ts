/** Mail that gateways hold: what they report of it, and what operators decide. The messages themselves never come here. */
import { HeldDecision, HeldReport } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import {
  decideOnHeldMail,
  forgetHeldMail,
  forgetOtherRuns,
  heldMailById,
  putHeldMail,
  settleHeldDecisions,
} from '../store/held-mail.ts';
import { storable } from '../store/storable.ts';

export const reportHeldMail = operation({
  action: 'held-mail.report',
  permission: 'gateway:serve',
  input: HeldReport,
  subject: () => null,
  async run(tx, { run, held, gone, done, complete }, by, world) {
    if (by.kind !== 'gateway') {
      throw new AuthorityError('forbidden', 'Only a gateway reports what it holds. Nothing was changed.');
    }
    await settleHeldDecisions(tx, by.id, done);
    await putHeldMail(tx, { gatewayId: by.id, run, at: world.clock() }, storable(held));
    await forgetHeldMail(tx, by.id, gone);
    if (complete) await forgetOtherRuns(tx, by.id, run);
    return { result: undefined, audit: { held: held.length, gone: gone.length, done: done.length, complete } };
  },
});

/** @throws AuthorityError `not-found` (it was sent or returned meanwhile) */
export const decideHeldMail = operation({
  action: 'held-mail.decide',
  permission: 'held-mail:decide',
  input: HeldDecision.extend({ id: z.uuid() }),
  subject: ({ id }) => `held-mail:${id}`,
  async run(tx, { id, act, note }, by, world) {
    const row = await heldMailById(tx, id);
    if (row === undefined) throw notHeld();
    await decideOnHeldMail(tx, id, { act, note, by: by.name.slice(0, 200), at: world.clock() });
    const { direction, sender, recipients, reason, rule } = row.standing;
    const { gateway } = row;
    return {
      result: undefined,
      audit: { act, note, gateway, direction, sender, recipients: recipients.slice(0, 20), reason, rule },
    };
  },
});

export function notHeld(): AuthorityError {
  return new AuthorityError(
    'not-found',
    'No gateway holds that message, or not any more. The journal says what became of it.',
  );
}
