/** The certificate of an order (RFC 8555 section 7.4): asked for once its addresses are proven, made by the profile for partners, never escrowed. */
import { type CertificateRequest, type KeyUsage, parseRequest } from '@chancery/smime';
import { z } from 'zod';
import { requirePossession, requireSoundKey } from '../../ca/check-key.ts';
import { prepareCertificate } from '../../ca/prepare.ts';
import { signCertificate } from '../../ca/sign.ts';
import { AuthorityError } from '../../errors.ts';
import { operation, perform } from '../../operation.ts';
import { type Principal, system } from '../../principal.ts';
import { acmeAccount, acmeKeyById } from '../../store/acme-accounts.ts';
import {
  type AcmeOrderRow,
  acmeOrderById,
  acmeOrderOfCertificate,
  acmeOrdersLeft,
  changeAcmeOrder,
  lockAcmeOrder,
} from '../../store/acme-orders.ts';
import { certificateByKey } from '../../store/certificates.ts';
import { lockKeys } from '../../store/intents.ts';
import { addressKey } from '../../store/people.ts';
import { profileForUse } from '../../store/profiles.ts';
import type { World } from '../../world.ts';
import { readRequest } from '../certificate-request.ts';
import { addressesIn, digestOf, requireFresh, UNDONE } from '../judge-request.ts';
import { ofAccount, requireAccount } from './accounts.ts';
import { AcmeError } from './acme-error.ts';
import { isSameKey } from './jws.ts';
import { type Nonce, NonceInput, spendNonce } from './nonces.ts';

const Der = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** What a request may ask to have the key for (RFC 8823 3). */
export type PartnerUsage = 'signing' | 'encryption' | 'both';

/**
 * Takes the request, and has its certificate made. One that is refused leaves the order as it was: the client may try another.
 * @param input `request`: PKCS#10, DER
 * @throws AcmeError `orderNotReady`, `badCSR`, `unauthorized`
 */
export async function finalizeOrder(
  world: World,
  by: Principal,
  input: { readonly nonce: Nonce; readonly id: string; readonly request: Uint8Array },
): Promise<void> {
  await perform(world, finalizeAcmeOrder, by, input);
  // What is not done now is done by the scheduler: the client polls.
  await issueOrder(world, input.id).catch((error: Error) =>
    world.log.warn('acme.not-issued', { order: input.id, error: error.message }),
  );
}

export const finalizeAcmeOrder = operation({
  action: 'acme.finalize',
  permission: ofAccount,
  input: z.strictObject({ nonce: NonceInput, id: z.uuid(), request: Der }),
  subject: ({ id }) => `acme-order:${id}`,
  async run(tx, { nonce, id, request: der }, by, world) {
    await spendNonce(tx, nonce);
    const account = await requireAccount(tx, by);
    const order = await lockAcmeOrder(tx, id);
    if (order?.account_id !== by.id)
      throw new AcmeError('unauthorized', 'This account has no such order. Nothing was issued.');
    if (order.state !== 'ready' || order.expires_at <= world.clock())
      throw new AcmeError('orderNotReady', `This order is ${stateOf(order, world.clock())}. Nothing was issued.`);
    const request = await orBadCsr(() => readRequest(der, UNDONE));
    requireNames(request, order.addresses);
    const usage = usageIn(request);
    const { document } = await profileForUse(tx, 'partner');
    const spkiSha256 = digestOf(request.spki);
    await orBadCsr(async () => {
      requirePossession(request);
      requireSoundKey(request.spki, document);
      // RFC 8555 11.1.
      if (isSameKey(account.jwk, request.spki)) throw badCsr('The certificate request is for the key of the account.');
      await lockKeys(tx, [spkiSha256]);
      await requireFresh(tx, spkiSha256, undefined);
    });
    await changeAcmeOrder(tx, id, {
      state: 'processing',
      request: Buffer.from(der),
      spki_sha256: spkiSha256,
      finalized_at: world.clock(),
    });
    return {
      result: undefined,
      audit: { accountId: account.id, addresses: order.addresses, usage, spkiSha256: spkiSha256.toString('hex') },
    };
  },
});

/** What became of an order. */
export const settleAcmeOrder = operation({
  action: 'acme.settle-order',
  permission: 'system',
  input: z.strictObject({ id: z.uuid(), serialNumber: z.string().optional(), reason: z.string().optional() }),
  subject: ({ id }) => `acme-order:${id}`,
  async run(tx, { id, serialNumber, reason = 'No reason was given.' }) {
    const order = await lockAcmeOrder(tx, id);
    if (order?.state !== 'processing') return { result: undefined, audit: { already: true } };
    await changeAcmeOrder(tx, id, {
      request: null,
      ...(serialNumber === undefined
        ? { state: 'invalid', problem_type: 'badCSR', problem: reason }
        : { state: 'valid', serial_number: serialNumber }),
    });
    const { account_id: accountId, addresses } = order;
    return { result: undefined, audit: { accountId, addresses, ...(serialNumber ? { serialNumber } : { reason }) } };
  },
});

/** Minutes after which an order whose certificate is being made is taken for the remains of a crash. */
const LEFT_MINUTES = 2;

/** For the scheduler: makes the certificates that a crash left behind. */
export async function sweepAcmeOrders(world: World): Promise<void> {
  const before = new Date(world.clock().getTime() - LEFT_MINUTES * 60_000);
  for (const id of await world.database.snapshot((snapshot) => acmeOrdersLeft(snapshot, before)))
    await issueOrder(world, id).catch((error: Error) =>
      world.log.warn('acme.not-issued', { order: id, error: error.message }),
    );
}

/** As a client is told it. */
export function stateOf(
  { state, expires_at }: Pick<AcmeOrderRow, 'state' | 'expires_at'>,
  at: Date,
): AcmeOrderRow['state'] {
  return (state === 'pending' || state === 'ready') && expires_at <= at ? 'invalid' : state;
}

/** What may be gone the next time. */
const LATER = new Set<AuthorityError['code']>(['unavailable', 'internal', 'rate-limited']);

async function issueOrder(world: World, id: string): Promise<void> {
  const { order, partner } = await world.database.snapshot(async (snapshot) => {
    const found = await acmeOrderById(snapshot, id);
    const account = found && (await acmeAccount(snapshot, { id: found.account_id }));
    const key = account?.key_id == null ? undefined : await acmeKeyById(snapshot, account.key_id);
    return { order: found, partner: key?.name };
  });
  if (order?.state !== 'processing' || order.request === null || order.spki_sha256 === null) return;
  const { request } = order;
  const made = await madeFor(world, order);
  if (made !== undefined) {
    await perform(world, settleAcmeOrder, system, { id, serialNumber: made });
    return;
  }
  try {
    const intent = await perform(world, prepareCertificate, system, {
      use: 'partner',
      request,
      partnerId: order.account_id,
      name: partner ?? order.addresses[0] ?? '',
      addresses: [...order.addresses],
      usage: usageIn(parseRequest(request)),
    });
    const { serialNumber } = await perform(world, signCertificate, system, intent);
    await perform(world, settleAcmeOrder, system, { id, serialNumber });
  } catch (error) {
    if (!(error instanceof AuthorityError) || LATER.has(error.code)) throw error;
    // Two at the same order, as after a pause of one of them: it is settled with what the faster one made, or will have made.
    const other = await madeFor(world, order);
    if (other !== undefined) await perform(world, settleAcmeOrder, system, { id, serialNumber: other });
    else if (error.code !== 'wrong-state') await perform(world, settleAcmeOrder, system, { id, reason: error.message });
    throw error;
  }
}

/** The certificate that was made for the order's key since it was finalised, and is no other order's. */
async function madeFor(
  world: World,
  { id, spki_sha256: key, finalized_at: since }: AcmeOrderRow,
): Promise<string | undefined> {
  if (key === null || since === null) return undefined;
  return world.database.snapshot(async (snapshot) => {
    const found = await certificateByKey(snapshot, key, 'partner');
    if (found === undefined || found.issued_at < since) return undefined;
    const owner = await acmeOrderOfCertificate(snapshot, found.serial_number);
    return owner === undefined || owner === id ? found.serial_number : undefined;
  });
}

/** RFC 8555 7.4: exactly the order's addresses, wherever a request may name one, and no name of another kind. */
function requireNames(request: CertificateRequest, addresses: readonly string[]): void {
  const { emails: _, ...others } = request.subjectAltNames;
  if (Object.values(others).some((names) => names.length > 0))
    throw badCsr('The certificate request has alternative names that are no mail addresses.');
  const asked = new Set(addressesIn(request).map(addressKey));
  const ordered = new Set(addresses.map(addressKey));
  if (asked.size !== ordered.size || [...asked].some((address) => !ordered.has(address)))
    throw badCsr('The certificate request does not name exactly the addresses of its order.');
}

/** RFC 8823 3: for signing, for encryption, or, where it does not say, for both. */
function usageIn({ keyUsage }: CertificateRequest): PartnerUsage {
  const has = (...usages: KeyUsage[]) => usages.some((usage) => keyUsage?.has(usage) === true);
  const signs = has('digitalSignature', 'nonRepudiation');
  const encrypts = has('keyEncipherment', 'keyAgreement', 'dataEncipherment');
  if (keyUsage !== undefined && !signs && !encrypts)
    throw badCsr('The certificate request asks for a key usage that no certificate for mail has.');
  return signs === encrypts ? 'both' : signs ? 'signing' : 'encryption';
}

/** What the rooms of the house refuse a request for, as ACME says it. */
async function orBadCsr<T>(check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof AuthorityError) throw new AcmeError('badCSR', error.message);
    throw error;
  }
}

const badCsr = (what: string) => new AcmeError('badCSR', `${what} ${UNDONE}`);
