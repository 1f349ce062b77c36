/** What relying parties fetch (RFC 4387, RFC 5280 4.2.1.13, 4.2.2.1): CRLs, the authorities' certificates, their chains. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AuthorityError } from '../../errors.ts';
import { DocumentShelf, type StatusDocument } from '../../status/documents.ts';
import { listAuthorities } from '../../store/authorities.ts';
import type { StatusWorld } from '../../world.ts';
import { DOWNLOAD_LIMITS, type DownloadLimits, LargeDownloads } from './large-downloads.ts';

export function repositoryEndpoint(world: StatusWorld, limits: DownloadLimits = DOWNLOAD_LIMITS): FastifyPluginAsync {
  const shelf = { documents: new DocumentShelf(world), downloads: new LargeDownloads(limits) };
  return async (app) => {
    const serve = async (request: FastifyRequest, reply: FastifyReply) => {
      const path = (request.raw.url ?? '').slice(1).replace(/\?.*$/s, '');
      return send(world, shelf, request, reply, path);
    };
    app.get('/crl/*', serve);
    app.get('/ca/*', serve);
    // Certificates of earlier days name it: the chain of whoever signs now.
    app.get('/ca/chain.p7c', async (request, reply) => {
      const authorities = await world.database.snapshot(listAuthorities);
      const newest = authorities.findLast(({ role }) => role === 'issuing');
      return send(world, shelf, request, reply, `ca/${newest?.slug ?? ''}.p7c`);
    });
  };
}

const TYPES: Readonly<Record<StatusDocument['kind'], string>> = {
  certificate: 'application/pkix-cert',
  chain: 'application/pkcs7-mime; smime-type=certs-only',
  complete: 'application/pkix-crl',
  delta: 'application/pkix-crl',
};

/** A new CRL may replace one at any moment: caches ask again soon, and are told cheaply that nothing changed. */
const CRL_CACHE_SECONDS = 300;
const CERTIFICATE_CACHE_SECONDS = 86_400;

async function send(
  world: StatusWorld,
  { documents, downloads }: { readonly documents: DocumentShelf; readonly downloads: LargeDownloads },
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
): Promise<FastifyReply> {
  // A list may be followed by the next between its being found and being read; hardly twice in a row.
  for (let tries = 0; tries < 3; tries++) {
    const document = await documents.find(path);
    if (document === undefined) break;
    const now = world.clock();
    const { modified, nextUpdate } = document;
    const etag = `"${document.sha256.toString('base64url')}"`;
    const left = nextUpdate === undefined ? CERTIFICATE_CACHE_SECONDS : secondsUntil(nextUpdate, now);
    const maxAge = Math.max(0, Math.min(nextUpdate === undefined ? left : CRL_CACHE_SECONDS, left));
    reply
      .header('etag', etag)
      .header('cache-control', `max-age=${maxAge}, public, no-transform, must-revalidate`)
      .header('x-content-type-options', 'nosniff');
    // Two lists of one second would look alike to whoever goes by the date (RFC 9110 8.8.2.2).
    if (now.getTime() - modified.getTime() >= 1000) reply.header('last-modified', modified.toUTCString());
    if (isKnown(request, etag, modified)) return reply.code(304).send();
    // Before its octets are read: that is what takes memory.
    if (!downloads.admit(document.octets, reply.raw)) return refuse(reply);
    const octets = await documents.octets(document);
    if (octets === undefined) continue;
    downloads.hurry(octets.length, reply.raw);
    return reply.type(TYPES[document.kind]).send(octets);
  }
  throw new AuthorityError(
    'not-found',
    'There is no such document. /ca/chain.p7c has the certificates of the authorities.',
  );
}

function refuse(reply: FastifyReply): FastifyReply {
  for (const name of ['etag', 'last-modified']) reply.removeHeader(name);
  reply.code(503).header('retry-after', '5').header('cache-control', 'no-store').type('text/plain');
  return reply.send('Many are fetching large lists just now. Ask again in a few seconds.\n');
}

/** RFC 9110 13.1: If-None-Match decides alone where it is present. */
function isKnown(request: FastifyRequest, etag: string, modified: Date): boolean {
  const tags = request.headers['if-none-match'];
  if (tags !== undefined) return tags.split(',').some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()));
  const since = Date.parse(request.headers['if-modified-since'] ?? '');
  return !Number.isNaN(since) && Math.floor(modified.getTime() / 1000) * 1000 <= since;
}

const secondsUntil = (at: Date, now: Date): number => Math.floor((at.getTime() - now.getTime()) / 1000);
