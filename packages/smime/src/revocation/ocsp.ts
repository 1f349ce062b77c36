/** OCSP (RFC 6960, lightweight RFC 9919, nonce RFC 9654): requests and responses, both read and made. */
import { createHash } from 'node:crypto';
import {
  DerReader,
  encodeBitString,
  encodeEnumerated,
  encodeExplicit,
  encodeGeneralizedTime,
  encodeImplicit,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  readOnly,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { type DigestName, defaultHash, digestOfOid, signatureAlgorithmFor } from '../keys/algorithms.ts';
import type { Signer } from '../keys/ports.ts';
import { limits } from '../limits.ts';
import { type Certificate, parseCertificate, serialInteger } from '../x509/certificate.ts';
import {
  type Extension,
  encodeExtensions,
  keyIdentifier,
  type RevocationReason,
  revocationReasonOf,
  revocationReasons,
} from '../x509/extensions.ts';
import { type Name, readName } from '../x509/name.ts';
import { readExtensions, serialText } from '../x509/read-extensions.ts';

/** Which certificate is meant: the issuer by two hashes, and the serial number. */
export interface CertId {
  readonly der: Uint8Array;
  /** Undefined for a hash the engine does not know: such an identifier matches nobody. */
  readonly hash: DigestName | undefined;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** As `Certificate.serialNumber`. */
  readonly serialNumber: string;
}

/** An OCSP request, read. */
export interface OcspRequest {
  readonly requests: readonly CertId[];
  /** RFC 9654: 1 to 128 octets. */
  readonly nonce: Uint8Array | undefined;
}

/** What a responder says about one certificate (RFC 6960 section 2.2). */
export type OcspCertificateStatus =
  | 'good'
  | 'unknown'
  | { readonly revokedAt: Date; readonly reason?: RevocationReason };

/** What a response says about one certificate (RFC 6960 section 4.2.1). */
export interface OcspSingleResponse {
  readonly certId: CertId;
  readonly status: OcspCertificateStatus;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
}

/** RFC 6960 4.2.1, with numbers. */
const responseStatuses = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  sigRequired: 5,
  unauthorized: 6,
} as const;
/** Whether a responder answers at all (RFC 6960 section 2.3). */
export type OcspResponseStatus = keyof typeof responseStatuses;

/** An OCSP response, read; its signature is not checked yet, see `verifyOcspResponse`. */
export interface OcspResponse {
  readonly der: Uint8Array;
  readonly status: OcspResponseStatus;
  /** Present where the status is `successful`. */
  readonly basic: BasicOcspResponse | undefined;
}

/** The signed part of an OCSP response (RFC 6960 section 4.2.1). */
export interface BasicOcspResponse {
  /** The octets that are signed. */
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly responder: { readonly name: Name } | { readonly keyHash: Uint8Array };
  readonly producedAt: Date;
  readonly responses: readonly OcspSingleResponse[];
  readonly nonce: Uint8Array | undefined;
  readonly certificates: readonly Certificate[];
  readonly unknownCritical: readonly string[];
}

/** Reads a DER OCSPRequest. A signature on it is ignored, as RFC 6960 allows. Throws `SmimeError`. */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  const outer = readOnly(der, 'the OCSP request');
  const tbs = outer.enter();
  if ((tbs.enterIf(0xa0)?.smallInteger() ?? 0) !== 0) throw tbs.unexpected('an OCSP request of an unknown version');
  tbs.skipIf(0xa1);
  const list = tbs.enter();
  const requests: CertId[] = [];
  while (!list.atEnd) {
    if (requests.length >= limits.ocspEntries)
      throw new SmimeError('limit-exceeded', `more than ${limits.ocspEntries} requests in one OCSP request`);
    const single = list.enter();
    requests.push(readCertId(single));
    // singleRequestExtensions: serviceLocator, which only proxies heed.
    single.skipIf(0xa0);
    single.finish('an OCSP request');
  }
  if (requests.length === 0) throw tbs.unexpected('an OCSP request that asks for nothing');
  const wrapper = tbs.enterIf(0xa2);
  const extensions = wrapper ? readExtensions(wrapper.enter()) : [];
  tbs.finish('the OCSP request');
  return { requests, nonce: readNonce(extensions) };
}

/** A DER OCSPRequest for one certificate. @param input.hash SHA-1 unless told: every responder knows it (RFC 9919 3.1.1) */
export function buildOcspRequest(input: {
  readonly cert: Pick<Certificate, 'serialNumber'>;
  readonly issuer: Pick<Certificate, 'subject' | 'spki'>;
  readonly nonce?: Uint8Array;
  readonly hash?: 'sha1' | 'sha256';
}): Uint8Array {
  const { der } = certIdFor(input.cert.serialNumber, input.issuer, input.hash ?? 'sha1');
  const list = encodeSequence(encodeSequence(der));
  return encodeSequence(
    input.nonce
      ? encodeSequence(list, encodeExplicit(2, encodeExtensions([nonceExtension(input.nonce)])))
      : encodeSequence(list),
  );
}

/** The identifier of the certificate with that serial number. */
export function certIdFor(
  serialNumber: string,
  issuer: Pick<Certificate, 'subject' | 'spki'>,
  hash: 'sha1' | 'sha256' = 'sha1',
): CertId {
  const { issuerNameHash, issuerKeyHash } = issuerHashes(issuer, hash);
  const algorithm = encodeSequence(encodeOid(oids[hash]), encodeNull);
  const der = encodeSequence(
    algorithm,
    encodeOctetString(issuerNameHash),
    encodeOctetString(issuerKeyHash),
    serialInteger(serialNumber),
  );
  return { der, hash, issuerNameHash, issuerKeyHash, serialNumber };
}

/** True where the identifier means a certificate of that issuer. */
export function certIdMatches(certId: CertId, issuer: Pick<Certificate, 'subject' | 'spki'>): boolean {
  if (certId.hash === undefined || certId.hash === 'md5') return false;
  const { issuerNameHash, issuerKeyHash } = issuerHashes(issuer, certId.hash);
  return issuerNameHash.equals(certId.issuerNameHash) && issuerKeyHash.equals(certId.issuerKeyHash);
}

/** What a responder answers, and with whose key it signs. */
export interface OcspResponseInput {
  readonly signer: Signer;
  /** A delegated responder's certificate, to be sent along; absent where the CA itself signs. */
  readonly responderCertificate?: Pick<Certificate, 'der'> | Uint8Array;
  readonly responses: readonly {
    readonly certId: CertId;
    readonly status: OcspCertificateStatus;
    readonly thisUpdate: Date;
    readonly nextUpdate?: Date;
    /** Since when the responder has kept what it knows, ended certificates included (RFC 6960 4.4.4). */
    readonly archiveCutoff?: Date;
  }[];
  readonly producedAt: Date;
  /** The request's nonce, where it is to be answered. */
  readonly nonce?: Uint8Array;
}

/** A signed DER OCSPResponse. The responder is named by its key (RFC 9919 3.2.1). */
export async function buildOcspResponse(input: OcspResponseInput): Promise<Uint8Array> {
  const singles = input.responses.map(({ certId, status, thisUpdate, nextUpdate, archiveCutoff }) =>
    encodeSequence(
      certId.der,
      encodeStatus(status),
      encodeGeneralizedTime(thisUpdate),
      ...(nextUpdate ? [encodeExplicit(0, encodeGeneralizedTime(nextUpdate))] : []),
      ...(archiveCutoff ? [encodeExplicit(1, encodeExtensions([archiveCutoffExtension(archiveCutoff)]))] : []),
    ),
  );
  const tbs = encodeSequence(
    encodeExplicit(2, encodeOctetString(keyIdentifier(input.signer.spki))),
    encodeGeneralizedTime(input.producedAt),
    encodeSequence(...singles),
    ...(input.nonce ? [encodeExplicit(1, encodeExtensions([nonceExtension(input.nonce)]))] : []),
  );
  const hash = defaultHash(input.signer.kind);
  const signature = await input.signer.sign(tbs, hash);
  const certificate =
    input.responderCertificate &&
    ('der' in input.responderCertificate ? input.responderCertificate.der : input.responderCertificate);
  const basic = encodeSequence(
    tbs,
    signatureAlgorithmFor(input.signer.kind, hash),
    encodeBitString(signature),
    ...(certificate ? [encodeExplicit(0, encodeSequence(certificate))] : []),
  );
  return encodeSequence(
    encodeEnumerated(0),
    encodeExplicit(0, encodeSequence(encodeOid(oids.ocspBasic), encodeOctetString(basic))),
  );
}

/** An unsigned DER OCSPResponse that says why there is no answer. */
export function ocspErrorResponse(status: Exclude<OcspResponseStatus, 'successful'>): Uint8Array {
  return encodeSequence(encodeEnumerated(responseStatuses[status]));
}

/** Reads a DER OCSPResponse. Throws `SmimeError`. Checks no signature: see `verifyOcspResponse`. */
export function parseOcspResponse(der: Uint8Array): OcspResponse {
  const outer = readOnly(der, 'the OCSP response');
  const number = outer.smallInteger(tag.enumerated);
  const status = (Object.keys(responseStatuses) as OcspResponseStatus[]).find(
    (name) => responseStatuses[name] === number,
  );
  if (status === undefined) throw outer.unexpected(`the unknown OCSP status ${number}`);
  const bytes = outer.enterIf(0xa0)?.enter();
  outer.finish('the OCSP response');
  if (status !== 'successful') return { der, status, basic: undefined };
  if (!bytes) throw outer.unexpected('a successful OCSP response without content');
  const type = bytes.oid();
  if (type !== oids.ocspBasic) throw new SmimeError('unsupported', `the OCSP response type ${type} is not implemented`);
  return { der, status, basic: readBasic(bytes.octetString()) };
}

function readBasic(der: Buffer): BasicOcspResponse {
  const outer = readOnly(der, 'the basic OCSP response');
  const start = outer.position;
  const data = outer.enter();
  const tbs = outer.bytes.subarray(start, outer.position);
  const signatureAlgorithm = outer.element(tag.sequence);
  const signature = outer.bitStringOctets();
  const certificates: Certificate[] = [];
  const list = outer.enterIf(0xa0)?.enter();
  while (list && !list.atEnd) {
    if (certificates.length >= limits.revocationSources)
      throw new SmimeError('limit-exceeded', `more than ${limits.revocationSources} certificates in one OCSP response`);
    certificates.push(parseCertificate(list.element(tag.sequence)));
  }
  outer.finish('the basic OCSP response');

  if ((data.enterIf(0xa0)?.smallInteger() ?? 0) !== 0)
    throw data.unexpected('an OCSP response of an unknown version', start);
  const byName = data.enterIf(0xa1);
  const responder = byName ? { name: readName(byName) } : { keyHash: data.enter(0xa2).octetString() };
  const producedAt = data.generalizedTime();
  const responses: OcspSingleResponse[] = [];
  const unknownCritical: string[] = [];
  const note = (extensions: readonly Extension[]): void => {
    for (const { id, critical } of extensions) if (critical && id !== oids.ocspNonce) unknownCritical.push(id);
  };
  const singles = data.enter();
  while (!singles.atEnd) {
    if (responses.length >= limits.ocspEntries)
      throw new SmimeError('limit-exceeded', `more than ${limits.ocspEntries} answers in one OCSP response`);
    const single = singles.enter();
    const certId = readCertId(single);
    const status = readStatus(single);
    const thisUpdate = single.generalizedTime();
    const nextUpdate = single.enterIf(0xa0)?.generalizedTime();
    const extensions = single.enterIf(0xa1);
    if (extensions) note(readExtensions(extensions.enter()));
    single.finish('an OCSP answer');
    responses.push({ certId, status, thisUpdate, nextUpdate });
  }
  const wrapper = data.enterIf(0xa1);
  const extensions = wrapper ? readExtensions(wrapper.enter()) : [];
  note(extensions);
  data.finish('the OCSP response');
  return {
    tbs,
    signatureAlgorithm,
    signature,
    responder,
    producedAt,
    responses,
    nonce: readNonce(extensions),
    certificates,
    unknownCritical,
  };
}

function readCertId(reader: DerReader): CertId {
  const der = reader.element(tag.sequence);
  const fields = new DerReader(der).enter();
  const hash = digestOfOid(fields.enter().oid());
  const issuerNameHash = fields.octetString();
  const issuerKeyHash = fields.octetString();
  const serialNumber = serialText(fields.integerContent());
  fields.finish('a certificate identifier');
  return { der, hash, issuerNameHash, issuerKeyHash, serialNumber };
}

function readStatus(single: DerReader): OcspCertificateStatus {
  if (single.skipIf(0x80)) return 'good';
  if (single.skipIf(0x82)) return 'unknown';
  const revoked = single.enter(0xa1);
  const revokedAt = revoked.generalizedTime();
  const number = revoked.enterIf(0xa0)?.smallInteger(tag.enumerated);
  const reason = number === undefined ? undefined : revocationReasonOf(number);
  return reason === undefined ? { revokedAt } : { revokedAt, reason };
}

function encodeStatus(status: OcspCertificateStatus): Buffer {
  if (status === 'good') return encodeImplicit(0, new Uint8Array(0));
  if (status === 'unknown') return encodeImplicit(2, new Uint8Array(0));
  const reason =
    status.reason === undefined ? [] : [encodeExplicit(0, encodeEnumerated(revocationReasons[status.reason]))];
  return encodeExplicit(1, encodeGeneralizedTime(status.revokedAt), ...reason);
}

/** RFC 9654 2.1: an OCTET STRING of 1 to 128 octets. Some old clients put the bare octets there: both are taken. */
function readNonce(extensions: readonly Extension[]): Uint8Array | undefined {
  const value = extensions.find(({ id }) => id === oids.ocspNonce)?.value;
  if (value === undefined) return undefined;
  const wrapped = value[0] === tag.octetString && value[1] === value.length - 2;
  const nonce = wrapped ? value.subarray(2) : value;
  if (nonce.length === 0 || nonce.length > limits.ocspNonceOctets)
    throw new SmimeError(
      'unexpected-structure',
      `an OCSP nonce has 1 to ${limits.ocspNonceOctets} octets (RFC 9654 section 2.1)`,
    );
  return nonce;
}

const nonceExtension = (nonce: Uint8Array): Extension => ({
  id: oids.ocspNonce,
  critical: false,
  value: encodeOctetString(nonce),
});

const archiveCutoffExtension = (since: Date): Extension => ({
  id: oids.ocspArchiveCutoff,
  critical: false,
  value: encodeGeneralizedTime(since),
});

/** A responder hashes the same few issuers for every request. */
const hashedIssuers = new WeakMap<object, Map<DigestName, { issuerNameHash: Buffer; issuerKeyHash: Buffer }>>();

function issuerHashes(
  issuer: Pick<Certificate, 'subject' | 'spki'>,
  hash: DigestName,
): { issuerNameHash: Buffer; issuerKeyHash: Buffer } {
  let byHash = hashedIssuers.get(issuer);
  if (!byHash) {
    byHash = new Map();
    hashedIssuers.set(issuer, byHash);
  }
  let hashes = byHash.get(hash);
  if (!hashes) {
    const info = new DerReader(issuer.spki).enter();
    info.skip(tag.sequence);
    hashes = {
      issuerNameHash: createHash(hash).update(issuer.subject.der).digest(),
      issuerKeyHash: createHash(hash).update(info.bitStringOctets()).digest(),
    };
    byHash.set(hash, hashes);
  }
  return hashes;
}
