/**
 * Replay-nonces (RFC 8555 section 6.5). They vouch for themselves, so that giving one out writes nothing. One that changes something is
 * spent in the transaction that does; one that only reads, in the memory of the node.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { openSecret, sealSecret } from '../../identity/sealing.ts';
import { operation, perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import {
  acmeNonceKey,
  countEndedNonces,
  forgetEndedNonces,
  keepAcmeNonceKey,
  spendAcmeNonce,
} from '../../store/acme-accounts.ts';
import { countLapsedAcmeTokens, forgetLapsedAcmeTokens } from '../../store/acme-orders.ts';
import type { Database, Transaction } from '../../store/database.ts';
import { hashToken } from '../../store/tokens.ts';
import type { World } from '../../world.ts';
import { AcmeError } from './acme-error.ts';

/** Seconds that a nonce is good for: a client has one from its last answer, and does not keep it. */
const LIFETIME = 3_600;
/** Nonces that a node remembers: more than its rate limit lets a few hundred addresses spend in their lifetime. */
const REMEMBERED = 200_000;

/** Good until it is spent, or has ended. Made by `takeNonce` alone. */
export interface Nonce {
  readonly hash: Buffer;
  readonly expires_at: Date;
}
/** For the input of operations. */
export const NonceInput = z.custom<Nonce>((value) => typeof value === 'object' && value !== null && 'hash' in value);

export async function freshNonce(world: World): Promise<string> {
  const body = Buffer.alloc(16);
  body.writeUInt32BE(Math.floor(world.clock().getTime() / 1000));
  randomBytes(12).copy(body, 4);
  return Buffer.concat([body, tag(await keyOf(world), body)]).toString('base64url');
}

/** Takes it out of this node's hands: a second request with it is refused. @throws AcmeError `badNonce` */
export async function takeNonce(world: World, text: string | undefined): Promise<Nonce> {
  const octets = Buffer.from(text ?? '', 'base64url');
  const body = octets.subarray(0, 16);
  if (octets.length !== 32 || octets.toString('base64url') !== text) throw badNonce('is not one of ours');
  if (!timingSafeEqual(octets.subarray(16), tag(await keyOf(world), body))) throw badNonce('is not one of ours');
  const now = world.clock().getTime();
  const ends = (body.readUInt32BE(0) + LIFETIME) * 1000;
  if (ends <= now) throw badNonce('has ended');
  const seen = seenBy(world.database);
  if (seen.has(text)) throw badNonce('was used before');
  if (seen.size >= REMEMBERED) forget(seen, now);
  seen.set(text, ends);
  return { hash: hashToken(text), expires_at: new Date(ends) };
}

/** In the transaction of what the request changes: on no node a second time. @throws AcmeError `badNonce` */
export async function spendNonce(tx: Transaction, nonce: Nonce): Promise<void> {
  if (!(await spendAcmeNonce(tx, nonce))) throw badNonce('was used before');
}

/** What all nodes know nonces by. Sealed under the office's own key. */
export const makeNonceKey = operation({
  action: 'acme.make-nonce-key',
  permission: 'system',
  input: z.strictObject({}),
  subject: () => null,
  async run(tx, _input, _by, world) {
    await keepAcmeNonceKey(tx, Buffer.from(await sealSecret(world, tx, PURPOSE, randomBytes(32))));
    return { result: undefined, audit: {} };
  },
});

/** Forgets nonces that have ended, and tokens that nobody can answer any more. */
export const purgeAcme = operation({
  action: 'acme.purge',
  permission: 'system',
  input: z.strictObject({}),
  subject: () => null,
  async run(tx, _input, _by, world) {
    const at = world.clock();
    const nonces = await forgetEndedNonces(tx, at);
    return { result: undefined, audit: { nonces, tokens: await forgetLapsedAcmeTokens(tx, at) } };
  },
});

/** For the scheduler; leaves no record where there is little to forget. */
export async function purgeEndedNonces(world: World): Promise<void> {
  const at = world.clock();
  const [nonces, tokens] = await world.database.snapshot(async (snapshot) => [
    await countEndedNonces(snapshot, at),
    await countLapsedAcmeTokens(snapshot, at),
  ]);
  if (tokens > 0 || nonces >= WORTH_A_RECORD) await perform(world, purgeAcme, system, {});
}
const WORTH_A_RECORD = 100;

const PURPOSE = 'chancery:acme-nonces';
const keys = new WeakMap<Database, Promise<Buffer>>();
const seenByDatabase = new WeakMap<Database, Map<string, number>>();

function keyOf(world: World): Promise<Buffer> {
  const known = keys.get(world.database) ?? openKey(world);
  keys.set(world.database, known);
  // What failed is tried again.
  known.catch(() => keys.delete(world.database));
  return known;
}

async function openKey(world: World): Promise<Buffer> {
  const { database } = world;
  if ((await database.snapshot(acmeNonceKey)) === undefined) await perform(world, makeNonceKey, system, {});
  return database.snapshot(async (snapshot) => {
    const sealed = await acmeNonceKey(snapshot);
    if (sealed === undefined) throw new Error('The key of nonces is not there');
    return Buffer.from(await openSecret(world, snapshot, PURPOSE, sealed));
  });
}

function seenBy(database: Database): Map<string, number> {
  const seen = seenByDatabase.get(database) ?? new Map<string, number>();
  seenByDatabase.set(database, seen);
  return seen;
}

/** Those that have ended; where none has, those that would end first. */
function forget(seen: Map<string, number>, now: number): void {
  for (const [nonce, ends] of seen) if (ends <= now) seen.delete(nonce);
  for (const nonce of seen.keys()) {
    if (seen.size < REMEMBERED / 2) return;
    seen.delete(nonce);
  }
}

const tag = (key: Buffer, body: Uint8Array): Buffer => createHmac('sha256', key).update(body).digest().subarray(0, 16);

const badNonce = (why: string) =>
  new AcmeError('badNonce', `The nonce ${why}. Nothing was changed. Ask again with the one in this answer.`);
