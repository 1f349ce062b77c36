/** Orders (RFC 8555 section 7.4): for which addresses a certificate is wanted, and the challenge by mail that proves each (RFC 8823). */
import { randomBytes, randomUUID } from 'node:crypto';
import { NewPerson } from '@chancery/api';
import { z } from 'zod';
import { isAmong } from '../../acme-config.ts';
import { sealSecret } from '../../identity/sealing.ts';
import { operation } from '../../operation.ts';
import type { Principal } from '../../principal.ts';
import { type AcmeAccountRow, acmeKeyById } from '../../store/acme-accounts.ts';
import {
  type AcmeAuthorizationRow,
  changeAcmeAuthorization,
  changeAcmeOrder,
  countAcmeChallenges,
  countOpenAcmeOrders,
  insertAcmeOrder,
  lockAcmeAuthorization,
  lockAcmeOrder,
} from '../../store/acme-orders.ts';
import type { Transaction } from '../../store/database.ts';
import { addressKey } from '../../store/people.ts';
import type { World } from '../../world.ts';
import { acmeOf, ofAccount, requireAccount } from './accounts.ts';
import { AcmeError } from './acme-error.ts';
import { ourOwn } from './keys.ts';
import { NonceInput, spendNonce } from './nonces.ts';

/** Addresses of one certificate; each has its own challenge. */
const MOST_ADDRESSES = 10;
/** Orders of one account that are neither done nor lapsed: a client has one or two. */
const MOST_OPEN = 20;
/** Challenges that are mailed to one address in a day: nobody's mailbox is filled through us. */
const MOST_CHALLENGES = 5;
const DAY_MS = 86_400_000;
/** RFC 8823 3.1: at least 128 bits, and a multiple of three octets, so that the base64 of the parts joins to that of the whole. */
const TOKEN_OCTETS = 18;

const Identifier = z.object({ type: z.string().max(30), value: z.string().max(300) });

/** @throws AcmeError `unsupportedIdentifier`, `rejectedIdentifier`, `rateLimited`, `unauthorized` */
export const placeOrder = operation({
  action: 'acme.order',
  permission: ofAccount,
  input: z.strictObject({ nonce: NonceInput, identifiers: z.array(Identifier).min(1).max(MOST_ADDRESSES) }),
  subject: () => null,
  async run(tx, { nonce, identifiers }, by, world) {
    await spendNonce(tx, nonce);
    const { address: sender, challengeHours } = acmeOf(world);
    const account = await requireAccount(tx, by);
    const addresses = addressesOf(identifiers);
    await requireAllowed(tx, world, account, addresses);
    const at = world.clock();
    if ((await countOpenAcmeOrders(tx, account.id, at)) >= MOST_OPEN)
      throw new AcmeError(
        'rateLimited',
        `This account has ${MOST_OPEN} orders that are not done. Finish some of them.`,
      );
    for (const address of addresses) {
      if ((await countAcmeChallenges(tx, address, new Date(at.getTime() - DAY_MS))) >= MOST_CHALLENGES)
        throw new AcmeError('rateLimited', `${address} had ${MOST_CHALLENGES} challenges within a day. Ask tomorrow.`);
    }
    const id = randomUUID();
    const expiresAt = new Date(at.getTime() + challengeHours * 3_600_000);
    const authorizations = [];
    for (const address of addresses) authorizations.push(await challenge(tx, world, sender, address));
    const order = { id, account_id: account.id, addresses, created_at: at, expires_at: expiresAt };
    await insertAcmeOrder(tx, order, authorizations);
    await world.jobs.enqueue(tx, 'send-acme-challenges', {});
    return {
      result: id,
      audit: { orderId: id, accountId: account.id, addresses, expiresAt: expiresAt.toISOString() },
    };
  },
});

/** RFC 8555 7.5.1: the client says that its answer is on its way. Once is enough. @throws AcmeError `unauthorized` */
export const answerChallenge = operation({
  action: 'acme.answer-challenge',
  permission: ofAccount,
  input: z.strictObject({ nonce: NonceInput, id: z.uuid() }),
  subject: ({ id }) => `acme-authorization:${id}`,
  async run(tx, { nonce, id }, by, world) {
    await spendNonce(tx, nonce);
    const authorization = await requireOwn(tx, by, id);
    const waits = authorization.state === 'pending' && authorization.responded_at === null;
    if (waits) await changeAcmeAuthorization(tx, id, { responded_at: world.clock() });
    return { result: undefined, audit: { address: authorization.address, waits } };
  },
});

/** RFC 8555 7.5.2: it proves nothing any more, and what rests on it and is not done is given up. @throws AcmeError `unauthorized`, `malformed` */
export const deactivateAuthorization = operation({
  action: 'acme.deactivate-authorization',
  permission: ofAccount,
  input: z.strictObject({ nonce: NonceInput, id: z.uuid() }),
  subject: ({ id }) => `acme-authorization:${id}`,
  async run(tx, { nonce, id }, by) {
    await spendNonce(tx, nonce);
    const authorization = await requireOwn(tx, by, id);
    const order = await lockAcmeOrder(tx, authorization.order_id);
    if (order === undefined || order.state === 'processing')
      throw new AcmeError('malformed', 'Its certificate is being made. Nothing was changed. Try again in a minute.');
    if (authorization.state === 'invalid')
      throw new AcmeError('malformed', 'An authorization that has failed is not deactivated. Nothing was changed.');
    await changeAcmeAuthorization(tx, id, { state: 'deactivated', sealed_token: null });
    if (order.state === 'pending' || order.state === 'ready')
      await changeAcmeOrder(tx, order.id, {
        state: 'invalid',
        problem_type: 'unauthorized',
        problem: `The client has deactivated the authorization of ${authorization.address}.`,
      });
    return { result: undefined, audit: { address: authorization.address, orderId: order.id } };
  },
});

/** The purpose under which the first part of a challenge's token lies sealed. */
export const tokenPurpose = (id: string): string => `chancery:acme-token:${id}`;

async function challenge(tx: Transaction, world: World, sender: string, address: string) {
  const id = randomUUID();
  const first = randomBytes(TOKEN_OCTETS).toString('base64url');
  return {
    id,
    address,
    token: randomBytes(TOKEN_OCTETS).toString('base64url'),
    sealed_token: Buffer.from(await sealSecret(world, tx, tokenPurpose(id), Buffer.from(first, 'latin1'))),
    sender,
    message_id: `acme-${id}@${sender.slice(sender.lastIndexOf('@') + 1)}`,
  };
}

/** Held until commit. */
async function requireOwn(tx: Transaction, by: Principal, id: string): Promise<AcmeAuthorizationRow> {
  await requireAccount(tx, by);
  const authorization = await lockAcmeAuthorization(tx, id);
  if (authorization?.account_id !== by.id)
    throw new AcmeError('unauthorized', 'This account has no such authorization. Nothing was changed.');
  return authorization;
}

/** Each once, as typed. @throws AcmeError `unsupportedIdentifier`, `rejectedIdentifier` */
function addressesOf(identifiers: readonly z.output<typeof Identifier>[]): string[] {
  const byKey = new Map<string, string>();
  for (const { type, value } of identifiers) {
    if (type !== 'email')
      throw new AcmeError('unsupportedIdentifier', 'Certificates are for mail here: an identifier is of type "email".');
    if (!NewPerson.shape.address.safeParse(value).success)
      throw new AcmeError('rejectedIdentifier', `${JSON.stringify(value)} is no address that a certificate may have.`);
    if (!byKey.has(addressKey(value))) byKey.set(addressKey(value), value);
  }
  return [...byKey.values()];
}

/** @throws AcmeError `rejectedIdentifier`, `unauthorized` */
async function requireAllowed(
  tx: Transaction,
  world: World,
  account: AcmeAccountRow,
  addresses: readonly string[],
): Promise<void> {
  const { externalAccountRequired, addresses: open } = acmeOf(world);
  const key = account.key_id === null ? undefined : await acmeKeyById(tx, account.key_id);
  if (key === undefined && externalAccountRequired)
    throw new AcmeError('unauthorized', 'This account was made without a key of this office, which is needed now.');
  const own = await ourOwn(tx, addresses);
  if (own !== undefined)
    throw new AcmeError('rejectedIdentifier', `${own} is of this organisation, whose certificates come another way.`);
  const foreign = addresses.find((address) => !isAmong(key?.addresses ?? open, address));
  if (foreign !== undefined)
    throw new AcmeError('rejectedIdentifier', `This account may not order for ${foreign}. Nothing was ordered.`);
}
