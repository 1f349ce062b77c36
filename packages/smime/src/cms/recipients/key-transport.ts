/** KeyTransRecipientInfo: RSA, PKCS#1 v1.5 and OAEP (RFC 5652 section 6.2.1, RFC 4056, RFC 3560, RFC 8017). */
import { constants, publicEncrypt } from 'node:crypto';
import {
  DerReader,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  tag,
} from '../../asn1/der.ts';
import { oids } from '../../asn1/oids.ts';
import { SmimeError } from '../../errors.ts';
import { digestOfOid, type HashName } from '../../keys/algorithms.ts';
import type { Decrypter, OaepHash, RsaScheme } from '../../keys/ports.ts';
import { withoutTraces } from '../../keys/without-traces.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type CertificateIdentifier, encodeIssuerAndSerial, readIdentifier } from '../identifier.ts';

export interface KeyTransportRecipient {
  readonly kind: 'key-transport';
  readonly identifier: CertificateIdentifier;
  /** DER AlgorithmIdentifier. */
  readonly algorithm: Buffer;
  readonly encryptedKey: Buffer;
}

/** @param info stands inside the KeyTransRecipientInfo */
export function readKeyTransport(info: DerReader): KeyTransportRecipient {
  info.smallInteger();
  const identifier = readIdentifier(info);
  const algorithm = info.element(tag.sequence);
  const encryptedKey = info.octetString();
  return { kind: 'key-transport', identifier, algorithm, encryptedKey };
}

/** The content key, or whatever came out instead. Throws for schemes that are not implemented. */
export async function unwrapTransported(recipient: KeyTransportRecipient, decrypter: Decrypter): Promise<Uint8Array> {
  return decrypter.unwrapRsa(recipient.encryptedKey, readScheme(recipient.algorithm));
}

/** @param padding PKCS#1 v1.5 is what every client reads; OAEP goes to those that say they do. */
export function makeKeyTransport(certificate: Certificate, contentKey: Uint8Array, padding: 'pkcs1' | 'oaep'): Buffer {
  const key = certificate.publicKey;
  const padded =
    padding === 'oaep'
      ? { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
      : { key, padding: constants.RSA_PKCS1_PADDING };
  const encryptedKey = withoutTraces(() => publicEncrypt(padded, contentKey));
  const algorithm =
    padding === 'oaep'
      ? encodeSequence(encodeOid(oids.rsaOaep), encodeOaepParameters('sha256'))
      : encodeSequence(encodeOid(oids.rsaEncryption), encodeNull);
  return encodeSequence(
    encodeInteger(0),
    encodeIssuerAndSerial(certificate),
    algorithm,
    encodeOctetString(encryptedKey),
  );
}

/** RSAES-OAEP-params without a label. RFC 4055 4.1: both hashes named, since the defaults are SHA-1. */
export function encodeOaepParameters(hash: HashName): Buffer {
  const algorithm = encodeSequence(encodeOid(oids[hash]), encodeNull);
  return encodeSequence(
    encodeExplicit(0, algorithm),
    encodeExplicit(1, encodeSequence(encodeOid(oids.mgf1), algorithm)),
  );
}

function readScheme(der: Buffer): RsaScheme {
  const algorithm = new DerReader(der).enter();
  const oid = algorithm.oid();
  if (oid === oids.rsaEncryption) return { padding: 'pkcs1' };
  if (oid !== oids.rsaOaep) throw new SmimeError('unsupported', `the key transport ${oid} is not implemented`);
  let hash: OaepHash = 'sha1';
  let mgf1Hash: OaepHash = 'sha1';
  let label: Buffer | undefined;
  const parameters = algorithm.atEnd ? undefined : algorithm.enter();
  const hashField = parameters?.enterIf(0xa0);
  if (hashField) hash = oaepHash(hashField.enter().oid());
  const maskField = parameters?.enterIf(0xa1);
  if (maskField) {
    const mask = maskField.enter();
    if (mask.oid() !== oids.mgf1)
      throw new SmimeError('unsupported', 'RSA-OAEP with a mask other than MGF1 is not implemented');
    mgf1Hash = oaepHash(mask.enter().oid());
  }
  const sourceField = parameters?.enterIf(0xa2);
  if (sourceField) {
    const source = sourceField.enter();
    if (source.oid() !== oids.pSpecified)
      throw new SmimeError('unsupported', 'RSA-OAEP with an unknown source of its label is not implemented');
    const value = source.octetString();
    if (value.length > 0) label = value;
  }
  return { padding: 'oaep', hash, mgf1Hash, ...(label && { label }) };
}

const oaepHashes: ReadonlySet<string> = new Set<OaepHash>(['sha1', 'sha224', 'sha256', 'sha384', 'sha512']);

function oaepHash(oid: string): OaepHash {
  const hash = digestOfOid(oid);
  if (hash === undefined || !oaepHashes.has(hash))
    throw new SmimeError('unsupported', `RSA-OAEP with the hash ${oid} is not implemented`);
  return hash as OaepHash;
}
