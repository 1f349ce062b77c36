/** pkiMessage, the only message of SCEP (RFC 8894 section 3.2): SignedData around EnvelopedData, with signed attributes of its own. */
import {
  DerReader,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSetOf,
  encodeTime,
  encodeUtf8String,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { type Attribute, encodeAttribute, soleValue } from '../cms/attributes.ts';
import { checkSigner, contentAtHand } from '../cms/check-signer.ts';
import { joined } from '../cms/chunks.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { encodeIssuerAndSerial } from '../cms/identifier.ts';
import { encodeSignedData, encodeSignerInfo, readSignedData } from '../cms/signed-data.ts';
import { SmimeError } from '../errors.ts';
import { digestAlgorithm, isWeakDigest, signatureAlgorithmFor, signingHash } from '../keys/algorithms.ts';
import { digestOf } from '../keys/digest.ts';
import type { Signer } from '../keys/ports.ts';
import { limits } from '../limits.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { serialText } from '../x509/read-extensions.ts';

/** messageType (RFC 8894 section 3.2.1.2); 18 is the UpdateReq of earlier drafts. */
export const pkiMessageTypes = {
  CertRep: 3,
  RenewalReq: 17,
  UpdateReq: 18,
  PKCSReq: 19,
  CertPoll: 20,
  GetCert: 21,
  GetCRL: 22,
} as const;

/** pkiStatus (section 3.2.1.3) and failInfo (section 3.2.1.4). */
export const pkiStatuses = { SUCCESS: 0, FAILURE: 2, PENDING: 3 } as const;
/** Why a request was refused (RFC 8894 section 3.2.1.4). */
export const pkiFailures = { badAlg: 0, badMessageCheck: 1, badRequest: 2, badTime: 3, badCertId: 4 } as const;

/** A pkiMessage, read. */
export interface PkiMessage {
  /** One of `pkiMessageTypes`, or a number that is none of them. */
  readonly messageType: number;
  /** As its sender chose it; printable, at most `limits.scepTransactionId` characters. */
  readonly transactionId: string;
  readonly senderNonce: Uint8Array;
  readonly recipientNonce: Uint8Array | undefined;
  /** Of a CertRep: one of `pkiStatuses`. */
  readonly status: number | undefined;
  /** Of a CertRep that is a failure: one of `pkiFailures`. */
  readonly failure: number | undefined;
  readonly failureText: string | undefined;
  /** The encrypted content, a CMS object; undefined where there is none (failure, pending). */
  readonly envelope: Uint8Array | undefined;
  /** By whose key it is signed; undefined where the message does not carry that certificate. */
  readonly signer: Certificate | undefined;
  /** `valid`: the signature belongs to this message and to the certificate. Whose that is, is for the caller to judge. */
  readonly signature: 'valid' | 'invalid' | 'unverifiable';
  /** The signature rests on MD5 or SHA-1. */
  readonly weakDigest: boolean;
  /** All that the message carries. */
  readonly certificates: readonly Certificate[];
}

/** Reads a pkiMessage, BER or DER. Throws `SmimeError` for what is none; a wrong signature is in what it returns. */
export function readPkiMessage(der: Uint8Array): PkiMessage {
  if (der.length > limits.scepMessageOctets)
    throw new SmimeError('limit-exceeded', `a SCEP message of more than ${limits.scepMessageOctets} octets`);
  const info = readContentInfo(der);
  if (info.contentType !== oids.signedData)
    throw new SmimeError('unexpected-structure', 'a SCEP message is signed data (RFC 8894 section 3.2)');
  const data = readSignedData(info.content);
  const [signerInfo] = data.signers;
  if (signerInfo?.signedAttributes === undefined || data.signers.length !== 1)
    throw new SmimeError('unexpected-structure', 'a SCEP message has one signer, with signed attributes');
  const certificates = data.certificates.flatMap(readable);
  const content = data.content ?? Buffer.alloc(0);
  // What is weak is told apart: whether it is taken is for the caller.
  const check = checkSigner(signerInfo, contentAtHand(data.contentType, content), certificates, true);
  const attributes = signerInfo.signedAttributes.list;
  return {
    messageType: required(number(attributes, oids.scepMessageType), 'messageType'),
    transactionId: required(text(attributes, oids.scepTransactionId, limits.scepTransactionId), 'transactionID'),
    senderNonce: required(nonce(attributes, oids.scepSenderNonce), 'senderNonce'),
    recipientNonce: nonce(attributes, oids.scepRecipientNonce),
    status: number(attributes, oids.scepPkiStatus),
    failure: number(attributes, oids.scepFailInfo),
    failureText: text(attributes, oids.scepFailInfoText, limits.scepFailureText),
    envelope: content.length > 0 ? content : undefined,
    signer: check.certificate,
    signature: check.signature,
    weakDigest: isWeakDigest(check.digest),
    certificates,
  };
}

/** A certificate that cannot be read can only be missed. */
function readable(der: Buffer): Certificate[] {
  try {
    return [parseCertificate(der)];
  } catch (error) {
    if (error instanceof SmimeError) return [];
    throw error;
  }
}

function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new SmimeError('unexpected-structure', `the SCEP message has no ${name} (RFC 8894 section 3.2.1)`);
}

function soleReader(attributes: readonly Attribute[], type: string): DerReader | undefined {
  const value = soleValue(attributes, type);
  if (value === 'repeated') throw new SmimeError('unexpected-structure', `the attribute ${type} stands twice`);
  return value === 'absent' ? undefined : value;
}

/** A decimal number in a PrintableString. */
function number(attributes: readonly Attribute[], type: string): number | undefined {
  const value = text(attributes, type, 4);
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,3}$/.test(value)) throw new SmimeError('unexpected-structure', `the attribute ${type} is no number`);
  return Number(value);
}

function text(attributes: readonly Attribute[], type: string, most: number): string | undefined {
  const value = soleReader(attributes, type)?.string();
  if (value === undefined) return undefined;
  if (value.length === 0 || value.length > most)
    throw new SmimeError('limit-exceeded', `the attribute ${type} is empty, or longer than ${most} characters`);
  return value;
}

function nonce(attributes: readonly Attribute[], type: string): Uint8Array | undefined {
  const value = soleReader(attributes, type)?.octetString();
  if (value === undefined) return undefined;
  // RFC 8894 3.2.1.5 wants 16; a shorter one is worth less to its sender alone.
  if (value.length === 0 || value.length > limits.scepNonceOctets)
    throw new SmimeError('limit-exceeded', `a nonce that is empty, or longer than ${limits.scepNonceOctets} octets`);
  return value;
}

/** What a pkiMessage says, and by whose key. */
export interface PkiMessageInput {
  readonly messageType: number;
  readonly transactionId: string;
  /** 16 octets (RFC 8894 section 3.2.1.5). */
  readonly senderNonce: Uint8Array;
  /** Of a reply: the senderNonce that it answers. */
  readonly recipientNonce?: Uint8Array;
  readonly status?: number;
  readonly failure?: number;
  readonly failureText?: string;
  /** What `encryptContent` made; left out of a failure and of a reply that tells to wait (section 3.3.2). */
  readonly envelope?: Uint8Array;
  readonly signer: Signer;
  /** Of the signer's key; it is sent along. */
  readonly certificate: Certificate;
  /** UTC. */
  readonly signingTime: Date;
}

/** Signs a pkiMessage: a DER ContentInfo. Throws `invalid-argument` for a key that is not the certificate's. */
export async function makePkiMessage(input: PkiMessageInput): Promise<Uint8Array> {
  const { signer, certificate, envelope } = input;
  if (Buffer.compare(certificate.spki, signer.spki) !== 0)
    throw new SmimeError('invalid-argument', "the signer's key is not the key of the certificate");
  const hash = signingHash(signer, 'sha256');
  const attributes = [
    encodeAttribute(oids.contentType, encodeOid(oids.data)),
    encodeAttribute(oids.messageDigest, encodeOctetString(digestOf(hash, envelope ?? Buffer.alloc(0)))),
    encodeAttribute(oids.signingTime, encodeTime(input.signingTime)),
    encodeAttribute(oids.scepMessageType, encodePrintableString(String(input.messageType))),
    encodeAttribute(oids.scepTransactionId, printable(input.transactionId)),
    encodeAttribute(oids.scepSenderNonce, encodeOctetString(input.senderNonce)),
  ];
  if (input.recipientNonce)
    attributes.push(encodeAttribute(oids.scepRecipientNonce, encodeOctetString(input.recipientNonce)));
  if (input.status !== undefined)
    attributes.push(encodeAttribute(oids.scepPkiStatus, encodePrintableString(String(input.status))));
  if (input.failure !== undefined)
    attributes.push(encodeAttribute(oids.scepFailInfo, encodePrintableString(String(input.failure))));
  if (input.failureText !== undefined)
    attributes.push(
      encodeAttribute(oids.scepFailInfoText, encodeUtf8String(input.failureText.slice(0, limits.scepFailureText))),
    );
  const signedAttributes = encodeSetOf(attributes);
  const algorithms = {
    digestAlgorithm: digestAlgorithm(hash),
    // RFC 3370 3.2: with RSA the bare name of the key will do, and is all that some clients of SCEP know.
    signatureAlgorithm: signer.kind === 'rsa' ? plainRsa : signatureAlgorithmFor(signer.kind, hash),
  };
  const signerInfo = encodeSignerInfo({
    issuerAndSerial: encodeIssuerAndSerial(certificate),
    ...algorithms,
    signedAttributes,
    signature: await signer.sign(signedAttributes, hash),
  });
  return joined(
    encodeSignedData({
      content: envelope,
      digestAlgorithms: [algorithms.digestAlgorithm],
      certificates: [certificate.der],
      signerInfos: [signerInfo],
    }),
  );
}

const plainRsa = encodeSequence(encodeOid(oids.rsaEncryption), encodeNull);

/** RFC 8894 3.2.1.1: a PrintableString. What a client put into another type goes back to it as UTF-8. */
function printable(value: string): Uint8Array {
  return /^[A-Za-z0-9 '()+,./:=?-]*$/.test(value) ? encodePrintableString(value) : encodeUtf8String(value);
}

/** What a client asks a certificate, or the revocation list for it, by (RFC 8894 section 3.3.4): DER IssuerAndSerialNumber. Throws `SmimeError`. */
export function readCertificateQuery(der: Uint8Array): { readonly issuer: Uint8Array; readonly serialNumber: string } {
  const inner = new DerReader(der).enter(tag.sequence);
  const issuer = inner.element(tag.sequence);
  const serialNumber = serialText(inner.integerContent());
  inner.finish('the issuer and serial number');
  return { issuer, serialNumber };
}
