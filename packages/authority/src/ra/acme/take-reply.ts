/** A reply to a challenge comes in by a gateway, is judged, and proves an address or does not (RFC 8823 section 3.2). */
import { createHash } from 'node:crypto';
import { acmeReplyOctets } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { openSecret } from '../../identity/sealing.ts';
import { consult, operation, perform } from '../../operation.ts';
import type { Principal } from '../../principal.ts';
import { acmeAccount } from '../../store/acme-accounts.ts';
import {
  type AcmeAuthorizationRow,
  acmeAuthorization,
  acmeAuthorizationsOf,
  changeAcmeAuthorization,
  changeAcmeOrder,
  lockAcmeAuthorization,
  lockAcmeOrder,
} from '../../store/acme-orders.ts';
import type { Transaction } from '../../store/database.ts';
import { addressKey } from '../../store/people.ts';
import { sameSecret } from '../../store/tokens.ts';
import type { World } from '../../world.ts';
import { thumbprintOf } from './jws.ts';
import { tokenPurpose } from './orders.ts';
import { type Reply, readReply } from './read-reply.ts';
import { judgeReply, type ReplyVerdict } from './reply-authenticity.ts';

/** What is said to whoever sent it. */
export interface TakenReply {
  readonly outcome: 'proven' | 'refused' | 'later';
  /** A sentence. */
  readonly reason: string;
}

/**
 * What a mail to the address of `[acme]` is worth.
 * @param message as it came in, octet for octet
 * @throws AuthorityError `unauthenticated`, `forbidden` (no gateway)
 */
export async function takeAcmeReply(world: World, by: Principal, message: Uint8Array): Promise<TakenReply> {
  // Nobody but a gateway has us read anything, or ask DNS.
  await consult(world, 'gateway:serve', by, async () => undefined);
  const reply = message.length > acmeReplyOctets ? 'is larger than a reply may be' : readReply(message);
  try {
    if (typeof reply === 'string') return await refuse(world, by, reply);
    const known = await world.database.snapshot((snapshot) =>
      acmeAuthorization(snapshot, { messageId: reply.inReplyTo }),
    );
    if (known === undefined) return await refuse(world, by, 'replies to no challenge of this office');
    const input = { id: known.id, reply, verdict: await verdictOn(world, known, reply, message) };
    if (!input.verdict.pass && input.verdict.later)
      return { outcome: 'later', reason: `The reply cannot be judged: ${input.verdict.why}.` };
    const proven = await perform(world, judgeAcmeReply, by, input);
    return proven
      ? { outcome: 'proven', reason: 'The address is proven.' }
      : { outcome: 'refused', reason: 'The response is not the one that this challenge wants.' };
  } catch (error) {
    if (error instanceof AuthorityError && error.code === 'forbidden')
      return { outcome: 'refused', reason: error.message };
    throw error;
  }
}

/** DNS is asked only about what would be believed. */
async function verdictOn(
  world: World,
  known: AcmeAuthorizationRow,
  reply: Reply,
  message: Uint8Array,
): Promise<ReplyVerdict> {
  const open = known.state === 'pending' && addressKey(reply.from) === addressKey(known.address);
  return open ? judgeReply(world, message) : { pass: false, later: false, why: 'it was not looked at' };
}

const ReplyInput = z.custom<Reply>((value) => typeof value === 'object' && value !== null && 'from' in value);
const Verdict = z.custom<ReplyVerdict>((value) => typeof value === 'object' && value !== null && 'pass' in value);

/**
 * Whether it proves the address. One that is not by its owner changes nothing, so that nobody spoils a challenge for another; one
 * that is, with another response, ends it.
 * @throws AuthorityError `forbidden`, saying what is wrong
 */
export const judgeAcmeReply = operation({
  action: 'acme.take-reply',
  permission: 'gateway:serve',
  input: z.union([
    z.strictObject({ id: z.uuid(), reply: ReplyInput, verdict: Verdict }),
    /** Nothing that belongs to a challenge. */
    z.strictObject({ refused: z.string() }),
  ]),
  subject: (input) => ('id' in input ? `acme-authorization:${input.id}` : null),
  async run(tx, input, _by, world) {
    if ('refused' in input) throw no(input.refused);
    const { id, reply, verdict } = input;
    const authorization = await lockAcmeAuthorization(tx, id);
    if (authorization === undefined) throw no('replies to no challenge of this office');
    const { address, sender } = authorization;
    if (authorization.state !== 'pending' || authorization.sealed_token === null)
      throw no('replies to a challenge that was answered already, or is over');
    if (authorization.expires_at <= world.clock()) throw no('replies to a challenge that has lapsed');
    if (addressKey(reply.from) !== addressKey(address)) throw no('is not from the address that is to be proven');
    if (!reply.to.includes(sender.toLowerCase())) throw no('is not to the address that sent the challenge');
    if (!verdict.pass) throw no(`is not known to be from there: ${verdict.why}`);
    const first = Buffer.from(await openSecret(world, tx, tokenPurpose(id), authorization.sealed_token));
    const token = first.toString('latin1');
    first.fill(0);
    if (reply.token === undefined || !sameSecret(reply.token, token))
      throw no('does not have the subject of the challenge');
    if (reply.response === undefined) throw no('holds no ACME response');
    const expected = await responseFor(tx, authorization, `${token}${authorization.token}`);
    if (!sameSecret(reply.response, expected)) {
      await fail(tx, authorization, `The response that came from ${address} is not the one to this challenge.`);
      return { result: false, audit: { address, outcome: 'wrong response', domain: verdict.domain } };
    }
    await changeAcmeAuthorization(tx, id, { state: 'valid', sealed_token: null, validated_at: world.clock() });
    const ready = await settle(tx, authorization);
    return { result: true, audit: { address, outcome: 'proven', domain: verdict.domain, orderReady: ready } };
  },
});

/** RFC 8555 8.1, RFC 8823 3.2: SHA-256 of the key authorization, base64url. */
async function responseFor(
  tx: Transaction,
  { account_id }: { readonly account_id: string },
  token: string,
): Promise<string> {
  const account = await acmeAccount(tx, { id: account_id });
  if (account?.state !== 'valid') throw no('replies to a challenge of an account that has ended');
  return createHash('sha256')
    .update(`${token}.${await thumbprintOf(account.jwk)}`, 'latin1')
    .digest('base64url');
}

/** Once each address of the order is proven, its certificate may be asked for. */
async function settle(tx: Transaction, { order_id }: AcmeAuthorizationRow): Promise<boolean> {
  const order = await lockAcmeOrder(tx, order_id);
  if (order?.state !== 'pending') return false;
  const all = await acmeAuthorizationsOf(tx, order);
  if (!all.every(({ state }) => state === 'valid')) return false;
  await changeAcmeOrder(tx, order_id, { state: 'ready' });
  return true;
}

async function fail(tx: Transaction, { id, order_id }: AcmeAuthorizationRow, text: string): Promise<void> {
  const problem = { problem_type: 'incorrectResponse', problem: text };
  await changeAcmeAuthorization(tx, id, { state: 'invalid', sealed_token: null, ...problem });
  const order = await lockAcmeOrder(tx, order_id);
  if (order?.state === 'pending') await changeAcmeOrder(tx, order_id, { state: 'invalid', ...problem });
}

/** On record, and then said. */
async function refuse(world: World, by: Principal, what: string): Promise<never> {
  await perform(world, judgeAcmeReply, by, { refused: what });
  throw new Error('A reply that proves nothing was taken');
}

const no = (what: string) => new AuthorityError('forbidden', `The reply ${what}. Nothing was proven.`);
