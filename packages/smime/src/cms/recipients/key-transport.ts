/** KeyTransRecipientInfo: RSA, PKCS#1 v1.5 and OAEP (RFC 5652 section 6.2.1, RFC 4056, RFC 3560, RFC 8017). */
import { type KeyObject, publicEncrypt } from 'node:crypto';
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
import { oaep, pkcs1, type RsaOptions, withPadding } from '../../keys/padded-key.ts';
import type { Decrypter, OaepHash, RsaScheme } from '../../keys/ports.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type CertificateIdentifier, readIdentifier } from '../identifier.ts';
import type { Unwrap } from './attempt.ts';

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
  info.finish('the KeyTransRecipientInfo');
  return { kind: 'key-transport', identifier, algorithm, encryptedKey };
}

/** Throws `SmimeError` `unsupported` for schemes that are not implemented. */
export function openTransported(recipient: KeyTransportRecipient, decrypter: Decrypter): Unwrap {
  const scheme = readScheme(recipient.algorithm);
  return () => decrypter.unwrapRsa(recipient.encryptedKey, scheme);
}

/** How a content key is encrypted with RSA: PKCS#1 v1.5, or OAEP with a hash (also that of its mask) and a label. */
export type KeyTransport = 'pkcs1' | 'oaep' | { readonly hash: HashName; readonly label?: Uint8Array };

/**
 * @param rid the recipient as the message names it
 * @param scheme PKCS#1 v1.5 is what every client reads; OAEP, with SHA-256 unless another is named, goes to those that say they do
 */
export function makeKeyTransport(
  certificate: Certificate,
  rid: Uint8Array,
  scheme: KeyTransport,
  contentKey: Uint8Array,
): Buffer {
  const key = certificate.publicKey;
  // RFC 5652 6.2.1: version 0 with issuer and serial number, 2 with a key identifier.
  const version = encodeInteger(rid[0] === tag.sequence ? 0 : 2);
  if (scheme === 'pkcs1') {
    const encryptedKey = publicEncrypt(paddedFor(key, 'pkcs1'), contentKey);
    return encodeSequence(version, rid, pkcs1Algorithm, encodeOctetString(encryptedKey));
  }
  const { hash, label } = scheme === 'oaep' ? { hash: 'sha256' as const } : scheme;
  const padded = label ? withPadding(key, oaep(hash, label)) : paddedFor(key, hash);
  const encryptedKey = publicEncrypt(padded, contentKey);
  const algorithm = label ? oaepAlgorithm(hash, label) : oaepAlgorithms[hash];
  return encodeSequence(version, rid, algorithm, encodeOctetString(encryptedKey));
}

/** The keys of recipients who are written to again, for as long as their certificates are held. */
const paddedKeys: Readonly<Record<'pkcs1' | HashName, WeakMap<KeyObject, KeyObject>>> = {
  pkcs1: new WeakMap(),
  sha256: new WeakMap(),
  sha384: new WeakMap(),
  sha512: new WeakMap(),
};

function paddedFor(key: KeyObject, scheme: 'pkcs1' | HashName): KeyObject {
  const known = paddedKeys[scheme].get(key);
  if (known) return known;
  const options: RsaOptions = scheme === 'pkcs1' ? pkcs1 : oaep(scheme, undefined);
  const padded = withPadding(key, options);
  paddedKeys[scheme].set(key, padded);
  return padded;
}

const pkcs1Algorithm = encodeSequence(encodeOid(oids.rsaEncryption), encodeNull);

function oaepAlgorithm(hash: HashName, label?: Uint8Array): Buffer {
  return encodeSequence(encodeOid(oids.rsaOaep), encodeOaepParameters(hash, label));
}

/** RSAES-OAEP-params. RFC 4055 4.1: both hashes named, since the defaults are SHA-1; the label left out where it is empty. */
export function encodeOaepParameters(hash: HashName, label?: Uint8Array): Buffer {
  const algorithm = encodeSequence(encodeOid(oids[hash]), encodeNull);
  return encodeSequence(
    encodeExplicit(0, algorithm),
    encodeExplicit(1, encodeSequence(encodeOid(oids.mgf1), algorithm)),
    ...(label && label.length > 0
      ? [encodeExplicit(2, encodeSequence(encodeOid(oids.pSpecified), encodeOctetString(label)))]
      : []),
  );
}

const oaepAlgorithms: Readonly<Record<HashName, Buffer>> = {
  sha256: oaepAlgorithm('sha256'),
  sha384: oaepAlgorithm('sha384'),
  sha512: oaepAlgorithm('sha512'),
};

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
