/** What the endpoints for devices have in common: octets of any type come in, and not too many at once. */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { AuthorityError } from '../errors.ts';

/** @param bodyLimit octets of a request. Whoever calls sets its own answer to errors */
export async function admitDevices(app: FastifyInstance, bodyLimit: number): Promise<void> {
  app.removeAllContentTypeParsers();
  // Clients send no type, or any: the octets decide.
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body));
  // Each takes an RSA operation of ours. Behind one address may sit a whole building.
  await app.register(rateLimit, {
    max: 600,
    timeWindow: '1 minute',
    errorResponseBuilder: (_request, { after }) =>
      new AuthorityError('rate-limited', `Too many requests from this address. Try again in ${after}.`),
  });
}
