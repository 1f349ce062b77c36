/** RSASSA-PSS (RFC 8017 section 8.1, RFC 4055 section 3): its parameters read, written, and held against those of the key. */
import { constants, createPublicKey, type KeyObject, publicEncrypt, verify } from 'node:crypto';
import { DerReader, encodeExplicit, encodeInteger, encodeNull, encodeOid, encodeSequence, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import type { DigestName, HashName } from './algorithms.ts';
import { digestOf, mgf1, xor } from './digest.ts';
import { withPadding } from './padded-key.ts';

export interface PssParameters {
  readonly digest: DigestName;
  readonly mgf1Digest: DigestName;
  /** Octets. */
  readonly saltLength: number;
}

/** Octets of salt for each hash that is written: as long as the hash (RFC 4055 section 3.1). */
const hashLengths: Readonly<Record<HashName, number>> = { sha256: 32, sha384: 48, sha512: 64 };

export const pssSaltLength = (hash: HashName): number => hashLengths[hash];

/** RSASSA-PSS-params with one hash throughout and a salt of its length. */
export function encodePssParameters(hash: HashName): Buffer {
  // RFC 4055 2.1: both forms are read everywhere, and NULL is what everybody writes.
  const algorithm = encodeSequence(encodeOid(oids[hash]), encodeNull);
  return encodeSequence(
    encodeExplicit(0, algorithm),
    encodeExplicit(1, encodeSequence(encodeOid(oids.mgf1), algorithm)),
    encodeExplicit(2, encodeInteger(hashLengths[hash])),
  );
}

/**
 * RSASSA-PSS-params: every field has SHA-1 for its default. Throws `SmimeError` `unsupported` for another mask or trailer.
 * @param algorithm stands after the object identifier
 * @param knownDigest throws for a hash that is not known
 */
export function readPssParameters(algorithm: DerReader, knownDigest: (oid: string) => DigestName): PssParameters {
  let digest: DigestName = 'sha1';
  let mgf1Digest: DigestName = 'sha1';
  let saltLength = 20;
  // RFC 4055 3.1: in a signature the parameters must be there. Without them nothing says what was signed.
  const parameters = algorithm.enter();
  const hash = parameters.enterIf(0xa0);
  if (hash) digest = knownDigest(hash.enter().oid());
  const mask = parameters.enterIf(0xa1);
  if (mask) {
    const generator = mask.enter();
    if (generator.oid() !== oids.mgf1)
      throw new SmimeError('unsupported', 'RSASSA-PSS with a mask other than MGF1 is not implemented');
    mgf1Digest = knownDigest(generator.enter().oid());
  }
  const salt = parameters.enterIf(0xa2);
  if (salt) saltLength = salt.smallInteger();
  const trailer = parameters.enterIf(0xa3);
  if (trailer && trailer.smallInteger() !== 1)
    throw new SmimeError('unsupported', 'RSASSA-PSS with an unknown trailer is not implemented');
  parameters.finish('the RSASSA-PSS parameters');
  if (saltLength < 0) throw new SmimeError('malformed-asn1', 'RSASSA-PSS has a negative salt length');
  return { digest, mgf1Digest, saltLength };
}

/** False for a wrong signature, and for parameters that the key does not allow. May throw where node:crypto does. */
export function verifyPss(
  { digest, mgf1Digest, saltLength }: PssParameters,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const type = key.asymmetricKeyType;
  if (type === 'rsa-pss') {
    const bound = key.asymmetricKeyDetails;
    // RFC 4055 3.3: parameters in the key bind those of the signature; the salt may be longer.
    if (
      bound?.hashAlgorithm !== undefined &&
      (bound.hashAlgorithm !== digest || bound.mgf1HashAlgorithm !== mgf1Digest || saltLength < (bound.saltLength ?? 0))
    )
      return false;
  } else if (type !== 'rsa') return false;
  if (mgf1Digest !== digest) return verifyWithTwoHashes(key, digest, mgf1Digest, saltLength, data, signature);
  return verify(digest, data, withPadding(key, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }), signature);
}

/** EMSA-PSS-VERIFY (RFC 8017 section 9.1.2) where hash and mask differ, which node:crypto cannot express. */
function verifyWithTwoHashes(
  key: KeyObject,
  digest: DigestName,
  mgf1Digest: DigestName,
  saltLength: number,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const bits = (key.asymmetricKeyDetails?.modulusLength ?? 0) - 1;
  if (signature.length !== Math.ceil((bits + 1) / 8)) return false;
  // Raw RSA with the public key; the number is refused where it is not below the modulus.
  const raw = publicEncrypt({ key: unrestricted(key), padding: constants.RSA_NO_PADDING }, signature);
  const size = Math.ceil(bits / 8);
  const encoded = raw.subarray(raw.length - size);
  if (raw.length > size && raw[0] !== 0) return false;
  const messageHash = digestOf(digest, data);
  const hashLength = messageHash.length;
  const blockLength = size - hashLength - 1;
  if (blockLength < saltLength + 1 || encoded[size - 1] !== 0xbc) return false;
  const hash = encoded.subarray(blockLength, size - 1);
  const block = xor(encoded.subarray(0, blockLength), mgf1(hash, blockLength, mgf1Digest));
  const unusedMask = 0xff >> (8 * size - bits);
  if (((encoded[0] as number) & ~unusedMask & 0xff) !== 0) return false;
  block[0] = (block[0] as number) & unusedMask;
  const saltStart = blockLength - saltLength;
  if (block[saltStart - 1] !== 1 || block.subarray(0, saltStart - 1).some((octet) => octet !== 0)) return false;
  const expected = digestOf(digest, Buffer.concat([Buffer.alloc(8), messageHash, block.subarray(saltStart)]));
  return expected.equals(hash);
}

/** The same modulus and exponent as a key for anything: OpenSSL does no raw RSA with one that is for PSS only. */
function unrestricted(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === 'rsa') return key;
  const info = new DerReader(key.export({ type: 'spki', format: 'der' })).enter();
  info.skip();
  const algorithm = encodeSequence(encodeOid(oids.rsaEncryption), encodeNull);
  return createPublicKey({
    key: encodeSequence(algorithm, info.element(tag.bitString)),
    format: 'der',
    type: 'spki',
  });
}
