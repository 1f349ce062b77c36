/** What relying parties fetch (RFC 4387, RFC 5280 4.2.1.13, 4.2.2.1): CRLs, the authorities' certificates, the chain. */
import { createHash } from 'node:crypto';
import { certsOnly, parseCertificate } from '@chancery/smime';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AuthorityError } from '../../errors.ts';
import { authorityBySlug, listAuthorities } from '../../store/authorities.ts';
import { latestCrl } from '../../store/crls.ts';
import type { World } from '../../world.ts';

export function repositoryEndpoint(world: World): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Params: { file: string } }>('/crl/:file', async (request, reply) => {
      const slug = slugOf(request.params.file, '.crl');
      const crl = await world.database.snapshot(async (snapshot) => {
        const authority = await authorityBySlug(snapshot, slug);
        return authority && latestCrl(snapshot, authority.id);
      });
      if (crl === undefined) throw missing();
      // A new CRL may replace this one at any moment: caches ask again soon, and are told cheaply that nothing changed.
      return send(request, reply, {
        type: 'application/pkix-crl',
        octets: crl.crl,
        modified: crl.thisUpdate,
        maxAge: Math.max(0, Math.min(CRL_CACHE_SECONDS, secondsUntil(crl.nextUpdate, world.clock()))),
      });
    });
    app.get<{ Params: { file: string } }>('/ca/:file', async (request, reply) => {
      const { file } = request.params;
      const authorities = await world.database.snapshot(listAuthorities);
      if (file === 'chain.p7c' && authorities.length > 0) {
        const newestFirst = [...authorities].reverse();
        return send(request, reply, {
          type: 'application/pkcs7-mime; smime-type=certs-only',
          octets: certsOnly(newestFirst.map(({ certificate }) => parseCertificate(certificate.der))),
          modified: newestFirst[0]?.certificate.notBefore ?? world.clock(),
          maxAge: CERTIFICATE_CACHE_SECONDS,
        });
      }
      const slug = slugOf(file, '.cer');
      const authority = authorities.find((one) => one.slug === slug);
      if (authority === undefined) throw missing();
      return send(request, reply, {
        type: 'application/pkix-cert',
        octets: authority.certificate.der,
        modified: authority.certificate.notBefore,
        maxAge: CERTIFICATE_CACHE_SECONDS,
      });
    });
  };
}

const CRL_CACHE_SECONDS = 300;
const CERTIFICATE_CACHE_SECONDS = 86_400;

function slugOf(file: string, ending: string): string {
  if (!file.endsWith(ending)) throw missing();
  return file.slice(0, -ending.length);
}

function missing(): AuthorityError {
  return new AuthorityError(
    'not-found',
    'There is no such document. /ca/chain.p7c has the certificates of the authorities.',
  );
}

interface Document {
  readonly type: string;
  readonly octets: Uint8Array;
  readonly modified: Date;
  readonly maxAge: number;
}

function send(request: FastifyRequest, reply: FastifyReply, document: Document): FastifyReply {
  const etag = `"${createHash('sha256').update(document.octets).digest('hex')}"`;
  reply
    .header('etag', etag)
    .header('last-modified', document.modified.toUTCString())
    .header('cache-control', `max-age=${document.maxAge}, public, no-transform, must-revalidate`)
    .header('x-content-type-options', 'nosniff');
  if (isKnown(request, etag, document.modified)) return reply.code(304).send();
  return reply.type(document.type).send(Buffer.from(document.octets));
}

/** RFC 9110 13.1: If-None-Match decides alone where it is present. */
function isKnown(request: FastifyRequest, etag: string, modified: Date): boolean {
  const tags = request.headers['if-none-match'];
  if (tags !== undefined) return tags.split(',').some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()));
  const since = Date.parse(request.headers['if-modified-since'] ?? '');
  return !Number.isNaN(since) && Math.floor(modified.getTime() / 1000) * 1000 <= since;
}

const secondsUntil = (at: Date, now: Date): number => Math.floor((at.getTime() - now.getTime()) / 1000);
