/** ACME (RFC 8555) with the challenge by mail (RFC 8823), for partners outside the organisation. */
import { derToPem, parseCertificate } from '@chancery/smime';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AuthorityError } from '../../errors.ts';
import { perform } from '../../operation.ts';
import { anonymous } from '../../principal.ts';
import { changeAcmeContacts, changeAcmeKey, createAcmeAccount } from '../../ra/acme/accounts.ts';
import { AcmeError } from '../../ra/acme/acme-error.ts';
import { finalizeOrder } from '../../ra/acme/finalize.ts';
import { payloadOf, readAccountKey, readJws, requireSignature } from '../../ra/acme/jws.ts';
import { freshNonce } from '../../ra/acme/nonces.ts';
import { answerChallenge, deactivateAuthorization, placeOrder } from '../../ra/acme/orders.ts';
import { revokeByAcme } from '../../ra/acme/revoke.ts';
import {
  acmeAuthorization,
  acmeAuthorizationsOf,
  acmeOrderById,
  acmeOrdersOfAccount,
} from '../../store/acme-orders.ts';
import { chainOf } from '../../store/authorities.ts';
import { certificateBySerial } from '../../store/certificates.ts';
import type { World } from '../../world.ts';
import {
  accountUrl,
  describeAccount,
  describeAuthorization,
  describeChallenge,
  describeDirectory,
  describeOrder,
  orderUrl,
  urlOf,
} from './describe.ts';
import { answerProblem, sendProblem } from './problems.ts';
import { type ByAccount, readSigned, signedByAccount, signedByKey } from './signed-request.ts';

/** Octets of a request: a certificate request for a key of 16,384 bits, in base64 twice, has 15,000. */
const BODY = 65_536;
/** Orders of one page. */
const PAGE = 100;
/** Seconds after which a client asks again. A reply by mail takes minutes. */
const RETRY = '15';

export function acmeEndpoint(world: World): FastifyPluginAsync {
  return async (app) => {
    app.setErrorHandler(answerProblem(world));
    app.removeAllContentTypeParsers();
    // RFC 8555 6.2: anything else is 415.
    app.addContentTypeParser('application/jose+json', { parseAs: 'string', bodyLimit: BODY }, (_request, body, done) =>
      done(null, body),
    );
    // Each takes a signature to be checked. Behind one address may sit a whole building.
    await app.register(rateLimit, {
      max: 300,
      timeWindow: '1 minute',
      errorResponseBuilder: (_request, { after }) =>
        new AuthorityError('rate-limited', `Too many requests from this address. Try again in ${after}.`),
    });
    app.addHook('onRequest', async (request, reply) => {
      reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
      reply.header('link', `<${urlOf(world, 'directory')}>;rel="index"`);
      if (request.method === 'POST' || request.url.endsWith('/new-nonce'))
        reply.header('replay-nonce', await freshNonce(world));
    });
    serve(app, world);
  };
}

function serve(app: FastifyInstance, world: World): void {
  app.get('/acme/directory', async () => describeDirectory(world));
  app.head('/acme/new-nonce', async (_request, reply) => reply.code(200).send());
  app.get('/acme/new-nonce', async (_request, reply) => reply.code(204).send());
  app.post('/acme/new-account', (request, reply) => newAccount(world, request, reply));
  app.post('/acme/account/:id', (request) => changeAccount(world, request));
  app.post('/acme/account/:id/orders', (request, reply) => listOrders(world, request, reply));
  app.post('/acme/key-change', (request, reply) => changeKey(world, request, reply));
  app.post('/acme/new-order', (request, reply) => newOrder(world, request, reply));
  app.post('/acme/order/:id', (request, reply) => showOrder(world, request, reply));
  app.post('/acme/order/:id/finalize', (request, reply) => finalize(world, request, reply));
  app.post('/acme/order/:id/certificate', (request, reply) => sendCertificate(world, request, reply));
  app.post('/acme/authorization/:id', (request, reply) => authorization(world, request, reply));
  app.post('/acme/challenge/:id', (request, reply) => challenge(world, request, reply));
  app.post('/acme/revoke-cert', (request, reply) => revoke(world, request, reply));
}

const NewAccount = z.object({
  contact: z.array(z.string().max(300)).max(5).default([]),
  termsOfServiceAgreed: z.boolean().default(false),
  onlyReturnExisting: z.boolean().default(false),
  externalAccountBinding: z.record(z.string(), z.unknown()).optional(),
});

async function newAccount(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { payload, nonce, key, url } = await signedByKey(world, request);
  const { contact, termsOfServiceAgreed, onlyReturnExisting, externalAccountBinding } = parse(NewAccount, payload);
  const { account, created } = await perform(world, createAcmeAccount, anonymous, {
    nonce,
    key,
    url,
    contacts: contact,
    agreed: termsOfServiceAgreed,
    onlyExisting: onlyReturnExisting,
    ...(externalAccountBinding !== undefined && { binding: externalAccountBinding }),
  });
  return reply
    .code(created ? 201 : 200)
    .header('location', accountUrl(world, account.id))
    .send(describeAccount(world, account));
}

const AccountChange = z.object({
  contact: z.array(z.string().max(300)).max(5).optional(),
  status: z.literal('deactivated').optional(),
});

async function changeAccount(world: World, request: FastifyRequest) {
  const { payload, nonce, account, by } = await signedByAccount(world, request);
  if (idIn(request) !== account.id) throw notTheirs('account');
  if (payload === undefined) return describeAccount(world, account);
  const { contact, status } = parse(AccountChange, payload);
  const changed = await perform(world, changeAcmeContacts, by, {
    nonce,
    deactivate: status !== undefined,
    ...(contact !== undefined && { contacts: contact }),
  });
  return describeAccount(world, changed);
}

async function listOrders(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { payload, account } = await signedByAccount(world, request);
  requireRead(payload);
  if (idIn(request) !== account.id) throw notTheirs('account');
  const after = z.uuid().safeParse((request.query as { after?: unknown }).after).data;
  const ids = await world.database.snapshot((snapshot) =>
    acmeOrdersOfAccount(snapshot, account.id, { after, limit: PAGE }),
  );
  const last = ids.at(-1);
  if (ids.length === PAGE && last !== undefined)
    reply.header('link', [
      `<${urlOf(world, 'directory')}>;rel="index"`,
      `<${accountUrl(world, account.id)}/orders?after=${last}>;rel="next"`,
    ]);
  return reply.send({ orders: ids.map((id) => orderUrl(world, id)) });
}

const KeyChange = z.object({ account: z.string().max(2_000), oldKey: z.record(z.string(), z.unknown()) });

/** RFC 8555 7.3.5: signed by the old key, around what the new one has signed. */
async function changeKey(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { payload, nonce, account, by, url } = await signedByAccount(world, request);
  const inner = readJws(payload);
  if (inner.header.url !== url || inner.header.nonce !== undefined || inner.header.jwk === undefined)
    throw malformed('What the new key signs has its `jwk` and the same `url`, and no `nonce`');
  const newKey = readAccountKey(inner.header.jwk);
  await requireSignature(inner, newKey);
  const { account: named, oldKey } = parse(KeyChange, payloadOf(inner));
  if (named !== accountUrl(world, account.id)) throw malformed('What the new key signs names another account');
  const changed = await perform(world, changeAcmeKey, by, { nonce, oldKey: readAccountKey(oldKey), newKey });
  if (!changed.isTaken) return reply.send(describeAccount(world, changed.account));
  const detail = 'This key has an account already. Nothing was changed.';
  return sendProblem(reply.header('location', accountUrl(world, changed.account.id)), {
    type: 'malformed',
    status: 409,
    detail,
  });
}

const NewOrder = z.object({
  identifiers: z
    .array(z.object({ type: z.string().max(30), value: z.string().max(300) }))
    .min(1)
    .max(10),
  notBefore: z.unknown().optional(),
  notAfter: z.unknown().optional(),
});

async function newOrder(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const signed = await signedByAccount(world, request);
  const { identifiers, notBefore, notAfter } = parse(NewOrder, signed.payload);
  if (notBefore !== undefined || notAfter !== undefined)
    throw malformed('How long a certificate is good is the office’s to say: leave out `notBefore` and `notAfter`');
  const id = await perform(world, placeOrder, signed.by, { nonce: signed.nonce, identifiers });
  return sendOrder(world, signed, id, reply.code(201));
}

async function showOrder(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const signed = await signedByAccount(world, request);
  requireRead(signed.payload);
  return sendOrder(world, signed, idIn(request), reply);
}

const Finalization = z.object({ csr: z.string().regex(/^[A-Za-z0-9_-]{1,40000}$/) });

async function finalize(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const signed = await signedByAccount(world, request);
  const { csr } = parse(Finalization, signed.payload);
  const id = idIn(request);
  await finalizeOrder(world, signed.by, { nonce: signed.nonce, id, request: Buffer.from(csr, 'base64url') });
  return sendOrder(world, signed, id, reply);
}

async function sendOrder(world: World, { by }: ByAccount, id: string, reply: FastifyReply): Promise<FastifyReply> {
  const found = await world.database.snapshot(async (snapshot) => {
    const order = await acmeOrderById(snapshot, id);
    return order?.account_id === by.id ? { order, all: await acmeAuthorizationsOf(snapshot, order) } : undefined;
  });
  if (found === undefined) throw notTheirs('order');
  if (found.order.state === 'processing') reply.header('retry-after', RETRY);
  return reply.header('location', orderUrl(world, id)).send(describeOrder(world, found.order, found.all));
}

/** RFC 8555 7.4.2, 9.1: the certificate, and those that lead to the root without it. */
async function sendCertificate(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { payload, by } = await signedByAccount(world, request);
  requireRead(payload);
  const chain = await world.database.snapshot(async (snapshot) => {
    const order = await acmeOrderById(snapshot, idIn(request));
    if (order?.account_id !== by.id || order.serial_number === null) return undefined;
    const row = await certificateBySerial(snapshot, order.serial_number);
    return row && [row.certificate, ...(await chainOf(snapshot, row.authority_id))];
  });
  if (chain === undefined) throw notTheirs('certificate');
  const below = chain.filter((der) => {
    const { issuer, subject } = parseCertificate(der);
    return Buffer.compare(issuer.der, subject.der) !== 0;
  });
  return reply.type('application/pem-certificate-chain').send(
    below
      .map((der) => derToPem(der, 'CERTIFICATE').trimEnd())
      .join('\n')
      .concat('\n'),
  );
}

const AuthorizationChange = z.object({ status: z.literal('deactivated') });

async function authorization(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { payload, nonce, by } = await signedByAccount(world, request);
  const id = idIn(request);
  if (payload !== undefined) {
    parse(AuthorizationChange, payload);
    await perform(world, deactivateAuthorization, by, { nonce, id });
  }
  const found = await ownAuthorization(world, by.id, id);
  if (found.state === 'pending') reply.header('retry-after', RETRY);
  return reply.send(describeAuthorization(world, found));
}

async function challenge(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { payload, nonce, by } = await signedByAccount(world, request);
  const id = idIn(request);
  // RFC 8555 7.5.1: an empty object.
  if (payload !== undefined) {
    parse(z.strictObject({}), payload);
    await perform(world, answerChallenge, by, { nonce, id });
  }
  const found = await ownAuthorization(world, by.id, id);
  if (found.state === 'pending') reply.header('retry-after', RETRY);
  return reply
    .header('link', [`<${urlOf(world, 'directory')}>;rel="index"`, `<${urlOf(world, `authorization/${id}`)}>;rel="up"`])
    .send(describeChallenge(world, found));
}

async function ownAuthorization(world: World, accountId: string, id: string) {
  const found = await world.database.snapshot((snapshot) => acmeAuthorization(snapshot, { id }));
  if (found?.account_id !== accountId) throw notTheirs('authorization');
  return found;
}

const Revocation = z.object({
  certificate: z.string().regex(/^[A-Za-z0-9_-]{1,60000}$/),
  reason: z.int().optional(),
});

async function revoke(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const signed = await readSigned(world, request);
  const { certificate, reason } = parse(Revocation, signed.payload);
  await perform(world, revokeByAcme, 'by' in signed ? signed.by : anonymous, {
    nonce: signed.nonce,
    certificate: Buffer.from(certificate, 'base64url'),
    ...(reason !== undefined && { reason }),
    ...('key' in signed && { key: signed.key }),
  });
  return reply.code(200).send();
}

/** @throws AcmeError `malformed` */
function parse<S extends z.ZodType>(schema: S, payload: unknown): z.output<S> {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw malformed(`The payload cannot be used: ${first?.path.join('.') ?? ''} ${first?.message ?? ''}`);
}

/** RFC 8555 6.3: what is only asked for is a POST with an empty payload. */
function requireRead(payload: unknown): void {
  if (payload !== undefined) throw malformed('What is only read is asked for with an empty payload');
}

function idIn(request: FastifyRequest): string {
  const { id } = request.params as { id: string };
  if (!z.uuid().safeParse(id).success) throw new AuthorityError('not-found', 'There is nothing at this address.');
  return id;
}

/** The same whether there is one or not. */
const notTheirs = (what: string) => new AcmeError('unauthorized', `This account has no such ${what}.`);
const malformed = (what: string) => new AcmeError('malformed', `${what}. Nothing was changed.`);
