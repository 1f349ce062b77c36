/** OCSP over HTTP (RFC 6960 Appendix A, RFC 9919): GET with the request in the path, and POST. */
import { createHash } from 'node:crypto';
import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import { answerOcsp, type OcspAnswer } from '../../status/ocsp-responder.ts';
import type { World } from '../../world.ts';

/** RFC 9919 5 has requests of 255 octets at most; clients with many certificates or SHA-256 send more. */
const LONGEST_REQUEST = 16_384;

export function ocspEndpoint(world: World): FastifyPluginAsync {
  return async (app) => {
    app.removeAllContentTypeParsers();
    // Whatever a client calls it, the octets decide.
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: LONGEST_REQUEST }, (_request, body, done) =>
      done(null, body),
    );
    app.post('/ocsp', async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      return send(reply, await answerOcsp(world, body), false);
    });
    app.get('/ocsp/*', async (request, reply) => {
      // The path as it came: the router has decoded `%2F` and merged what it should not.
      const path = (request.raw.url ?? '').replace(/^\/ocsp\//, '').replace(/\?.*$/s, '');
      return send(reply, await answerOcsp(world, requestIn(path)), true);
    });
  };
}

/** Base64, percent-encoded once; some clients encode `+` and `/`, others do not. Anything else reads as no octets. */
function requestIn(path: string): Uint8Array {
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch {
    return Buffer.alloc(0);
  }
  return text.length <= LONGEST_REQUEST && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
    ? Buffer.from(text, 'base64')
    : Buffer.alloc(0);
}

/** Seconds a cache may keep an answer: shorter than its validity, so that a revocation is seen soon. */
const CACHE_SECONDS = 300;

function send(reply: FastifyReply, { der, cacheable }: OcspAnswer, isGet: boolean): FastifyReply {
  reply.type('application/ocsp-response').header('x-content-type-options', 'nosniff');
  if (isGet && cacheable !== undefined) {
    // RFC 9919 6.2.
    reply
      .header('cache-control', `max-age=${CACHE_SECONDS}, public, no-transform, must-revalidate`)
      .header('last-modified', cacheable.thisUpdate.toUTCString())
      .header('expires', cacheable.nextUpdate.toUTCString())
      .header('etag', `"${createHash('sha256').update(der).digest('hex')}"`);
  } else reply.header('cache-control', 'no-store');
  return reply.send(Buffer.from(der));
}
