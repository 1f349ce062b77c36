/** KeyAgreeRecipientInfo: ephemeral-static ECDH with AES key wrap (RFC 5753 section 3.1, RFC 8418, RFC 3394). */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import {
  asBuffer,
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
import { type DigestName, keyWraps } from '../../keys/algorithms.ts';
import type { Decrypter } from '../../keys/ports.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type CertificateIdentifier, encodeIssuerAndSerial, readIssuerAndSerial } from '../identifier.ts';

export interface KeyAgreementRecipient {
  readonly kind: 'key-agreement';
  readonly identifier: CertificateIdentifier;
  /** BIT STRING content of the originator's point; undefined where the originator is named by a certificate. */
  readonly originatorPoint: Buffer | undefined;
  readonly userKeyingMaterial: Buffer | undefined;
  /** DER AlgorithmIdentifier. */
  readonly algorithm: Buffer;
  readonly encryptedKey: Buffer;
}

/** One entry for each of the recipients that share the originator's key. @param info stands inside the KeyAgreeRecipientInfo */
export function readKeyAgreement(info: DerReader): KeyAgreementRecipient[] {
  info.smallInteger();
  const originator = info.enter(contextConstructed(0));
  let originatorPoint: Buffer | undefined;
  const key = originator.enterIf(contextConstructed(1));
  if (key) {
    key.skip(tag.sequence);
    originatorPoint = key.bitStringOctets();
  }
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
      originatorPoint,
      userKeyingMaterial,
      algorithm,
      encryptedKey: entry.octetString(),
    });
  }
  return entries;
}

interface Derivation {
  readonly kind: 'x963' | 'hkdf';
  readonly hash: DigestName;
}

const derivations: Readonly<Record<string, Derivation>> = {
  [oids.dhSinglePassStdDhSha1Kdf]: { kind: 'x963', hash: 'sha1' },
  [oids.dhSinglePassStdDhSha224Kdf]: { kind: 'x963', hash: 'sha224' },
  [oids.dhSinglePassStdDhSha256Kdf]: { kind: 'x963', hash: 'sha256' },
  [oids.dhSinglePassStdDhSha384Kdf]: { kind: 'x963', hash: 'sha384' },
  [oids.dhSinglePassStdDhSha512Kdf]: { kind: 'x963', hash: 'sha512' },
  [oids.dhSinglePassStdDhHkdfSha256]: { kind: 'hkdf', hash: 'sha256' },
  [oids.dhSinglePassStdDhHkdfSha384]: { kind: 'hkdf', hash: 'sha384' },
  [oids.dhSinglePassStdDhHkdfSha512]: { kind: 'hkdf', hash: 'sha512' },
};

/** The content key. Throws where the wrap does not open, and for schemes that are not implemented. */
export async function unwrapAgreed(recipient: KeyAgreementRecipient, decrypter: Decrypter): Promise<Uint8Array> {
  const algorithm = new DerReader(recipient.algorithm).enter();
  const derivation = derivations[algorithm.oid()];
  const wrapAlgorithm = algorithm.element(tag.sequence);
  const wrap = keyWraps[new DerReader(wrapAlgorithm).enter().oid()];
  if (derivation === undefined || wrap === undefined || recipient.originatorPoint === undefined)
    throw new SmimeError('unsupported', 'this form of key agreement is not implemented');
  // The originator's key is on the recipient's curve, whatever parameters it repeats or leaves out (RFC 5753 3.1.1).
  const curve = new DerReader(decrypter.spki).enter().element(tag.sequence);
  const shared = await decrypter.agree(encodeSequence(curve, encodeBitString(recipient.originatorPoint)));
  const wrappingKey = deriveKey(derivation, shared, wrapAlgorithm, recipient.userKeyingMaterial, wrap.keyLength);
  const unwrapping = createDecipheriv(wrap.cipher, createSecretKey(wrappingKey), wrapIv);
  return Buffer.concat([unwrapping.update(recipient.encryptedKey), unwrapping.final()]);
}

const curves = {
  p256: { make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), scheme: oids.dhSinglePassStdDhSha256Kdf },
  p384: { make: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), scheme: oids.dhSinglePassStdDhSha384Kdf },
  p521: { make: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }), scheme: oids.dhSinglePassStdDhSha512Kdf },
  x25519: { make: () => generateKeyPairSync('x25519'), scheme: oids.dhSinglePassStdDhHkdfSha256 },
} as const;

const wrapIv = Buffer.alloc(8, 0xa6);

/** A fresh ephemeral key for each recipient; the wrap is as long as the content key, AES-256 for a 192-bit one. */
export function makeKeyAgreement(certificate: Certificate, contentKey: Uint8Array): Buffer {
  const kind = certificate.keyKind;
  if (kind === undefined || !(kind in curves))
    throw new SmimeError('invalid-argument', "the recipient's key is not on a curve that is used for key agreement");
  const { make, scheme } = curves[kind as keyof typeof curves];
  const wrapOid = contentKey.length === 16 ? oids.aes128Wrap : oids.aes256Wrap;
  const wrap = keyWraps[wrapOid] as { cipher: string; keyLength: number };
  const wrapAlgorithm = encodeSequence(encodeOid(wrapOid));
  const ephemeral = make();
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: certificate.publicKey });
  const wrappingKey = deriveKey(derivations[scheme] as Derivation, shared, wrapAlgorithm, undefined, wrap.keyLength);
  const wrapping = createCipheriv(wrap.cipher, createSecretKey(wrappingKey), wrapIv);
  const encryptedKey = Buffer.concat([wrapping.update(contentKey), wrapping.final()]);
  // RFC 5753 3.1.1: the curve is the recipient's, so that its parameters are left out.
  const algorithm = encodeSequence(encodeOid(kind === 'x25519' ? oids.x25519 : oids.ecPublicKey));
  const originator = encodeExplicit(
    0,
    encodeExplicit(1, algorithm, encodeBitString(publicOctets(ephemeral.publicKey))),
  );
  const entry = encodeSequence(encodeIssuerAndSerial(certificate), encodeOctetString(encryptedKey));
  return encodeExplicit(
    1,
    encodeInteger(3),
    originator,
    encodeSequence(encodeOid(scheme), wrapAlgorithm),
    encodeSequence(entry),
  );
}

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
  const blocks: Buffer[] = [];
  for (let counter = 1, made = 0; made < length; counter++) {
    const block = createHash(hash)
      .update(asBuffer(shared))
      .update(Buffer.from([0, 0, 0, counter]))
      .update(info)
      .digest();
    blocks.push(block);
    made += block.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}
