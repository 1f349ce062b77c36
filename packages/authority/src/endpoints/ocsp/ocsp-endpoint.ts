/** OCSP over HTTP (RFC 6960 Appendix A, RFC 9919): GET with the request in the path, and POST. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { OcspAnswer, OcspResponder } from '../../status/ocsp-responder.ts';

/** RFC 9919 5 has requests of 255 octets at most; clients with many certificates or SHA-256 send more. */
const LONGEST_REQUEST = 16_384;

/** @param clock the present instant */
export function ocspEndpoint(responder: OcspResponder, clock: () => Date): FastifyPluginAsync {
  return async (app) => {
    app.removeAllContentTypeParsers();
    // Whatever a client calls it, the octets decide.
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: LONGEST_REQUEST }, (_request, body, done) =>
      done(null, body),
    );
    app.post('/ocsp', async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const { der } = await responder.answer(body);
      return begin(reply).header('cache-control', 'no-store').send(der);
    });
    app.get('/ocsp/*', async (request, reply) => {
      // The path as it came: the router has decoded `%2F` and merged what it should not.
      const path = (request.raw.url ?? '').replace(/^\/ocsp\//, '').replace(/\?.*$/s, '');
      return send(request, begin(reply), await responder.answer(requestIn(path)), clock());
    });
  };
}

/** Base64, percent-encoded once; some clients encode `+` and `/`, others do not. Anything else reads as no octets. */
function requestIn(path: string): Buffer {
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

const begin = (reply: FastifyReply): FastifyReply =>
  reply.header('content-type', 'application/ocsp-response').header('x-content-type-options', 'nosniff');

function send(request: FastifyRequest, reply: FastifyReply, { der, cacheable }: OcspAnswer, now: Date): FastifyReply {
  if (cacheable === undefined) return reply.header('cache-control', 'no-store').send(der);
  const { thisUpdate, nextUpdate, etag } = cacheable;
  // RFC 9919 6.2: never beyond the next update.
  const left = Math.floor((nextUpdate.getTime() - now.getTime()) / 1000);
  reply
    .header(
      'cache-control',
      `max-age=${Math.max(0, Math.min(CACHE_SECONDS, left))}, public, no-transform, must-revalidate`,
    )
    .header('last-modified', thisUpdate.toUTCString())
    .header('expires', nextUpdate.toUTCString())
    .header('etag', etag);
  const known = request.headers['if-none-match'];
  if (known?.split(',').some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()))) return reply.code(304).send();
  return reply.send(der);
}
