/**
 * The one table that ties object identifiers to node:crypto names. Nothing else in the engine spells either.
 */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DerReader, encodeNull, encodeOid, encodeSequence, readOnly, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';

/** Hashes that are written. */
export type HashName = 'sha256' | 'sha384' | 'sha512';

/** Hashes that are read in old messages and certificates as well; none of them is written. */
export type DigestName = HashName | 'sha1' | 'sha224' | 'md5';

/** The kinds of key the engine works with: Ed25519 only signs, X25519 only decrypts. */
export type KeyKind = 'rsa' | 'p256' | 'p384' | 'p521' | 'ed25519' | 'x25519';

/** Ciphers of content that are written: CBC goes into EnvelopedData (RFC 5652 6), GCM into AuthEnvelopedData (RFC 5083). */
export type ContentCipher =
  | 'aes-256-cbc'
  | 'aes-256-gcm'
  | 'aes-128-cbc'
  | 'aes-128-gcm'
  | 'aes-192-cbc'
  | 'aes-192-gcm';

/** Octet lengths and identifier of each content cipher. The names are node:crypto's own. */
export const contentCiphers: Readonly<
  Record<ContentCipher, { oid: string; keyLength: number; ivLength: number; authenticated: boolean }>
> = {
  'aes-128-cbc': { oid: oids.aes128Cbc, keyLength: 16, ivLength: 16, authenticated: false },
  'aes-192-cbc': { oid: oids.aes192Cbc, keyLength: 24, ivLength: 16, authenticated: false },
  'aes-256-cbc': { oid: oids.aes256Cbc, keyLength: 32, ivLength: 16, authenticated: false },
  'aes-128-gcm': { oid: oids.aes128Gcm, keyLength: 16, ivLength: 12, authenticated: true },
  'aes-192-gcm': { oid: oids.aes192Gcm, keyLength: 24, ivLength: 12, authenticated: true },
  'aes-256-gcm': { oid: oids.aes256Gcm, keyLength: 32, ivLength: 12, authenticated: true },
};

/** node:crypto's name of an AES key wrap (RFC 3394) by its identifier. */
export const keyWraps: Readonly<Record<string, { cipher: string; keyLength: number }>> = {
  [oids.aes128Wrap]: { cipher: 'id-aes128-wrap', keyLength: 16 },
  [oids.aes192Wrap]: { cipher: 'id-aes192-wrap', keyLength: 24 },
  [oids.aes256Wrap]: { cipher: 'id-aes256-wrap', keyLength: 32 },
};

const digests: Readonly<Record<string, DigestName>> = {
  [oids.sha256]: 'sha256',
  [oids.sha384]: 'sha384',
  [oids.sha512]: 'sha512',
  [oids.sha224]: 'sha224',
  [oids.sha1]: 'sha1',
  [oids.md5]: 'md5',
};

/** Also node:crypto's name. Undefined for a hash that the engine does not know. */
export function digestOfOid(oid: string): DigestName | undefined {
  return digests[oid];
}

/** DER AlgorithmIdentifier of a hash; parameters absent (RFC 5754 2), as SHA-1's NULL is only read. */
export function digestAlgorithm(hash: DigestName): Uint8Array {
  return encodeSequence(encodeOid(oids[hash]));
}

const curves: Readonly<Record<string, KeyKind>> = {
  [oids.prime256v1]: 'p256',
  [oids.secp384r1]: 'p384',
  [oids.secp521r1]: 'p521',
};

/** The kind of a DER SubjectPublicKeyInfo, or undefined for a key the engine cannot use. Throws only for malformed DER. */
export function keyKindIfKnown(spki: Uint8Array): KeyKind | undefined {
  const algorithm = new DerReader(spki).enter().enter();
  const id = algorithm.oid();
  if (id === oids.rsaEncryption) return 'rsa';
  if (id === oids.ed25519) return 'ed25519';
  if (id === oids.x25519) return 'x25519';
  if (id === oids.ecPublicKey && algorithm.peek() === tag.oid) return curves[algorithm.oid()];
  return undefined;
}

/** The kind of a DER SubjectPublicKeyInfo. Throws `SmimeError` `unsupported` for other algorithms and curves. */
export function keyKindOf(spki: Uint8Array): KeyKind {
  const kind = keyKindIfKnown(spki);
  if (kind === undefined)
    throw new SmimeError('unsupported', 'the public key is neither RSA, NIST P-256, P-384, P-521, Ed25519 nor X25519');
  return kind;
}

/** The hash that fits a key's strength: SHA-384 for P-384, SHA-512 for P-521 and Ed25519 (RFC 8419 2.3), else SHA-256. */
export function defaultHash(kind: KeyKind): HashName {
  if (kind === 'p384') return 'sha384';
  return kind === 'p521' || kind === 'ed25519' ? 'sha512' : 'sha256';
}

const rsaWith: Readonly<Record<HashName, string>> = {
  sha256: oids.sha256WithRsa,
  sha384: oids.sha384WithRsa,
  sha512: oids.sha512WithRsa,
};
const ecdsaWith: Readonly<Record<HashName, string>> = {
  sha256: oids.ecdsaWithSha256,
  sha384: oids.ecdsaWithSha384,
  sha512: oids.ecdsaWithSha512,
};

/** DER AlgorithmIdentifier of the signature a `Signer` of that kind makes with that hash. Throws `invalid-argument` for X25519. */
export function signatureAlgorithmFor(kind: KeyKind, hash: HashName): Uint8Array {
  if (kind === 'x25519') throw new SmimeError('invalid-argument', 'an X25519 key cannot sign');
  // RFC 4055 5: NULL parameters for RSA; RFC 5758 3.2 and 8410 3: absent for ECDSA and EdDSA.
  if (kind === 'rsa') return encodeSequence(encodeOid(rsaWith[hash]), encodeNull);
  return encodeSequence(encodeOid(kind === 'ed25519' ? oids.ed25519 : ecdsaWith[hash]));
}

/** A signature algorithm as read from an AlgorithmIdentifier. */
export interface SignatureAlgorithm {
  readonly oid: string;
  /** For a person: `RSA with SHA-256`. */
  readonly label: string;
  readonly family: 'rsa' | 'ecdsa' | 'eddsa' | 'dsa' | 'ml-dsa';
  /** Absent where the algorithm hashes inside, or where CMS names the hash elsewhere (plain rsaEncryption). */
  readonly digest?: DigestName;
  readonly pss?: { readonly saltLength: number; readonly mgf1Digest: DigestName };
  /** MD5 or SHA-1: may verify, should not be trusted. */
  readonly weak: boolean;
}

type Scheme = Pick<SignatureAlgorithm, 'family' | 'digest' | 'label'>;
const schemes: Readonly<Record<string, Scheme>> = {
  [oids.rsaEncryption]: { family: 'rsa', label: 'RSA' },
  [oids.md5WithRsa]: { family: 'rsa', digest: 'md5', label: 'RSA with MD5' },
  [oids.sha1WithRsa]: { family: 'rsa', digest: 'sha1', label: 'RSA with SHA-1' },
  [oids.sha224WithRsa]: { family: 'rsa', digest: 'sha224', label: 'RSA with SHA-224' },
  [oids.sha256WithRsa]: { family: 'rsa', digest: 'sha256', label: 'RSA with SHA-256' },
  [oids.sha384WithRsa]: { family: 'rsa', digest: 'sha384', label: 'RSA with SHA-384' },
  [oids.sha512WithRsa]: { family: 'rsa', digest: 'sha512', label: 'RSA with SHA-512' },
  [oids.ecdsaWithSha1]: { family: 'ecdsa', digest: 'sha1', label: 'ECDSA with SHA-1' },
  [oids.ecdsaWithSha224]: { family: 'ecdsa', digest: 'sha224', label: 'ECDSA with SHA-224' },
  [oids.ecdsaWithSha256]: { family: 'ecdsa', digest: 'sha256', label: 'ECDSA with SHA-256' },
  [oids.ecdsaWithSha384]: { family: 'ecdsa', digest: 'sha384', label: 'ECDSA with SHA-384' },
  [oids.ecdsaWithSha512]: { family: 'ecdsa', digest: 'sha512', label: 'ECDSA with SHA-512' },
  [oids.sha1WithDsa]: { family: 'dsa', digest: 'sha1', label: 'DSA with SHA-1' },
  [oids.sha256WithDsa]: { family: 'dsa', digest: 'sha256', label: 'DSA with SHA-256' },
  [oids.ed25519]: { family: 'eddsa', label: 'Ed25519' },
  [oids.ed448]: { family: 'eddsa', label: 'Ed448' },
  [oids.mlDsa44]: { family: 'ml-dsa', label: 'ML-DSA-44' },
  [oids.mlDsa65]: { family: 'ml-dsa', label: 'ML-DSA-65' },
  [oids.mlDsa87]: { family: 'ml-dsa', label: 'ML-DSA-87' },
};

/** Reads a DER AlgorithmIdentifier. Throws `SmimeError` `unsupported` for an algorithm the engine cannot verify. */
export function parseSignatureAlgorithm(der: Uint8Array): SignatureAlgorithm {
  const algorithm = readOnly(der, 'the signature algorithm');
  const oid = algorithm.oid();
  if (oid === oids.rsaPss) return parsePss(algorithm);
  const scheme = schemes[oid];
  if (scheme === undefined) throw new SmimeError('unsupported', `the signature algorithm ${oid} is not implemented`);
  return { oid, ...scheme, weak: isWeak(scheme.digest) };
}

/**
 * Verifies `signature` over `data` with a public key. False for a wrong signature and for a key that does not fit the algorithm.
 * @param digest the hash that CMS names beside the signature; needed for plain rsaEncryption only
 */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
  digest?: DigestName,
): boolean {
  const type = key.asymmetricKeyType ?? '';
  const hash = algorithm.digest ?? (algorithm.family === 'rsa' ? digest : undefined);
  try {
    switch (algorithm.family) {
      case 'rsa': {
        if (hash === undefined || (type !== 'rsa' && !(algorithm.pss && type === 'rsa-pss'))) return false;
        if (!algorithm.pss) return verify(hash, data, key, signature);
        // node:crypto has one hash for PSS and its MGF1; RFC 8551 wants them equal too.
        if (algorithm.pss.mgf1Digest !== hash) return false;
        return verify(
          hash,
          data,
          { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.pss.saltLength },
          signature,
        );
      }
      case 'ecdsa':
        return type === 'ec' && hash !== undefined && verify(hash, data, key, signature);
      case 'dsa':
        return type === 'dsa' && hash !== undefined && verify(hash, data, key, signature);
      case 'eddsa':
        return type === algorithm.label.toLowerCase() && verify(null, data, key, signature);
      case 'ml-dsa':
        return type === algorithm.label.toLowerCase() && verify(null, data, key, signature);
    }
  } catch {
    // OpenSSL throws for a signature of impossible form; to a verifier that is a wrong signature.
    return false;
  }
}

/** The public key of a DER SubjectPublicKeyInfo. Throws `SmimeError` `unsupported` where node:crypto cannot load it. */
export function publicKeyOf(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({
      key: Buffer.from(spki.buffer, spki.byteOffset, spki.byteLength),
      format: 'der',
      type: 'spki',
    });
  } catch (cause) {
    throw new SmimeError('unsupported', 'the public key cannot be loaded', { cause });
  }
}

/** RSASSA-PSS-params (RFC 4055 3.1): every field has SHA-1 for its default. */
function parsePss(algorithm: DerReader): SignatureAlgorithm {
  let digest: DigestName = 'sha1';
  let mgf1Digest: DigestName = 'sha1';
  let saltLength = 20;
  const parameters = algorithm.atEnd ? undefined : algorithm.enter();
  if (parameters) {
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
  }
  if (saltLength < 0) throw new SmimeError('malformed-asn1', 'RSASSA-PSS has a negative salt length');
  return {
    oid: oids.rsaPss,
    label: `RSA-PSS with ${digest.toUpperCase().replace('SHA', 'SHA-')}`,
    family: 'rsa',
    digest,
    pss: { saltLength, mgf1Digest },
    weak: isWeak(digest),
  };
}

function knownDigest(oid: string): DigestName {
  const digest = digests[oid];
  if (digest === undefined) throw new SmimeError('unsupported', `the hash ${oid} is not implemented`);
  return digest;
}

const isWeak = (digest: DigestName | undefined): boolean => digest === 'sha1' || digest === 'md5';
