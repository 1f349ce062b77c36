/**
 * The challenge as a mail (RFC 8823 section 3.1). It goes the way of the office's mail, and whoever stands on that way signs it. It is
 * on record before it leaves; one that may have left is sent again with the same Message-ID.
 */
import { z } from 'zod';
import { openSecret } from '../../identity/sealing.ts';
import { MailRefused } from '../../notices/smtp.ts';
import { operation, perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import {
  type AcmeAuthorizationRow,
  acmeMailsDue,
  changeAcmeAuthorization,
  changeAcmeOrder,
  holdAcmeMail,
} from '../../store/acme-orders.ts';
import type { Transaction } from '../../store/database.ts';
import { organisationName } from '../../store/intents.ts';
import type { World } from '../../world.ts';
import { tokenPurpose } from './orders.ts';

/** Mails of one job. */
const BATCH = 100;

/** For the job that follows an order, and for the scheduler, which comes back to what failed. */
export async function sendDueChallenges(world: World): Promise<void> {
  if (world.config.acme === undefined || world.mail === undefined) return;
  const due = await world.database.snapshot((snapshot) => acmeMailsDue(snapshot, world.clock(), BATCH));
  for (const id of due) {
    // A server that is down is down for the next one too.
    if ((await perform(world, sendChallenge, system, { id })) === 'later') return;
  }
}

/** What cannot be called back. */
export const sendChallenge = operation({
  action: 'acme.send-challenge',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `acme-authorization:${id}`,
  async run(tx, { id }, _by, world) {
    const one = await holdAcmeMail(tx, id, world.clock());
    if (one === undefined || one.sealed_token === null || world.mail === undefined)
      return { result: 'nothing' as const, audit: { outcome: 'in other hands' } };
    try {
      await world.mail.send(await letter(tx, world, one, one.sealed_token));
    } catch (error) {
      const why = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').slice(0, 300);
      world.log.warn('acme.challenge-not-sent', { authorization: id, reason: why });
      if (error instanceof MailRefused) {
        await giveUp(tx, one, why);
        return { result: 'refused' as const, audit: { to: one.address, outcome: 'refused', reason: why } };
      }
      const next = new Date(world.clock().getTime() + Math.min(60_000 * 2 ** one.tries, 3_600_000));
      await changeAcmeAuthorization(tx, id, { tries: one.tries + 1, next_try_at: next });
      return { result: 'later' as const, audit: { to: one.address, outcome: 'later', reason: why } };
    }
    await changeAcmeAuthorization(tx, id, { mail: 'sent', tries: one.tries + 1 });
    return { result: 'sent' as const, audit: { to: one.address, outcome: 'sent' } };
  },
});

async function letter(tx: Transaction, world: World, one: AcmeAuthorizationRow, sealed: Uint8Array) {
  const token = Buffer.from(await openSecret(world, tx, tokenPurpose(one.id), sealed));
  const organisation = await organisationName(tx);
  return {
    id: one.id,
    messageId: one.message_id,
    from: one.sender,
    to: one.address,
    subject: `ACME: ${token.toString('latin1')}`,
    autoSubmitted: 'auto-generated; type=acme',
    text: TEXT.replace('{organisation}', organisation),
  };
}

/** The client knows what to do with it; this is for whoever finds it in a mailbox. */
const TEXT = `Somebody has asked {organisation} for an S/MIME certificate for this mail address.

If that was you, your ACME client finds in the subject of this mail what it needs, and says what to answer: a reply to this
mail, with the lines that it gives you from BEGIN ACME RESPONSE to END ACME RESPONSE.

If it was not you, do nothing: without an answer from this address no certificate is made.
`;

/** Nobody takes mail at that address. */
async function giveUp(tx: Transaction, { id, order_id, address }: AcmeAuthorizationRow, why: string): Promise<void> {
  const problem = { problem_type: 'connection', problem: `The challenge to ${address} was refused: ${why}` };
  await changeAcmeAuthorization(tx, id, { state: 'invalid', mail: 'refused', sealed_token: null, ...problem });
  await changeAcmeOrder(tx, order_id, { state: 'invalid', ...problem });
}
