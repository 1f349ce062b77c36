/**
 * A content key wrapped under another key: AES key wrap (RFC 3394, RFC 3565). That with padding (RFC 5649) and that of Triple DES
 * (RFC 3217) are only read.
 */
import { type Cipheriv, createCipheriv, createDecipheriv, createSecretKey, type Decipheriv } from 'node:crypto';
import { DerReader, encodeOid, encodeSequence } from '../../asn1/der.ts';
import { oids } from '../../asn1/oids.ts';
import { SmimeError } from '../../errors.ts';
import { legacyAlgorithm } from '../legacy.ts';

export interface KeyWrap {
  /** Its AlgorithmIdentifier in DER, which keys are derived from, however long the message wrote its lengths. */
  readonly algorithm: Buffer;
  /** Octets of the key-encryption key. */
  readonly keyLength: number;
  /** Throws where the wrap does not open. */
  unwrap(keyEncryptionKey: Uint8Array, wrapped: Uint8Array): Buffer;
}

/**
 * The wrap that an AlgorithmIdentifier names. Throws `SmimeError` `unsupported` for others, and `legacy-algorithm` for Triple
 * DES where it was not asked for.
 */
export function keyWrapOf(algorithm: Uint8Array, legacy: boolean): KeyWrap {
  const identifier = new DerReader(algorithm).enter();
  const oid = identifier.oid();
  if (oid === oids.threeDesWrap && !legacy) throw legacyAlgorithm('the key wrap is that of Triple DES');
  const wrap = wraps.get(oid);
  if (wrap === undefined) throw new SmimeError('unsupported', `the key wrap ${oid} is not implemented`);
  const { cipher, keyLength, iv } = wrap;
  return {
    algorithm: encodeSequence(encodeOid(oid), ...(identifier.atEnd ? [] : [identifier.element()])),
    keyLength,
    unwrap: (keyEncryptionKey, wrapped) => {
      // node:crypto makes nothing of nothing, and no error.
      if (wrapped.length < 16) throw new RangeError('a wrapped key has two blocks or more');
      const decipher = createDecipheriv(cipher, createSecretKey(keyEncryptionKey), iv);
      return complete(decipher, wrapped);
    },
  };
}

/** RFC 3394 2.2.3.1. */
const aesIv = Buffer.alloc(8, 0xa6);
/** RFC 5649 3. */
const paddedIv = Buffer.from('a65959a6', 'hex');

/** node:crypto's names. */
const wraps = new Map<string, { cipher: string; keyLength: number; iv: Buffer | null }>([
  [oids.aes128Wrap, { cipher: 'id-aes128-wrap', keyLength: 16, iv: aesIv }],
  [oids.aes192Wrap, { cipher: 'id-aes192-wrap', keyLength: 24, iv: aesIv }],
  [oids.aes256Wrap, { cipher: 'id-aes256-wrap', keyLength: 32, iv: aesIv }],
  [oids.aes128WrapPad, { cipher: 'id-aes128-wrap-pad', keyLength: 16, iv: paddedIv }],
  [oids.aes192WrapPad, { cipher: 'id-aes192-wrap-pad', keyLength: 24, iv: paddedIv }],
  [oids.aes256WrapPad, { cipher: 'id-aes256-wrap-pad', keyLength: 32, iv: paddedIv }],
  [oids.threeDesWrap, { cipher: 'des3-wrap', keyLength: 24, iv: null }],
]);

const written: Readonly<Record<16 | 24 | 32, Buffer>> = {
  16: encodeSequence(encodeOid(oids.aes128Wrap)),
  24: encodeSequence(encodeOid(oids.aes192Wrap)),
  32: encodeSequence(encodeOid(oids.aes256Wrap)),
};

/** DER AlgorithmIdentifier of the AES key wrap for a key-encryption key of that many octets; parameters absent (RFC 3565 2.3.2). */
export function aesWrapAlgorithm(keyLength: 16 | 24 | 32): Uint8Array {
  return written[keyLength];
}

/** @param keyEncryptionKey 16, 24 or 32 octets */
export function wrapWithAes(keyEncryptionKey: Uint8Array, contentKey: Uint8Array): Buffer {
  const cipher = createCipheriv(`id-aes${keyEncryptionKey.length * 8}-wrap`, createSecretKey(keyEncryptionKey), aesIv);
  return complete(cipher, contentKey);
}

/** A wrap is made in one piece; what would follow it is joined only where there is any. */
function complete(wrapping: Cipheriv | Decipheriv, octets: Uint8Array): Buffer {
  const made = wrapping.update(octets);
  const last = wrapping.final();
  return last.length === 0 ? made : Buffer.concat([made, last]);
}
