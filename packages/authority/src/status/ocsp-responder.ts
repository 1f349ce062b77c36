/**
 * The OCSP responder (RFC 6960, lightweight profile RFC 9919, nonce RFC 9654). Answers are signed once and kept, and a revocation
 * is in force the moment it commits, in every process: see `revocation-watch.ts`.
 */
import { hash } from 'node:crypto';
import {
  buildOcspResponse,
  type OcspCertificateStatus,
  type OcspRequest,
  ocspErrorResponse,
  parseOcspRequest,
  SmimeError,
} from '@chancery/smime';
import { reasonOf, revocationStatus } from '../store/revocations.ts';
import type { StatusWorld } from '../world.ts';
import { AnswerCache, type CachedAnswer } from './answer-cache.ts';
import { KnownStatuses } from './known-statuses.ts';
import { type Renew, type Responder, Responders } from './responders.ts';
import { RevocationWatch } from './revocation-watch.ts';
import { Tally } from './tally.ts';

export interface OcspAnswer {
  /** DER OCSPResponse. */
  readonly der: Buffer;
  /** What caches may keep: absent for errors, for answers to a nonce and for `unknown`. */
  readonly cacheable?: CachedAnswer;
}

/** S/MIME BR 4.9.10: an answer is good for 8 hours at least. Short, because one that others keep outlives a revocation. */
const ANSWER_HOURS = 8;
const HOUR = 3_600_000;
/** Requests longer than one certificate's are rarely asked twice. */
const LONGEST_KEY = 512;

export class OcspResponder {
  readonly responders: Responders;
  readonly answers: Tally<'kept' | 'signed' | 'refused'> = new Tally(['kept', 'signed', 'refused']);
  readonly #world: StatusWorld;
  readonly #cache: AnswerCache;
  readonly #known = new KnownStatuses();
  readonly #watch: RevocationWatch;

  /** @param renew how to get a responder certificate where one is missing; absent in a process that may only read */
  constructor(world: StatusWorld, renew?: Renew) {
    this.#world = world;
    this.responders = new Responders(world, renew);
    this.#cache = new AnswerCache(world.config.status.cacheMegabytes * 1_048_576);
    this.#watch = new RevocationWatch(world, (authorityId, serials) => {
      this.#cache.forget(authorityId, serials);
      this.#known.forget(authorityId, serials);
      this.responders.forget(serials);
    });
  }

  /** Answers that are kept. */
  get kept(): { readonly count: number; readonly octets: number } {
    return { count: this.#cache.size, octets: this.#cache.octets };
  }

  /**
   * Answers one request. Never throws: bad input is `malformedRequest`, a fault of ours `tryLater`.
   * @param der DER OCSPRequest
   */
  async answer(der: Buffer): Promise<OcspAnswer> {
    try {
      await this.#watch.current();
      const now = this.#world.clock();
      const key = der.length <= LONGEST_KEY ? der.toString('latin1') : undefined;
      const kept = key === undefined ? undefined : this.#cache.get(key, now.getTime());
      if (kept !== undefined) {
        this.answers.add('kept', now);
        return { der: kept.der, cacheable: kept };
      }
      return await this.#make(der, key);
    } catch (error) {
      this.#world.log.error('ocsp.failed', { error: error instanceof Error ? error.message : String(error) });
      return this.#refuse('tryLater');
    }
  }

  async #make(der: Buffer, key: string | undefined): Promise<OcspAnswer> {
    let request: OcspRequest;
    try {
      request = parseOcspRequest(der);
    } catch (error) {
      if (error instanceof SmimeError) return this.#refuse('malformedRequest');
      throw error;
    }
    const responder = await this.responders.find(request.requests);
    // RFC 6960 2.3: for another authority's certificates we are no authority, not even to say `unknown`.
    if (responder === undefined) return this.#refuse('unauthorized');
    const authorityId = responder.authority.id;
    const version = this.#watch.version(authorityId);
    const serialNumbers = [...new Set(request.requests.map(({ serialNumber }) => serialNumber))];
    const statuses = await this.#statusesOf(authorityId, serialNumbers, version);
    const made = await this.#sign(responder, request, statuses);
    this.answers.add('signed', this.#world.clock());
    // An `unknown` must not be kept: the certificate may be issued in the next second.
    if (request.nonce !== undefined || statuses.size < serialNumbers.length) return { der: made.der };
    // Whatever changed while it was signed has been forgotten already: what was read before must not come after.
    if (key !== undefined && this.#watch.version(authorityId) === version) {
      const half = (made.nextUpdate.getTime() - made.thisUpdate.getTime()) / 2;
      this.#cache.put(key, made, made.thisUpdate.getTime() + half, authorityId, serialNumbers);
    }
    return { der: made.der, cacheable: made };
  }

  async #statusesOf(
    authorityId: string,
    serialNumbers: readonly string[],
    version: number,
  ): Promise<Map<string, OcspCertificateStatus>> {
    const known = this.#known.get(authorityId, serialNumbers);
    if (known !== undefined) return known;
    const rows = await this.#world.database.glance((snapshot) =>
      revocationStatus(snapshot, authorityId, serialNumbers),
    );
    const statuses = new Map(rows.map((row) => [row.serial_number, statusOf(row)]));
    // Whatever changed while it was read has been forgotten already: what was read before must not come after.
    if (this.#watch.version(authorityId) === version) this.#known.put(authorityId, statuses);
    return statuses;
  }

  async #sign(
    { authority, certificate, signer }: Responder,
    request: OcspRequest,
    statuses: ReadonlyMap<string, OcspCertificateStatus>,
  ): Promise<CachedAnswer> {
    const thisUpdate = new Date(Math.floor(this.#world.clock().getTime() / 1000) * 1000);
    const nextUpdate = new Date(Math.min(thisUpdate.getTime() + ANSWER_HOURS * HOUR, certificate.notAfter.getTime()));
    const octets = await buildOcspResponse({
      signer,
      responderCertificate: certificate,
      responses: request.requests.map((certId) => ({
        certId,
        status: statuses.get(certId.serialNumber) ?? 'unknown',
        thisUpdate,
        nextUpdate,
        // The inventory forgets nothing: it knows of certificates that ended long ago.
        archiveCutoff: authority.certificate.notBefore,
      })),
      producedAt: thisUpdate,
      ...(request.nonce && { nonce: request.nonce }),
    });
    const der = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    return { der, thisUpdate, nextUpdate, etag: `"${hash('sha256', der, 'base64url')}"` };
  }

  #refuse(status: 'malformedRequest' | 'unauthorized' | 'tryLater'): OcspAnswer {
    this.answers.add('refused', this.#world.clock());
    return { der: Buffer.from(ocspErrorResponse(status)) };
  }
}

function statusOf(row: { revoked_at: Date | null; revocation_reason: string | null }): OcspCertificateStatus {
  if (row.revoked_at === null) return 'good';
  const reason = reasonOf(row.revocation_reason);
  return reason === undefined ? { revokedAt: row.revoked_at } : { revokedAt: row.revoked_at, reason };
}
