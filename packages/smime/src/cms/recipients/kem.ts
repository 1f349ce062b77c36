/** KEMRecipientInfo: a content key under a key that both sides get from ML-KEM (RFC 9629, RFC 9936). */
import { hkdfSync } from 'node:crypto';
import {
  contextConstructed,
  DerReader,
  encodeExplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  tag,
} from '../../asn1/der.ts';
import { oids } from '../../asn1/oids.ts';
import { SmimeError } from '../../errors.ts';
import { type HashName, type KeyKind, keyKindLabel, kindOfOid } from '../../keys/algorithms.ts';
import { encapsulate } from '../../keys/kem.ts';
import type { Decrypter } from '../../keys/ports.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type CertificateIdentifier, readIdentifier } from '../identifier.ts';
import type { Unwrap } from './attempt.ts';
import { aesWrapAlgorithm, keyWrapOf, wrapWithAes } from './key-wrap.ts';

export interface KemRecipient {
  readonly kind: 'kem';
  readonly identifier: CertificateIdentifier;
  /** Undefined for a KEM that is not known here. */
  readonly kem: KeyKind | undefined;
  readonly ciphertext: Buffer;
  /** Dotted object identifier of the key derivation. */
  readonly derivation: string;
  /** Octets of the key-encryption key. */
  readonly keyLength: number;
  readonly userKeyingMaterial: Buffer | undefined;
  /** AlgorithmIdentifier of the key wrap, as it stands. */
  readonly wrap: Buffer;
  readonly encryptedKey: Buffer;
}

/** @param info stands inside the KEMRecipientInfo */
export function readKem(info: DerReader): KemRecipient {
  info.smallInteger();
  const identifier = readIdentifier(info);
  const kem = kindOfOid(info.enter().oid());
  const ciphertext = info.octetString();
  const derivation = info.enter().oid();
  const keyLength = info.smallInteger();
  const userKeyingMaterial = info.enterIf(contextConstructed(0))?.octetString();
  const wrap = info.element(tag.sequence);
  const encryptedKey = info.octetString();
  info.finish('the KEMRecipientInfo');
  return { kind: 'kem', identifier, kem, ciphertext, derivation, keyLength, userKeyingMaterial, wrap, encryptedKey };
}

const derivations = new Map<string, HashName>([
  [oids.hkdfWithSha256, 'sha256'],
  [oids.hkdfWithSha384, 'sha384'],
  [oids.hkdfWithSha512, 'sha512'],
]);

/** Throws `SmimeError` `unsupported` for another KEM or key derivation, and as `keyWrapOf` does. */
export function openEncapsulated(recipient: KemRecipient, decrypter: Decrypter, legacy: boolean): Unwrap {
  const { kem, ciphertext, keyLength, userKeyingMaterial, encryptedKey } = recipient;
  const hash = derivations.get(recipient.derivation);
  const wrap = keyWrapOf(recipient.wrap, legacy);
  if (kem !== decrypter.kind)
    throw new SmimeError(
      'unsupported',
      `the recipient's key is ${keyKindLabel(decrypter.kind)}, and the message is for another`,
    );
  if (hash === undefined)
    throw new SmimeError('unsupported', `the key derivation ${recipient.derivation} is not implemented`);
  // RFC 9936 2.2.1: both must say the same.
  if (keyLength !== wrap.keyLength) throw new SmimeError('unsupported', 'the derived key does not fit the key wrap');
  return async () => {
    const shared = await decrypter.decapsulate(ciphertext);
    return wrap.unwrap(deriveKey(hash, shared, wrap.algorithm, keyLength, userKeyingMaterial), encryptedKey);
  };
}

/**
 * @param rid the recipient as the message names it
 * Throws `SmimeError` `unsupported` where Node has no ML-KEM.
 */
export function makeKem(certificate: Certificate, rid: Uint8Array, hash: HashName, contentKey: Uint8Array): Buffer {
  const kind = certificate.keyKind as KeyKind;
  const { sharedKey, ciphertext } = encapsulate(certificate.publicKey);
  // RFC 9936 2.1: AES-128 is enough for ML-KEM-512 alone, and never for a longer content key.
  const keyLength = kind === 'ml-kem-512' && contentKey.length === 16 ? 16 : 32;
  const wrap = aesWrapAlgorithm(keyLength);
  const keyEncryptionKey = deriveKey(hash, sharedKey, wrap, keyLength, undefined);
  return encodeExplicit(
    4,
    encodeOid(oids.kemRecipientInfo),
    encodeSequence(
      encodeInteger(0),
      rid,
      new DerReader(certificate.spki).enter().element(tag.sequence),
      encodeOctetString(ciphertext),
      encodeSequence(encodeOid(hkdfs[hash])),
      encodeInteger(keyLength),
      wrap,
      encodeOctetString(wrapWithAes(keyEncryptionKey, contentKey)),
    ),
  );
}

const hkdfs: Readonly<Record<HashName, string>> = {
  sha256: oids.hkdfWithSha256,
  sha384: oids.hkdfWithSha384,
  sha512: oids.hkdfWithSha512,
};

/** HKDF without a salt over CMSORIforKEMOtherInfo (RFC 9629 section 5). */
function deriveKey(
  hash: HashName,
  shared: Uint8Array,
  wrap: Uint8Array,
  keyLength: number,
  ukm: Uint8Array | undefined,
): Buffer {
  const info = encodeSequence(
    wrap,
    encodeInteger(keyLength),
    ...(ukm ? [encodeExplicit(0, encodeOctetString(ukm))] : []),
  );
  return Buffer.from(hkdfSync(hash, shared, Buffer.alloc(0), info, keyLength));
}
