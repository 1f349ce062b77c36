/**
 * The OCSP responder (RFC 6960, lightweight profile RFC 9919). It answers from the inventory itself, so a revocation is
 * in force the moment it commits, with a delegated, short-lived certificate that it renews by itself.
 */
import { parseKeyReference } from '@chancery/keystore';
import {
  buildOcspResponse,
  type Certificate,
  certIdMatches,
  keyKindOf,
  type OcspCertificateStatus,
  type OcspRequest,
  ocspErrorResponse,
  parseCertificate,
  parseOcspRequest,
  type RevocationReason,
  revocationReasons,
  type Signer,
  SmimeError,
} from '@chancery/smime';
import { prepareCertificate } from '../ca/prepare.ts';
import { signCertificate } from '../ca/sign.ts';
import { AuthorityError } from '../errors.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { type AuthorityRow, issuingAuthority } from '../store/authorities.ts';
import { endedResponderKeys, responderCertificate, revocationStatus } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import type { World } from '../world.ts';

export interface OcspAnswer {
  /** DER OCSPResponse. */
  readonly der: Uint8Array;
  /** When caches may keep it: absent for errors and for answers to a nonce. */
  readonly cacheable?: { readonly thisUpdate: Date; readonly nextUpdate: Date };
}

/**
 * Answers one request. Never throws for bad input: that is `malformedRequest`; a fault of ours is `tryLater`.
 * @param der DER OCSPRequest
 */
export async function answerOcsp(world: World, der: Uint8Array): Promise<OcspAnswer> {
  let request: OcspRequest;
  try {
    request = parseOcspRequest(der);
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    return { der: ocspErrorResponse('malformedRequest') };
  }
  try {
    return await answer(world, request);
  } catch (error) {
    if (error instanceof AuthorityError && error.code === 'not-set-up')
      return { der: ocspErrorResponse('unauthorized') };
    world.log.error('ocsp.failed', { error: error instanceof Error ? error.message : String(error) });
    return { der: ocspErrorResponse('tryLater') };
  }
}

/** S/MIME BR 4.9.10: an answer is good for 8 hours at least. Short, because a cached `good` outlives a revocation. */
const ANSWER_HOURS = 8;

async function answer(world: World, request: OcspRequest): Promise<OcspAnswer> {
  const responder = await responderOf(world);
  // RFC 6960 2.3: for another authority's certificates we are no authority, not even to say `unknown`.
  if (!request.requests.every((certId) => certIdMatches(certId, responder.authority.certificate)))
    return { der: ocspErrorResponse('unauthorized') };
  const serialNumbers = request.requests.map(({ serialNumber }) => serialNumber);
  const rows = await world.database.snapshot((snapshot) =>
    revocationStatus(snapshot, responder.authority.id, serialNumbers),
  );
  const statuses = new Map(rows.map((row) => [row.serial_number, statusOf(row)]));
  const thisUpdate = wholeSeconds(world.clock());
  const nextUpdate = new Date(
    Math.min(thisUpdate.getTime() + ANSWER_HOURS * HOUR, responder.certificate.notAfter.getTime()),
  );
  const der = await buildOcspResponse({
    signer: responder.signer,
    responderCertificate: responder.certificate,
    responses: request.requests.map((certId) => ({
      certId,
      status: statuses.get(certId.serialNumber) ?? 'unknown',
      thisUpdate,
      nextUpdate,
    })),
    producedAt: thisUpdate,
    ...(request.nonce && { nonce: request.nonce }),
  });
  // An `unknown` must not be kept: the certificate may be issued in the next second.
  const cacheable = request.nonce === undefined && request.requests.every((id) => statuses.has(id.serialNumber));
  return cacheable ? { der, cacheable: { thisUpdate, nextUpdate } } : { der };
}

function statusOf(row: { revoked_at: Date | null; revocation_reason: string | null }): OcspCertificateStatus {
  if (row.revoked_at === null) return 'good';
  const reason = row.revocation_reason;
  // RFC 6960 4.2.1, as in a CRL: `unspecified` is said by saying nothing.
  return reason === null || reason === 'unspecified' || !(reason in revocationReasons)
    ? { revokedAt: row.revoked_at }
    : { revokedAt: row.revoked_at, reason: reason as RevocationReason };
}

interface Responder {
  readonly authority: AuthorityRow;
  readonly certificate: Certificate;
  readonly signer: Signer;
  /** From then on this process looks again whether another node renewed the certificate. */
  readonly checkAgainAt: number;
}

const responders = new WeakMap<World, Promise<Responder>>();

/** The responder in use, made at the first question; concurrent first questions share one. */
async function responderOf(world: World): Promise<Responder> {
  const known = responders.get(world);
  if (known !== undefined) {
    const responder = await known;
    if (world.clock().getTime() < responder.checkAgainAt) return responder;
  }
  // Of those who waited, the first replaces it and the others find the replacement.
  const present = responders.get(world);
  if (present !== undefined && present !== known) return present;
  const opening = openResponder(world);
  responders.set(world, opening);
  try {
    return await opening;
  } catch (error) {
    // A failure is not remembered: the next question tries again.
    if (responders.get(world) === opening) responders.delete(world);
    throw error;
  }
}

const HOUR = 3_600_000;
const CHECK_EVERY = HOUR / 2;

async function openResponder(world: World): Promise<Responder> {
  const now = world.clock();
  const { authority, der, keyReference } =
    (await world.database.snapshot((snapshot) => presentResponder(snapshot, now))) ?? (await renewResponder(world));
  const signer = await world.keyStore.signer(parseKeyReference(keyReference));
  const certificate = parseCertificate(der);
  return { authority, certificate, signer, checkAgainAt: now.getTime() + CHECK_EVERY };
}

/** The one in the inventory, unless less than a third of its time is left. */
async function presentResponder(snapshot: Snapshot, now: Date) {
  const authority = await issuingAuthority(snapshot);
  const row = await responderCertificate(snapshot, authority.id, now);
  if (row === undefined || row.key_reference === null) return undefined;
  const left = row.not_after.getTime() - now.getTime();
  if (left < (row.not_after.getTime() - row.not_before.getTime()) / 3) return undefined;
  return { authority, der: row.certificate as Uint8Array, keyReference: row.key_reference };
}

/** A new key and certificate; keys whose certificates ended are destroyed. Two nodes may do so at once: both are good. */
async function renewResponder(world: World) {
  const authority = await world.database.snapshot(issuingAuthority);
  const spec = keyKindOf(authority.certificate.spki) === 'rsa' ? 'rsa-2048' : 'p256';
  const keyReference = await world.keyStore.generate(spec, 'OCSP responder');
  const intent = await perform(world, prepareCertificate, system, { use: 'ocsp', keyReference });
  const { certificate } = await perform(world, signCertificate, system, intent);
  await destroyEndedKeys(world);
  return { authority, der: certificate, keyReference: keyReference as string };
}

async function destroyEndedKeys(world: World): Promise<void> {
  const ended = await world.database.snapshot((snapshot) => endedResponderKeys(snapshot, world.clock()));
  const present = new Set((await world.keyStore.list()).map(({ reference }) => reference as string));
  for (const reference of ended) {
    if (present.has(reference)) await world.keyStore.destroy(parseKeyReference(reference));
  }
}

const wholeSeconds = (at: Date): Date => new Date(Math.floor(at.getTime() / 1000) * 1000);
