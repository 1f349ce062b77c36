/** KeyAgreeRecipientInfo: ephemeral-static ECDH with AES key wrap (RFC 5753 section 3.1, RFC 3394). */
import { createCipheriv, createDecipheriv, createHash, diffieHellman, generateKeyPairSync } from 'node:crypto';
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

const kdfHashes: Readonly<Record<string, DigestName>> = {
  [oids.dhSinglePassStdDhSha1Kdf]: 'sha1',
  [oids.dhSinglePassStdDhSha224Kdf]: 'sha224',
  [oids.dhSinglePassStdDhSha256Kdf]: 'sha256',
  [oids.dhSinglePassStdDhSha384Kdf]: 'sha384',
  [oids.dhSinglePassStdDhSha512Kdf]: 'sha512',
};

/** The content key. Throws where the wrap does not open, and for schemes that are not implemented. */
export async function unwrapAgreed(recipient: KeyAgreementRecipient, decrypter: Decrypter): Promise<Uint8Array> {
  const algorithm = new DerReader(recipient.algorithm).enter();
  const hash = kdfHashes[algorithm.oid()];
  const wrapAlgorithm = algorithm.element(tag.sequence);
  const wrap = keyWraps[new DerReader(wrapAlgorithm).enter().oid()];
  if (hash === undefined || wrap === undefined || recipient.originatorPoint === undefined)
    throw new SmimeError('unsupported', 'this form of key agreement is not implemented');
  // The originator's key is on the recipient's curve, whatever parameters it repeats or leaves out (RFC 5753 3.1.1).
  const curve = new DerReader(decrypter.spki).enter().element(tag.sequence);
  const shared = await decrypter.agree(encodeSequence(curve, encodeBitString(recipient.originatorPoint)));
  const wrappingKey = deriveKey(hash, shared, wrapAlgorithm, recipient.userKeyingMaterial, wrap.keyLength);
  const unwrapping = createDecipheriv(wrap.cipher, wrappingKey, wrapIv);
  return Buffer.concat([unwrapping.update(recipient.encryptedKey), unwrapping.final()]);
}

const curves = {
  p256: { name: 'P-256', kdf: oids.dhSinglePassStdDhSha256Kdf },
  p384: { name: 'P-384', kdf: oids.dhSinglePassStdDhSha384Kdf },
  p521: { name: 'P-521', kdf: oids.dhSinglePassStdDhSha512Kdf },
} as const;

const wrapIv = Buffer.alloc(8, 0xa6);

/** A fresh ephemeral key for each recipient; the wrap is as long as the content key, AES-256 for a 192-bit one. */
export function makeKeyAgreement(certificate: Certificate, contentKey: Uint8Array): Buffer {
  const kind = certificate.keyKind;
  if (kind !== 'p256' && kind !== 'p384' && kind !== 'p521')
    throw new SmimeError('invalid-argument', "the recipient's key is not on a curve that is used for key agreement");
  const { name, kdf } = curves[kind];
  const wrapOid = contentKey.length === 16 ? oids.aes128Wrap : oids.aes256Wrap;
  const wrap = keyWraps[wrapOid] as { cipher: string; keyLength: number };
  const wrapAlgorithm = encodeSequence(encodeOid(wrapOid));
  const ephemeral = generateKeyPairSync('ec', { namedCurve: name });
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: certificate.publicKey });
  const wrappingKey = deriveKey(kdfHashes[kdf] as DigestName, shared, wrapAlgorithm, undefined, wrap.keyLength);
  const wrapping = createCipheriv(wrap.cipher, wrappingKey, wrapIv);
  const encryptedKey = Buffer.concat([wrapping.update(contentKey), wrapping.final()]);
  const spki = new DerReader(ephemeral.publicKey.export({ type: 'spki', format: 'der' })).enter();
  spki.skip();
  const originator = encodeExplicit(
    0,
    encodeExplicit(1, encodeSequence(encodeOid(oids.ecPublicKey)), spki.element(tag.bitString)),
  );
  const entry = encodeSequence(encodeIssuerAndSerial(certificate), encodeOctetString(encryptedKey));
  return encodeExplicit(
    1,
    encodeInteger(3),
    originator,
    encodeSequence(encodeOid(kdf), wrapAlgorithm),
    encodeSequence(entry),
  );
}

/** The X9.63 key derivation over ECC-CMS-SharedInfo (RFC 5753 section 7.2). */
function deriveKey(
  hash: DigestName,
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
