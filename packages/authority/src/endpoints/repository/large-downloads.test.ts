import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../../test/pki-office.ts';
import { repositoryEndpoint } from './repository-endpoint.ts';

/** More than the buffers between two sockets of one machine hold. */
const OCTETS = 32_000_000;
let office: PkiOffice;
let app: FastifyInstance;
let url: string;

beforeAll(async () => {
  office = await pkiOffice();
  // A list of that size takes long to make, and its contents do not matter here.
  await office.world.database.pool.query(
    `UPDATE crls SET crl = decode(repeat('00', ${OCTETS}), 'hex'), octets = ${OCTETS}, sha256 = sha256('large')
     WHERE authority_id = (SELECT id FROM authorities WHERE slug = 'issuing')`,
  );
  app = Fastify();
  await app.register(repositoryEndpoint(office.world, { large: 1_000_000, atOnce: 2, grace: 1500, pace: 1e9 }));
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  app?.server.closeAllConnections();
  await app?.close();
  await office?.close();
});

async function begin(path: string): Promise<IncomingMessage> {
  const [answer] = (await once(get(`${url}${path}`, { agent: false }), 'response')) as [IncomingMessage];
  answer.on('error', () => undefined);
  return answer;
}

async function lengthOf(answer: IncomingMessage): Promise<number> {
  let length = 0;
  for await (const piece of answer) length += (piece as Buffer).length;
  return length;
}

describe('large lists', () => {
  it('go out to so many at once, others are told when to ask again, and small ones wait for nobody', async () => {
    const slow = [await begin('/crl/issuing.crl'), await begin('/crl/issuing.crl')];
    const third = await begin('/crl/issuing.crl');
    expect([third.statusCode, third.headers['retry-after'], third.headers['cache-control']]).toEqual([
      503,
      '5',
      'no-store',
    ]);
    third.resume();
    const small = await begin('/crl/root.crl');
    expect([small.statusCode, await lengthOf(small)]).toEqual([200, Number(small.headers['content-length'])]);
    // Who takes nothing is let go, and gives the place to another.
    await expect(lengthOf(await untilAborted(slow[0]))).rejects.toThrow(/aborted/);
    const next = await begin('/crl/issuing.crl');
    expect([next.statusCode, await lengthOf(next)]).toEqual([200, OCTETS]);
  });
});

async function untilAborted(answer: IncomingMessage | undefined): Promise<IncomingMessage> {
  if (answer === undefined) throw new Error('There is no such answer');
  await new Promise((resolve) => setTimeout(resolve, 2500));
  return answer;
}
