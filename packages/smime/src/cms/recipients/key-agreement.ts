/** KeyAgreeRecipientInfo: ephemeral-static ECDH with AES key wrap (RFC 5753 section 3.1, RFC 8418, RFC 3394). */
import { diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto';
import {
  contextConstructed,
  DerReader,
  encodeBitString,
  encodeExplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  tag,
} from '../../asn1/der.ts';
import { oids } from '../../asn1/oids.ts';
import { SmimeError } from '../../errors.ts';
import { type DigestName, defaultHash, type HashName } from '../../keys/algorithms.ts';
import { digestOf } from '../../keys/digest.ts';
import type { Decrypter } from '../../keys/ports.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type CertificateIdentifier, names, readIdentifier, readIssuerAndSerial } from '../identifier.ts';
import type { OpeningContext, Unwrap } from './attempt.ts';
import { aesWrapAlgorithm, keyWrapOf, wrapWithAes } from './key-wrap.ts';

export interface KeyAgreementRecipient {
  readonly kind: 'key-agreement';
  readonly identifier: CertificateIdentifier;
  /** BIT STRING content of the originator's ephemeral point, or the certificate of his key for good. */
  readonly originator: Buffer | CertificateIdentifier;
  readonly userKeyingMaterial: Buffer | undefined;
  /** DER AlgorithmIdentifier. */
  readonly algorithm: Buffer;
  readonly encryptedKey: Buffer;
}

/** One entry for each of the recipients that share the originator's key. @param info stands inside the KeyAgreeRecipientInfo */
export function readKeyAgreement(info: DerReader): KeyAgreementRecipient[] {
  info.smallInteger();
  const originator = readOriginator(info.enter(contextConstructed(0)));
  const userKeyingMaterial = info.enterIf(contextConstructed(1))?.octetString();
  const algorithm = info.element(tag.sequence);
  const entries: KeyAgreementRecipient[] = [];
  const list = info.enter();
  while (!list.atEnd) {
    const entry = list.enter();
    // RFC 5652 6.2.2: the key identifier stands in a SEQUENCE here, with an optional date and attribute.
    const named = entry.enterIf(contextConstructed(0));
    const identifier = named ? { subjectKeyIdentifier: named.octetString() } : readIssuerAndSerial(entry);
    entries.push({
      kind: 'key-agreement',
      identifier,
      originator,
      userKeyingMaterial,
      algorithm,
      encryptedKey: entry.octetString(),
    });
  }
  info.finish('the KeyAgreeRecipientInfo');
  return entries;
}

function readOriginator(choice: DerReader): Buffer | CertificateIdentifier {
  const key = choice.enterIf(contextConstructed(1));
  if (!key) return readIdentifier(choice);
  key.skip(tag.sequence);
  return key.bitStringOctets();
}

interface Derivation {
  readonly kind: 'x963' | 'hkdf';
  readonly hash: DigestName;
}

const derivations = new Map<string, Derivation>([
  [oids.dhSinglePassStdDhSha1Kdf, { kind: 'x963', hash: 'sha1' }],
  [oids.dhSinglePassStdDhSha224Kdf, { kind: 'x963', hash: 'sha224' }],
  [oids.dhSinglePassStdDhSha256Kdf, { kind: 'x963', hash: 'sha256' }],
  [oids.dhSinglePassStdDhSha384Kdf, { kind: 'x963', hash: 'sha384' }],
  [oids.dhSinglePassStdDhSha512Kdf, { kind: 'x963', hash: 'sha512' }],
  // All curves of the engine that X9.63 is used with have the cofactor 1: then the two primitives are the same.
  [oids.dhSinglePassCofactorDhSha1Kdf, { kind: 'x963', hash: 'sha1' }],
  [oids.dhSinglePassCofactorDhSha224Kdf, { kind: 'x963', hash: 'sha224' }],
  [oids.dhSinglePassCofactorDhSha256Kdf, { kind: 'x963', hash: 'sha256' }],
  [oids.dhSinglePassCofactorDhSha384Kdf, { kind: 'x963', hash: 'sha384' }],
  [oids.dhSinglePassCofactorDhSha512Kdf, { kind: 'x963', hash: 'sha512' }],
  [oids.dhSinglePassStdDhHkdfSha256, { kind: 'hkdf', hash: 'sha256' }],
  [oids.dhSinglePassStdDhHkdfSha384, { kind: 'hkdf', hash: 'sha384' }],
  [oids.dhSinglePassStdDhHkdfSha512, { kind: 'hkdf', hash: 'sha512' }],
]);

/**
 * Throws `SmimeError` `unsupported` for another scheme (MQV) and for an originator whose certificate is not at hand, and as
 * `keyWrapOf` does.
 */
export function openAgreed(recipient: KeyAgreementRecipient, decrypter: Decrypter, context: OpeningContext): Unwrap {
  const { originator, userKeyingMaterial, encryptedKey } = recipient;
  const algorithm = new DerReader(recipient.algorithm).enter();
  const scheme = algorithm.oid();
  const derivation = derivations.get(scheme);
  if (derivation === undefined) throw new SmimeError('unsupported', `the key agreement ${scheme} is not implemented`);
  const wrap = keyWrapOf(algorithm.element(tag.sequence), context.legacy);
  const peer = Buffer.isBuffer(originator)
    ? // The originator's key is on the recipient's curve, whatever parameters it repeats or leaves out (RFC 5753 3.1.1).
      encodeSequence(new DerReader(decrypter.spki).enter().element(tag.sequence), encodeBitString(originator))
    : keyOf(originator, context.originators);
  return async () => {
    const shared = await decrypter.agree(peer);
    return wrap.unwrap(deriveKey(derivation, shared, wrap.algorithm, userKeyingMaterial, wrap.keyLength), encryptedKey);
  };
}

function keyOf(originator: CertificateIdentifier, certificates: readonly Certificate[]): Uint8Array {
  const found = certificates.find((certificate) => names(originator, certificate));
  if (found) return found.spki;
  throw new SmimeError('unsupported', "the sender's certificate, whose key the key agreement needs, is not at hand");
}

const x963Schemes: Readonly<Record<HashName, string>> = {
  sha256: oids.dhSinglePassStdDhSha256Kdf,
  sha384: oids.dhSinglePassStdDhSha384Kdf,
  sha512: oids.dhSinglePassStdDhSha512Kdf,
};
const hkdfSchemes: Readonly<Record<HashName, string>> = {
  sha256: oids.dhSinglePassStdDhHkdfSha256,
  sha384: oids.dhSinglePassStdDhHkdfSha384,
  sha512: oids.dhSinglePassStdDhHkdfSha512,
};

/**
 * The wrap is as long as the content key, AES-256 for a 192-bit one.
 * @param rid the recipient as the message names it: IssuerAndSerialNumber or the RecipientKeyIdentifier under its tag
 * @param hash of the key derivation; default: the one that fits the curve
 */
export function makeKeyAgreement(
  certificate: Certificate,
  rid: Uint8Array,
  hash: HashName | undefined,
  contentKey: Uint8Array,
  ephemerals: EphemeralKeys,
): Buffer {
  const kind = certificate.keyKind as Curve;
  // RFC 8418 2: HKDF for the curves of RFC 7748, as OpenSSL and Bouncy Castle do it; RFC 5753 for those of NIST.
  const scheme = (isMontgomery(kind) ? hkdfSchemes : x963Schemes)[hash ?? defaultHash(kind)];
  const keyLength = contentKey.length === 16 ? 16 : 32;
  const wrapAlgorithm = aesWrapAlgorithm(keyLength);
  const { privateKey, originator } = ephemerals.on(kind);
  const shared = diffieHellman({ privateKey, publicKey: certificate.publicKey });
  const keyEncryptionKey = deriveKey(
    derivations.get(scheme) as Derivation,
    shared,
    wrapAlgorithm,
    undefined,
    keyLength,
  );
  const entry = encodeSequence(rid, encodeOctetString(wrapWithAes(keyEncryptionKey, contentKey)));
  return encodeExplicit(
    1,
    encodeInteger(3),
    originator,
    encodeSequence(encodeOid(scheme), wrapAlgorithm),
    encodeSequence(entry),
  );
}

/**
 * The ephemeral keys of one message: one for each curve, combined with the key of each recipient, as NIST allows for a broadcast
 * (SP 800-56A) and RFC 5652 6.2.2 has a structure for. Each recipient's shared secret is another one all the same. Every
 * recipient still has a KeyAgreeRecipientInfo of his own: not every client looks beyond the first entry of one.
 */
export class EphemeralKeys {
  readonly #made = new Map<Curve, EphemeralKey>();

  on(curve: Curve): EphemeralKey {
    const known = this.#made.get(curve);
    if (known) return known;
    const { privateKey, publicKey } = generators[curve]();
    // RFC 5753 3.1.1: the curve is the recipient's, so that its parameters are left out.
    const algorithm = encodeSequence(encodeOid(isMontgomery(curve) ? oids[curve] : oids.ecPublicKey));
    const point = encodeBitString(publicOctets(publicKey));
    const made = { privateKey, originator: encodeExplicit(0, encodeExplicit(1, algorithm, point)) };
    this.#made.set(curve, made);
    return made;
  }
}

interface EphemeralKey {
  readonly privateKey: KeyObject;
  /** OriginatorIdentifierOrKey under its tag. */
  readonly originator: Buffer;
}

const generators = {
  p256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  x25519: () => generateKeyPairSync('x25519'),
  x448: () => generateKeyPairSync('x448'),
} as const;
type Curve = keyof typeof generators;

const isMontgomery = (curve: Curve): curve is 'x25519' | 'x448' => curve === 'x25519' || curve === 'x448';

/** An uncompressed point (RFC 5480 section 2.2), or an X25519 key as it is. node:crypto writes a JWK in a third of the time of an SPKI. */
function publicOctets(key: KeyObject): Buffer {
  const { x = '', y } = key.export({ format: 'jwk' });
  const abscissa = Buffer.from(x, 'base64url');
  return y === undefined ? abscissa : Buffer.concat([Buffer.of(4), abscissa, Buffer.from(y, 'base64url')]);
}

/** X9.63 (RFC 5753 section 7.2) or HKDF (RFC 8418 section 2.2) over ECC-CMS-SharedInfo. */
function deriveKey(
  { kind, hash }: Derivation,
  shared: Uint8Array,
  wrapAlgorithm: Uint8Array,
  ukm: Uint8Array | undefined,
  length: number,
): Buffer {
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(length * 8);
  const info = encodeSequence(
    wrapAlgorithm,
    ...(ukm ? [encodeExplicit(0, encodeOctetString(ukm))] : []),
    encodeExplicit(2, encodeOctetString(bits)),
  );
  if (kind === 'hkdf') return Buffer.from(hkdfSync(hash, shared, Buffer.alloc(0), info, length));
  const input = Buffer.concat([shared, counterOfOne, info]);
  const first = digestOf(hash, input);
  if (first.length >= length) return first.subarray(0, length);
  const blocks = [first];
  for (let made = first.length; made < length; made += first.length) {
    input.writeUInt32BE(blocks.length + 1, shared.length);
    blocks.push(digestOf(hash, input));
  }
  return Buffer.concat(blocks).subarray(0, length);
}

const counterOfOne = Buffer.of(0, 0, 0, 1);
