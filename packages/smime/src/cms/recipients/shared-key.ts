/** KEKRecipientInfo: a content key under a key that both sides have already (RFC 5652 section 6.2.3). */
import {
  type DerReader,
  encodeExplicit,
  encodeInteger,
  encodeOctetString,
  encodeSequence,
  tag,
} from '../../asn1/der.ts';
import { SmimeError } from '../../errors.ts';
import type { Unwrap } from './attempt.ts';
import { aesWrapAlgorithm, keyWrapOf, wrapWithAes } from './key-wrap.ts';

export interface SharedKeyRecipient {
  readonly kind: 'shared-key';
  /** Octets by which both sides know the key. */
  readonly keyIdentifier: Buffer;
  /** DER AlgorithmIdentifier. */
  readonly algorithm: Buffer;
  readonly encryptedKey: Buffer;
}

/** A key-encryption key that sender and recipient share, and the octets by which they name it. */
export interface SharedKey {
  /** 16, 24 or 32 octets for AES. */
  readonly keyEncryptionKey: Uint8Array;
  readonly identifier: Uint8Array;
}

/** @param tagged stands inside the KEKRecipientInfo */
export function readSharedKey(tagged: DerReader): SharedKeyRecipient {
  // Old Bouncy Castle tagged it explicitly.
  const info = tagged.enterIf(tag.sequence) ?? tagged;
  info.smallInteger();
  // KEKIdentifier: a date and an attribute of anybody's may follow.
  const keyIdentifier = info.enter().octetString();
  const algorithm = info.element(tag.sequence);
  const encryptedKey = info.octetString();
  info.finish('the KEKRecipientInfo');
  return { kind: 'shared-key', keyIdentifier, algorithm, encryptedKey };
}

/** Throws as `keyWrapOf` does. */
export function openShared(recipient: SharedKeyRecipient, keyEncryptionKey: Uint8Array, legacy: boolean): Unwrap {
  const wrap = keyWrapOf(recipient.algorithm, legacy);
  return async () => wrap.unwrap(keyEncryptionKey, recipient.encryptedKey);
}

export function makeSharedKey({ keyEncryptionKey, identifier }: SharedKey, contentKey: Uint8Array): Buffer {
  const { length } = keyEncryptionKey;
  if (length !== 16 && length !== 24 && length !== 32)
    throw new SmimeError('invalid-argument', 'a key-encryption key has 16, 24 or 32 octets');
  return encodeExplicit(
    2,
    encodeInteger(4),
    encodeSequence(encodeOctetString(identifier)),
    aesWrapAlgorithm(length),
    encodeOctetString(wrapWithAes(keyEncryptionKey, contentKey)),
  );
}
