/**
 * The one table that ties object identifiers to node:crypto names. Nothing else in the engine spells either.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DerReader, encodeInteger, encodeNull, encodeOid, encodeSequence, readOnly, tag } from '../asn1/der.ts';
import { type OidName, oids } from '../asn1/oids.ts';
import { derToPem } from '../asn1/pem.ts';
import { SmimeError } from '../errors.ts';
import { encodePssParameters, type PssParameters, pssSaltLength, readPssParameters, verifyPss } from './pss.ts';

/** Hashes that are written. */
export type HashName = 'sha256' | 'sha384' | 'sha512';

/** All hashes that are read. Ed448 alone is signed with SHAKE256, whose output has 512 bits (RFC 8702 section 3.1). */
export type DigestName =
  | HashName
  | 'sha3-256'
  | 'sha3-384'
  | 'sha3-512'
  | 'shake128'
  | 'shake256'
  | 'sha224'
  | 'sha1'
  | 'md5';

/** The kinds of key the engine works with. `rsa-pss`: an RSA key that its certificate restricts to RSASSA-PSS (RFC 4055 section 1.2). */
export type KeyKind =
  | 'rsa'
  | 'rsa-pss'
  | 'p256'
  | 'p384'
  | 'p521'
  | 'ed25519'
  | 'ed448'
  | 'x25519'
  | 'x448'
  | 'ml-dsa-44'
  | 'ml-dsa-65'
  | 'ml-dsa-87'
  | 'ml-kem-512'
  | 'ml-kem-768'
  | 'ml-kem-1024';

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

const digests: Readonly<Record<DigestName, { oid: string; label: string; weak?: true }>> = {
  sha256: { oid: oids.sha256, label: 'SHA-256' },
  sha384: { oid: oids.sha384, label: 'SHA-384' },
  sha512: { oid: oids.sha512, label: 'SHA-512' },
  'sha3-256': { oid: oids.sha3With256, label: 'SHA3-256' },
  'sha3-384': { oid: oids.sha3With384, label: 'SHA3-384' },
  'sha3-512': { oid: oids.sha3With512, label: 'SHA3-512' },
  shake128: { oid: oids.shake128, label: 'SHAKE128' },
  shake256: { oid: oids.shake256, label: 'SHAKE256' },
  sha224: { oid: oids.sha224, label: 'SHA-224' },
  sha1: { oid: oids.sha1, label: 'SHA-1', weak: true },
  md5: { oid: oids.md5, label: 'MD5', weak: true },
};
const digestsByOid = new Map<string, DigestName>([
  ...Object.entries(digests).map(([name, { oid }]) => [oid, name as DigestName] as const),
  // Old Bouncy Castle and Authenticode named the signature where the digest belongs.
  [oids.sha1WithRsaOfOiw, 'sha1'],
]);

/** Also node:crypto's name. Undefined for a hash that the engine does not know. */
export function digestOfOid(oid: string): DigestName | undefined {
  return digestsByOid.get(oid);
}

/** The hash that a DER AlgorithmIdentifier names, its length included where it states one (RFC 8419 section 3.1). */
export function digestOfAlgorithm(der: Uint8Array): DigestName | undefined {
  const algorithm = new DerReader(der).enter();
  const oid = algorithm.oid();
  if (oid !== oids.shake256Len) return digestOfOid(oid);
  return algorithm.peek() === tag.integer && algorithm.smallInteger() === 512 ? 'shake256' : undefined;
}

/** For a person: `SHA-256`. */
export const digestLabel = (digest: DigestName): string => digests[digest].label;

/** MD5 and SHA-1: collisions can be made. */
export const isWeakDigest = (digest: DigestName | undefined): boolean =>
  digest !== undefined && digests[digest].weak === true;

/** DER AlgorithmIdentifier of a hash; parameters absent (RFC 5754 2), but for the length of SHAKE256 (RFC 8419 3.1). */
export function digestAlgorithm(hash: DigestName): Uint8Array {
  if (hash === 'shake256') return encodeSequence(encodeOid(oids.shake256Len), encodeInteger(512));
  return encodeSequence(encodeOid(digests[hash].oid));
}

const kindsByOid: Readonly<Record<string, KeyKind>> = {
  [oids.rsaEncryption]: 'rsa',
  [oids.rsaPss]: 'rsa-pss',
  [oids.ed25519]: 'ed25519',
  [oids.ed448]: 'ed448',
  [oids.x25519]: 'x25519',
  [oids.x448]: 'x448',
  [oids.mlDsa44]: 'ml-dsa-44',
  [oids.mlDsa65]: 'ml-dsa-65',
  [oids.mlDsa87]: 'ml-dsa-87',
  [oids.mlKem512]: 'ml-kem-512',
  [oids.mlKem768]: 'ml-kem-768',
  [oids.mlKem1024]: 'ml-kem-1024',
};
const curves: Readonly<Record<string, KeyKind>> = {
  [oids.prime256v1]: 'p256',
  [oids.secp384r1]: 'p384',
  [oids.secp521r1]: 'p521',
};

/** The kind of key that an object identifier alone names; undefined for the curves, which have one in common. */
export function kindOfOid(oid: string): KeyKind | undefined {
  return kindsByOid[oid];
}

/** The kind of a DER SubjectPublicKeyInfo, or undefined for a key the engine cannot use. Throws only for malformed DER. */
export function keyKindIfKnown(spki: Uint8Array): KeyKind | undefined {
  const algorithm = new DerReader(spki).enter().enter();
  const id = algorithm.oid();
  if (id === oids.ecPublicKey) return algorithm.peek() === tag.oid ? curves[algorithm.oid()] : undefined;
  return kindsByOid[id];
}

/** Bits of the modulus of an RSA key, from its DER SubjectPublicKeyInfo; undefined for other keys. The key need not be loaded. */
export function modulusBits(spki: Uint8Array): number | undefined {
  const key = new DerReader(spki).enter();
  const id = key.enter().oid();
  if (id !== oids.rsaEncryption && id !== oids.rsaPss) return undefined;
  const modulus = new DerReader(key.bitStringOctets()).enter().integerContent();
  const first = modulus[0] === 0 ? 1 : 0;
  return (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24;
}

/** The kind of a DER SubjectPublicKeyInfo. Throws `SmimeError` `unsupported` for other algorithms and curves. */
export function keyKindOf(spki: Uint8Array): KeyKind {
  const kind = keyKindIfKnown(spki);
  if (kind === undefined)
    throw new SmimeError(
      'unsupported',
      'the public key is neither RSA, NIST P-256, P-384, P-521, Ed25519, Ed448, X25519, X448, ML-DSA nor ML-KEM',
    );
  return kind;
}

const kinds: Readonly<
  Record<KeyKind, { label: string; signs: boolean; encryptsBy?: EncryptionScheme; hash: HashName }>
> = {
  rsa: { label: 'RSA', signs: true, encryptsBy: 'key-transport', hash: 'sha256' },
  'rsa-pss': { label: 'RSA for PSS only', signs: true, hash: 'sha256' },
  p256: { label: 'P-256', signs: true, encryptsBy: 'key-agreement', hash: 'sha256' },
  p384: { label: 'P-384', signs: true, encryptsBy: 'key-agreement', hash: 'sha384' },
  p521: { label: 'P-521', signs: true, encryptsBy: 'key-agreement', hash: 'sha512' },
  ed25519: { label: 'Ed25519', signs: true, hash: 'sha512' },
  ed448: { label: 'Ed448', signs: true, hash: 'sha512' },
  x25519: { label: 'X25519', signs: false, encryptsBy: 'key-agreement', hash: 'sha256' },
  x448: { label: 'X448', signs: false, encryptsBy: 'key-agreement', hash: 'sha512' },
  'ml-dsa-44': { label: 'ML-DSA-44', signs: true, hash: 'sha512' },
  'ml-dsa-65': { label: 'ML-DSA-65', signs: true, hash: 'sha512' },
  'ml-dsa-87': { label: 'ML-DSA-87', signs: true, hash: 'sha512' },
  'ml-kem-512': { label: 'ML-KEM-512', signs: false, encryptsBy: 'kem', hash: 'sha256' },
  'ml-kem-768': { label: 'ML-KEM-768', signs: false, encryptsBy: 'kem', hash: 'sha256' },
  'ml-kem-1024': { label: 'ML-KEM-1024', signs: false, encryptsBy: 'kem', hash: 'sha256' },
};

/** How a content key reaches the holder of a key. Key agreement alone wants the key usage keyAgreement, the others keyEncipherment. */
export type EncryptionScheme = 'key-transport' | 'key-agreement' | 'kem';

/** Undefined for a key that only signs. */
export function encryptionSchemeOf(kind: KeyKind): EncryptionScheme | undefined {
  return kinds[kind].encryptsBy;
}

/** False for X25519, X448 and ML-KEM. */
export const canSign = (kind: KeyKind): boolean => kinds[kind].signs;

/** For a person: `P-256`. */
export const keyKindLabel = (kind: KeyKind): string => kinds[kind].label;

/** The hash that fits a key's strength: SHA-384 for P-384, SHA-512 for P-521, EdDSA and ML-DSA (RFC 8419, 9882), else SHA-256. */
export function defaultHash(kind: KeyKind): HashName {
  return kinds[kind].hash;
}

/**
 * The hash a key signs with: the one to which its own parameters bind it (RFC 4055 section 3.3), else the one wished for, else
 * the one that fits its strength. Throws `invalid-argument` for a key bound to what is not written here.
 */
export function signingHash(key: { readonly kind: KeyKind; readonly spki: Uint8Array }, wish?: HashName): HashName {
  if (key.kind !== 'rsa-pss') return wish ?? defaultHash(key.kind);
  const algorithm = new DerReader(key.spki).enter().enter();
  algorithm.skip(tag.oid);
  if (algorithm.peek() !== tag.sequence) return wish ?? defaultHash(key.kind);
  const { digest, mgf1Digest, saltLength } = readPssParameters(algorithm, knownDigest);
  if (
    (digest !== 'sha256' && digest !== 'sha384' && digest !== 'sha512') ||
    mgf1Digest !== digest ||
    saltLength > pssSaltLength(digest) ||
    (wish !== undefined && wish !== digest)
  )
    throw new SmimeError('invalid-argument', 'the parameters of the RSASSA-PSS key do not allow such a signature');
  return digest;
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
const pureOids = new Map<KeyKind, string>(Object.entries(kindsByOid).map(([oid, kind]) => [kind, oid]));

/** The two signature schemes of RSA (RFC 8017 section 8). */
export type RsaPadding = 'pkcs1' | 'pss';

/**
 * DER AlgorithmIdentifier of the signature a `Signer` of that kind makes with that hash.
 * @param padding for `rsa` alone; default PKCS#1 v1.5, while `rsa-pss` always means PSS
 * Throws `invalid-argument` for a kind of key that cannot sign.
 */
export function signatureAlgorithmFor(kind: KeyKind, hash: HashName, padding: RsaPadding = 'pkcs1'): Uint8Array {
  if (!canSign(kind)) throw new SmimeError('invalid-argument', `an ${keyKindLabel(kind)} key cannot sign`);
  if (kind === 'rsa-pss' || (kind === 'rsa' && padding === 'pss'))
    return encodeSequence(encodeOid(oids.rsaPss), encodePssParameters(hash));
  // RFC 4055 5: NULL parameters for RSA; RFC 5758 3.2, 8410 3 and 9881 2: absent for all others.
  if (kind === 'rsa') return encodeSequence(encodeOid(rsaWith[hash]), encodeNull);
  return encodeSequence(encodeOid(pureOids.get(kind) ?? ecdsaWith[hash]));
}

/** A signature algorithm as read from an AlgorithmIdentifier. */
export interface SignatureAlgorithm {
  readonly oid: string;
  /** For a person: `RSA with SHA-256`. */
  readonly label: string;
  readonly family: 'rsa' | 'ecdsa' | 'eddsa' | 'dsa' | 'ml-dsa';
  /** Absent where the algorithm hashes inside, or where CMS names the hash elsewhere (plain rsaEncryption, ecPublicKey, dsa). */
  readonly digest?: DigestName;
  readonly pss?: PssParameters;
  /** MD5 or SHA-1: may verify, should not be trusted. */
  readonly weak: boolean;
}

type Scheme = Pick<SignatureAlgorithm, 'family' | 'digest' | 'label'>;

const hashed = (family: 'rsa' | 'ecdsa' | 'dsa', digest: DigestName): Scheme => ({
  family,
  digest,
  label: `${family.toUpperCase()} with ${digests[digest].label}`,
});

const schemes: Partial<Record<OidName, Scheme>> = {
  // The key's own identifier in the place of a signature's: CMS names the hash beside it.
  rsaEncryption: { family: 'rsa', label: 'RSA' },
  ecPublicKey: { family: 'ecdsa', label: 'ECDSA' },
  dsa: { family: 'dsa', label: 'DSA' },
  md5WithRsa: hashed('rsa', 'md5'),
  sha1WithRsa: hashed('rsa', 'sha1'),
  sha1WithRsaOfOiw: hashed('rsa', 'sha1'),
  sha224WithRsa: hashed('rsa', 'sha224'),
  sha256WithRsa: hashed('rsa', 'sha256'),
  sha384WithRsa: hashed('rsa', 'sha384'),
  sha512WithRsa: hashed('rsa', 'sha512'),
  sha3256WithRsa: hashed('rsa', 'sha3-256'),
  sha3384WithRsa: hashed('rsa', 'sha3-384'),
  sha3512WithRsa: hashed('rsa', 'sha3-512'),
  ecdsaWithSha1: hashed('ecdsa', 'sha1'),
  ecdsaWithSha224: hashed('ecdsa', 'sha224'),
  ecdsaWithSha256: hashed('ecdsa', 'sha256'),
  ecdsaWithSha384: hashed('ecdsa', 'sha384'),
  ecdsaWithSha512: hashed('ecdsa', 'sha512'),
  ecdsaWithSha3256: hashed('ecdsa', 'sha3-256'),
  ecdsaWithSha3384: hashed('ecdsa', 'sha3-384'),
  ecdsaWithSha3512: hashed('ecdsa', 'sha3-512'),
  sha1WithDsa: hashed('dsa', 'sha1'),
  sha256WithDsa: hashed('dsa', 'sha256'),
  ed25519: { family: 'eddsa', label: 'Ed25519' },
  ed448: { family: 'eddsa', label: 'Ed448' },
  mlDsa44: { family: 'ml-dsa', label: 'ML-DSA-44' },
  mlDsa65: { family: 'ml-dsa', label: 'ML-DSA-65' },
  mlDsa87: { family: 'ml-dsa', label: 'ML-DSA-87' },
};
const schemesByOid = new Map(
  Object.entries(schemes).map(([name, scheme]) => [oids[name as OidName] as string, scheme]),
);

/**
 * Reads a DER AlgorithmIdentifier. Throws `SmimeError` `unsupported` for an algorithm the engine cannot verify, and
 * `unexpected-structure` for parameters where there must be none (RFC 8410 section 3, RFC 9881 section 2).
 */
export function parseSignatureAlgorithm(der: Uint8Array): SignatureAlgorithm {
  const algorithm = readOnly(der, 'the signature algorithm');
  const oid = algorithm.oid();
  if (oid === oids.rsaPss) {
    const pss = readPssParameters(algorithm, knownDigest);
    const { digest } = pss;
    return {
      oid,
      label: `RSA-PSS with ${digests[digest].label}`,
      family: 'rsa',
      digest,
      pss,
      weak: isWeakDigest(digest),
    };
  }
  const scheme = schemesByOid.get(oid);
  if (scheme === undefined) throw new SmimeError('unsupported', `the signature algorithm ${oid} is not implemented`);
  if ((scheme.family === 'eddsa' || scheme.family === 'ml-dsa') && !algorithm.atEnd)
    throw algorithm.unexpected(`${scheme.label} with parameters`);
  return { oid, ...scheme, weak: isWeakDigest(scheme.digest) };
}

/**
 * Verifies `signature` over `data` with a public key. False for a wrong signature and for a key that does not fit the algorithm.
 * @param digest the hash that CMS names beside the signature; needed where the algorithm is that of the key
 */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
  digest?: DigestName,
): boolean {
  const type = key.asymmetricKeyType;
  const hash = algorithm.digest ?? digest;
  try {
    switch (algorithm.family) {
      case 'rsa':
        if (algorithm.pss) return verifyPss(algorithm.pss, key, data, signature);
        return type === 'rsa' && hash !== undefined && verify(hash, data, key, signature);
      case 'ecdsa':
        return type === 'ec' && hash !== undefined && verify(hash, data, key, signature);
      case 'dsa':
        return type === 'dsa' && hash !== undefined && verify(hash, data, key, signature);
      case 'eddsa':
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
    // As text: octets, and the object around them, Node 24 mistakes for other kinds of key first, which takes longer than to read PEM.
    return knownToNode(createPublicKey(derToPem(spki, 'PUBLIC KEY')));
  } catch (cause) {
    if (cause instanceof SmimeError) throw cause;
    throw new SmimeError('unsupported', 'the public key cannot be loaded', { cause });
  }
}

/**
 * Throws `unsupported` for a key that this version of Node loads and can do nothing with: Node 22 has an OpenSSL that knows
 * ML-DSA and ML-KEM, and does not know them itself.
 */
export function knownToNode(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === undefined)
    throw new SmimeError('unsupported', 'this version of Node does not know the kind of the key');
  return key;
}

function knownDigest(oid: string): DigestName {
  const digest = digestOfOid(oid);
  if (digest === undefined) throw new SmimeError('unsupported', `the hash ${oid} is not implemented`);
  return digest;
}
