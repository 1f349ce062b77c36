/** SignedData (RFC 5652 section 5): read as it stands, and written. Judging a signer is in `check-signer.ts`. */
import {
  contextConstructed,
  type DerReader,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Attribute, readAttributes } from './attributes.ts';
import { type Chunks, chunkedElement, joined } from './chunks.ts';
import { wrapContentInfo } from './content-info.ts';
import { type CertificateIdentifier, readIdentifier } from './identifier.ts';

export interface SignerInfo {
  readonly identifier: CertificateIdentifier;
  /** DER AlgorithmIdentifier. */
  readonly digestAlgorithm: Buffer;
  /** `octets` is what the signature covers: the attributes as they came, tagged as a SET (RFC 5652 section 5.4). */
  readonly signedAttributes: { readonly octets: Buffer; readonly list: readonly Attribute[] } | undefined;
  /** DER AlgorithmIdentifier. */
  readonly signatureAlgorithm: Buffer;
  readonly signature: Buffer;
  /** Nothing that stands here is believed. */
  readonly unsignedAttributes: readonly Attribute[];
}

export interface SignedData {
  /** Dotted object identifiers of the digest algorithms announced. */
  readonly digestAlgorithms: readonly string[];
  readonly contentType: string;
  /** Undefined where the content is detached. */
  readonly content: Buffer | undefined;
  /** DER, X.509 only; other kinds of certificate are left out. */
  readonly certificates: readonly Buffer[];
  readonly crls: readonly Buffer[];
  readonly signers: readonly SignerInfo[];
}

/** @param reader stands before the SignedData. Throws `SmimeError` for what is not one, and for one that exceeds a budget. */
export function readSignedData(reader: DerReader): SignedData {
  const data = reader.enter();
  data.smallInteger();
  const digestAlgorithms: string[] = [];
  const digests = data.enter(tag.set);
  while (!digests.atEnd) {
    guard(digestAlgorithms.length, limits.signers, 'digest algorithms', digests);
    digestAlgorithms.push(digests.enter().oid());
  }
  const encapsulated = data.enter();
  const contentType = encapsulated.oid();
  // PKCS#7 (RFC 2315) let any type stand here; what is signed is then its content octets.
  const explicit = encapsulated.enterIf(contextConstructed(0));
  const content = explicit && (explicit.peek() === tag.octetString ? explicit.octetString() : explicit.content());
  explicit?.finish('the encapsulated content');
  const certificates = readChoices(data.enterIf(contextConstructed(0)), limits.carriedCertificates, 'certificates');
  const crls = readChoices(data.enterIf(contextConstructed(1)), limits.carriedCrls, 'CRLs');
  const signers: SignerInfo[] = [];
  const infos = data.enter(tag.set);
  while (!infos.atEnd) {
    guard(signers.length, limits.signers, 'signers', infos);
    signers.push(readSignerInfo(infos.enter()));
  }
  data.finish('the SignedData');
  return { digestAlgorithms, contentType, content, certificates, crls, signers };
}

/** @param info stands inside the SignerInfo */
export function readSignerInfo(info: DerReader): SignerInfo {
  info.smallInteger();
  const identifier = readIdentifier(info);
  const digestAlgorithm = info.element(tag.sequence);
  let signedAttributes: SignerInfo['signedAttributes'];
  if (info.peek() === contextConstructed(0)) {
    const start = info.position;
    const list = readAttributes(info.enter(contextConstructed(0)));
    const octets = Buffer.from(info.bytes.subarray(start, info.position));
    octets[0] = tag.set;
    signedAttributes = { octets, list };
  }
  const signatureAlgorithm = info.element(tag.sequence);
  const signature = info.octetString();
  const unsigned = info.enterIf(contextConstructed(1));
  const unsignedAttributes = unsigned ? readAttributes(unsigned) : [];
  info.finish('the SignerInfo');
  return { identifier, digestAlgorithm, signedAttributes, signatureAlgorithm, signature, unsignedAttributes };
}

/** The SEQUENCEs of a set of choices; certificates and revocation data of other kinds are tagged otherwise. */
export function readChoices(set: DerReader | undefined, most: number, what: string): Buffer[] {
  const found: Buffer[] = [];
  while (set && !set.atEnd) {
    guard(found.length, most, what, set);
    const isSequence = set.peek() === tag.sequence;
    const element = set.element();
    if (isSequence) found.push(element);
  }
  return found;
}

function guard(count: number, most: number, what: string, reader: DerReader): void {
  if (count >= most)
    throw new SmimeError('limit-exceeded', `more than ${most} ${what} in one signed object`, {
      offset: reader.position,
    });
}

/**
 * A SignedData in its ContentInfo, DER.
 * @param contentType dotted; default: data
 * @param content carried inside; undefined leaves it out (a detached signature)
 * @param signerInfos DER SignerInfos; none makes the degenerate form that only carries certificates
 */
export function encodeSignedData(input: {
  readonly contentType?: string | undefined;
  readonly content: Uint8Array | Chunks | undefined;
  readonly digestAlgorithms: readonly Uint8Array[];
  readonly certificates: readonly Uint8Array[];
  /** DER CertificateLists. */
  readonly crls?: readonly Uint8Array[];
  readonly signerInfos: readonly Uint8Array[];
}): Chunks {
  const contentType = encodeOid(input.contentType ?? oids.data);
  const encapsulated = input.content
    ? chunkedElement(
        tag.sequence,
        contentType,
        chunkedElement(contextConstructed(0), chunkedElement(tag.octetString, input.content)),
      )
    : encodeSequence(contentType);
  const certificates =
    input.certificates.length > 0
      ? [chunkedElement(contextConstructed(0), ...[...input.certificates].sort(Buffer.compare))]
      : [];
  const { crls = [] } = input;
  const lists = crls.length > 0 ? [chunkedElement(contextConstructed(1), ...[...crls].sort(Buffer.compare))] : [];
  const signedData = chunkedElement(
    tag.sequence,
    // RFC 5652 5.1: 3 for every content but data.
    encodeInteger((input.contentType ?? oids.data) === oids.data ? 1 : 3),
    encodeSetOf(input.digestAlgorithms),
    encapsulated,
    ...certificates,
    ...lists,
    encodeSetOf(input.signerInfos),
  );
  return wrapContentInfo(oids.signedData, signedData);
}

export function encodeSignerInfo(input: {
  readonly issuerAndSerial: Uint8Array;
  readonly digestAlgorithm: Uint8Array;
  /** DER SET OF. */
  readonly signedAttributes: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
}): Buffer {
  const attributes = Buffer.from(input.signedAttributes);
  attributes[0] = contextConstructed(0);
  return encodeSequence(
    encodeInteger(1),
    input.issuerAndSerial,
    input.digestAlgorithm,
    attributes,
    input.signatureAlgorithm,
    encodeOctetString(input.signature),
  );
}

/** Certificates and nothing else: the degenerate SignedData that SCEP, EST and `.p7c` files use (RFC 8551 section 3.8). */
export function certsOnly(certificates: readonly Certificate[]): Uint8Array {
  return joined(
    encodeSignedData({
      content: undefined,
      digestAlgorithms: [],
      certificates: certificates.map(({ der }) => der),
      signerInfos: [],
    }),
  );
}

/** A revocation list (DER) and nothing else: the degenerate SignedData that answers GetCRL (RFC 8894 section 3.3.5). */
export function crlOnly(crl: Uint8Array): Uint8Array {
  return joined(
    encodeSignedData({ content: undefined, digestAlgorithms: [], certificates: [], crls: [crl], signerInfos: [] }),
  );
}
