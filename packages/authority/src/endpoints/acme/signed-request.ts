/** Who signed a request, judged in the order in which nothing is believed too early (RFC 8555 sections 6.2 to 6.5). */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { publicUrlOf } from '../../config.ts';
import type { Principal } from '../../principal.ts';
import { accountCaller } from '../../ra/acme/accounts.ts';
import { AcmeError } from '../../ra/acme/acme-error.ts';
import { payloadOf, readAccountKey, readJws, requireSignature } from '../../ra/acme/jws.ts';
import { type Nonce, takeNonce } from '../../ra/acme/nonces.ts';
import { type AcmeAccountRow, acmeAccount } from '../../store/acme-accounts.ts';
import type { AccountKey } from '../../store/schema.ts';
import type { World } from '../../world.ts';

interface Signed {
  /** JSON; undefined for a POST-as-GET. */
  readonly payload: unknown;
  readonly nonce: Nonce;
  /** The address that it was signed for. */
  readonly url: string;
}

/** By a key that speaks for itself. */
export interface ByKey extends Signed {
  readonly key: AccountKey;
}

/** By the key of an account that is in force. */
export interface ByAccount extends Signed {
  readonly account: AcmeAccountRow;
  readonly by: Principal;
}

/** @throws AcmeError */
export async function signedByKey(world: World, request: FastifyRequest): Promise<ByKey> {
  const signed = await readSigned(world, request);
  if ('by' in signed) throw malformed('Sign this with `jwk`, not with `kid`');
  return signed;
}

/** @throws AcmeError */
export async function signedByAccount(world: World, request: FastifyRequest): Promise<ByAccount> {
  const signed = await readSigned(world, request);
  if ('key' in signed) throw malformed('Sign this with `kid`, not with `jwk`');
  return signed;
}

/** @throws AcmeError */
export async function readSigned(world: World, request: FastifyRequest): Promise<ByKey | ByAccount> {
  const jws = readJws(jsonOf(request.body));
  const { nonce: text, url, kid, jwk } = jws.header;
  // RFC 8555 6.4: what was signed for one address is good for no other.
  if (url !== addressOf(world, request))
    throw new AcmeError('unauthorized', 'The request is signed for another address. Nothing was changed.');
  if ((kid === undefined) === (jwk === undefined)) throw malformed('A request has either `jwk` or `kid`');
  // Before the signature: a request that is sent a second time costs us nothing more.
  const nonce = await takeNonce(world, text);
  if (jwk !== undefined) {
    const key = readAccountKey(jwk);
    await requireSignature(jws, key);
    return { payload: payloadOf(jws), nonce, url, key };
  }
  const prefix = `${publicUrlOf(world.config)}/acme/account/`;
  const id = z.uuid().safeParse(kid?.startsWith(prefix) ? kid.slice(prefix.length) : undefined).data;
  const account = await world.database.snapshot(async (snapshot) => (id ? acmeAccount(snapshot, { id }) : undefined));
  if (account === undefined) throw new AcmeError('accountDoesNotExist', 'There is no such account.');
  await requireSignature(jws, account.jwk);
  const by = await world.database.snapshot((snapshot) => accountCaller(snapshot, account));
  return { payload: payloadOf(jws), nonce, url, account, by };
}

/** What a client has to sign for to reach this. */
function addressOf(world: World, request: FastifyRequest): string {
  return `${publicUrlOf(world.config)}${request.raw.url ?? ''}`;
}

function jsonOf(body: unknown): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : '');
  } catch {
    throw malformed('The body is no JSON');
  }
}

const malformed = (what: string) => new AcmeError('malformed', `${what}. Nothing was changed.`);
