/** SCEP over HTTP (RFC 8894 section 4): GetCACaps, GetCACert, PKIOperation; one endpoint for each label, and the paths that clients know. */

import { certsOnly, limits, SmimeError } from '@chancery/smime';
import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { labelOf } from '../../enrolment-config.ts';
import { AuthorityError } from '../../errors.ts';
import { authorityCertificates } from '../../ra/registration-authority.ts';
import type { World } from '../../world.ts';
import { admitDevices } from '../device-door.ts';
import { answerMessage, type ScepLabel } from './answer-message.ts';
import { scepFailures } from './failures.ts';

export function scepEndpoint(world: World): FastifyPluginAsync {
  return async (app) => {
    app.setErrorHandler(answerError(world));
    await admitDevices(app, limits.scepMessageOctets);
    const serve = (request: FastifyRequest, reply: FastifyReply) => answer(world, request, reply);
    for (const path of PATHS) app.route({ method: ['GET', 'POST'], url: path, handler: serve });
  };
}

/** With and without what some clients insist on: a file name at the end, or the path of another server. */
const PATHS = [
  '/scep',
  '/scep/pkiclient.exe',
  '/scep/:label',
  '/scep/:label/pkiclient.exe',
  '/cgi-bin/pkiclient.exe',
  '/certsrv/mscep/mscep.dll',
  '/certsrv/mscep/mscep.dll/pkiclient.exe',
] as const;

/** RFC 8894 3.5.2. Without SHA-384 strongSwan takes a server for one that knows no AES. */
const CAPABILITIES = ['AES', 'POSTPKIOperation', 'Renewal', 'SCEPStandard', 'SHA-256', 'SHA-384', 'SHA-512'] as const;
const LEGACY_CAPABILITIES = ['DES3', 'SHA-1'] as const;

async function answer(world: World, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const label = labelIn(world, request);
  const { operation, message } = request.query as { operation?: unknown; message?: unknown };
  reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  switch (operation) {
    case 'GetCACaps':
      return reply
        .type('text/plain')
        .send([...CAPABILITIES, ...(label.settings.legacyCiphers ? LEGACY_CAPABILITIES : [])].join('\n'));
    case 'GetCACert':
      // RFC 8894 4.2.1.2: with a registration authority it is always the degenerate SignedData.
      return reply
        .type('application/x-x509-ca-ra-cert')
        .send(Buffer.from(certsOnly(await authorityCertificates(world))));
    case 'PKIOperation': {
      const octets = request.method === 'POST' ? request.body : fromBase64(message);
      if (!Buffer.isBuffer(octets))
        throw new AuthorityError('invalid-request', 'There is no message. Nothing was issued.');
      return reply.type('application/x-pki-message').send(Buffer.from(await answerMessage(world, label, octets)));
    }
    default:
      throw new AuthorityError(
        'invalid-request',
        'The operation is GetCACaps, GetCACert or PKIOperation (RFC 8894 4.1).',
      );
  }
}

function labelIn(world: World, request: FastifyRequest): ScepLabel {
  const { label: name = 'default' } = request.params as { label?: string };
  const settings = labelOf(world.config.enrolment, name);
  if (settings === undefined) throw new AuthorityError('not-found', 'There is no such endpoint.');
  return { name, settings };
}

/** RFC 8894 4.1: base64 in the address. A plus sign has become a space on the way where the client did not escape it. */
function fromBase64(message: unknown): Buffer | undefined {
  if (typeof message !== 'string') return undefined;
  const text = message.replaceAll(' ', '+').replace(/[\r\n]/g, '');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** What is no answer of SCEP is one of HTTP (RFC 8894 4.3): in plain text, for whoever looks into a client's log. */
function answerError(world: World) {
  return (error: FastifyError | AuthorityError | SmimeError | Error, _request: FastifyRequest, reply: FastifyReply) => {
    const say = (status: number, text: string) =>
      reply.code(status).type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(`${text}\n`);
    if (error instanceof SmimeError) return say(400, `This is no SCEP message: ${error.message}.`);
    if (error instanceof AuthorityError) {
      const said = scepFailures[error.code];
      if ('status' in said) {
        if (said.status !== 500) reply.header('retry-after', '60');
        return say(said.status, error.message);
      }
      return say(error.code === 'not-found' ? 404 : 400, error.message);
    }
    const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
    if (status >= 400 && status < 500) return say(status, `${error.message}.`);
    world.log.error('scep.failed', { error: error.message, stack: error.stack });
    reply.header('retry-after', '60');
    return say(503, 'Something of the office is down. Nothing was lost. Try again in a minute.');
  };
}
