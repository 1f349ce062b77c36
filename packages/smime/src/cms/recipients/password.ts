/** PasswordRecipientInfo: a content key under a key that comes from a password (RFC 5652 section 6.2.4, PWRI-KEK of RFC 3211). */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  contextConstructed,
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
import { limits } from '../../limits.ts';
import { derivePbkdf2 } from '../../pkcs12/derive.ts';
import { hmacDigest, type PasswordDigest } from '../../pkcs12/digests.ts';
import { legacyAlgorithm } from '../legacy.ts';
import type { OpeningContext, Unwrap } from './attempt.ts';

export interface PasswordRecipient {
  readonly kind: 'password';
  /** The AlgorithmIdentifier under its `[0]`; absent where the key comes from elsewhere. */
  readonly derivation: Buffer | undefined;
  /** DER AlgorithmIdentifier. */
  readonly algorithm: Buffer;
  readonly encryptedKey: Buffer;
}

/** A password that sender and recipient share. */
export interface Password {
  /** Its octets are those of UTF-8. */
  readonly password: string;
}

/** @param info stands inside the PasswordRecipientInfo */
export function readPassword(info: DerReader): PasswordRecipient {
  info.smallInteger();
  const derivation = info.peek() === contextConstructed(0) ? info.element() : undefined;
  const algorithm = info.element(tag.sequence);
  const encryptedKey = info.octetString();
  info.finish('the PasswordRecipientInfo');
  return { kind: 'password', derivation, algorithm, encryptedKey };
}

/** Throws `SmimeError` `unsupported` for other functions than PBKDF2 and PWRI-KEK, and `legacy-algorithm` for Triple DES. */
export function openWithPassword(
  recipient: PasswordRecipient,
  { password }: Password,
  context: OpeningContext,
): Unwrap {
  const cipher = readKeyEncryption(recipient.algorithm, context.legacy);
  const { salt, iterations, keyLength, digest } = readDerivation(recipient.derivation);
  if (keyLength !== undefined && keyLength !== cipher.keyLength)
    throw new SmimeError('unsupported', 'the password gives a key that does not fit its cipher');
  return async () => {
    const octets = Buffer.from(password, 'utf8');
    const key = await derivePbkdf2(octets, salt, iterations, cipher.keyLength, digest, context.budget);
    return unwrapTwice(cipher, key, recipient.encryptedKey);
  };
}

const saltOctets = 16;

/** PBKDF2 with HMAC-SHA-256 and AES-256. @param iterations at most as many as are read */
export async function makePassword(
  { password }: Password,
  iterations: number,
  contentKey: Uint8Array,
): Promise<Buffer> {
  if (!Number.isSafeInteger(iterations) || iterations < 1 || iterations > limits.passwordIterations)
    throw new SmimeError('invalid-argument', `from 1 to ${limits.passwordIterations} iterations can be asked for`);
  const salt = randomBytes(saltOctets);
  const cipher = { name: 'aes-256-cbc', keyLength: 32, iv: randomBytes(16) };
  const key = await derivePbkdf2(Buffer.from(password, 'utf8'), salt, iterations, cipher.keyLength, 'sha256');
  const derivation = encodeSequence(
    encodeOctetString(salt),
    encodeInteger(iterations),
    encodeSequence(encodeOid(oids.hmacSha256), encodeNull),
  );
  const algorithm = encodeSequence(
    encodeOid(oids.pwriKek),
    encodeSequence(encodeOid(oids.aes256Cbc), encodeOctetString(cipher.iv)),
  );
  return encodeExplicit(
    3,
    encodeInteger(0),
    encodeExplicit(0, encodeOid(oids.pbkdf2), derivation),
    algorithm,
    encodeOctetString(wrapTwice(cipher, key, contentKey)),
  );
}

interface KeyEncryption {
  /** node:crypto's. */
  readonly name: string;
  readonly keyLength: number;
  readonly iv: Buffer;
}

const ciphers = new Map<string, { name: string; keyLength: number; ivLength: number }>([
  [oids.aes128Cbc, { name: 'aes-128-cbc', keyLength: 16, ivLength: 16 }],
  [oids.aes192Cbc, { name: 'aes-192-cbc', keyLength: 24, ivLength: 16 }],
  [oids.aes256Cbc, { name: 'aes-256-cbc', keyLength: 32, ivLength: 16 }],
  [oids.desEde3Cbc, { name: 'des-ede3-cbc', keyLength: 24, ivLength: 8 }],
]);

function readKeyEncryption(der: Buffer, legacy: boolean): KeyEncryption {
  const algorithm = new DerReader(der).enter();
  const oid = algorithm.oid();
  if (oid !== oids.pwriKek) throw new SmimeError('unsupported', `the key encryption ${oid} is not implemented`);
  const inner = algorithm.enter();
  const cipherOid = inner.oid();
  const cipher = ciphers.get(cipherOid);
  if (cipher === undefined) throw new SmimeError('unsupported', `PWRI-KEK with ${cipherOid} is not implemented`);
  if (cipherOid === oids.desEde3Cbc && !legacy) throw legacyAlgorithm('the key is encrypted with Triple DES');
  const iv = inner.octetString();
  if (iv.length !== cipher.ivLength) throw inner.unexpected('an initialisation vector of the wrong length');
  return { ...cipher, iv };
}

interface Derivation {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly keyLength: number | undefined;
  readonly digest: PasswordDigest;
}

/** PBKDF2-params (RFC 8018 A.2). */
function readDerivation(element: Buffer | undefined): Derivation {
  if (element === undefined)
    throw new SmimeError('unsupported', 'a password recipient without a key derivation is not implemented');
  const algorithm = new DerReader(element).enter(contextConstructed(0));
  const oid = algorithm.oid();
  if (oid !== oids.pbkdf2) throw new SmimeError('unsupported', `the key derivation ${oid} is not implemented`);
  const parameters = algorithm.enter();
  const salt = parameters.octetString();
  const iterations = parameters.smallInteger();
  const keyLength = parameters.peek() === tag.integer ? parameters.smallInteger() : undefined;
  const digest = parameters.atEnd ? 'sha1' : hmacDigest(parameters.enter().oid());
  return { salt, iterations, keyLength, digest };
}

/**
 * RFC 3211 2.3.1: length, three octets of the key inverted, the key, and random octets up to two whole blocks or more, encrypted
 * twice in one go, so that every octet of the outcome depends on every octet of the key.
 */
function wrapTwice({ name, iv }: KeyEncryption, key: Uint8Array, contentKey: Uint8Array): Buffer {
  const block = iv.length;
  const size = Math.max(2, Math.ceil((contentKey.length + 4) / block)) * block;
  const check = contentKey.subarray(0, 3).map((octet) => octet ^ 0xff);
  const filler = randomBytes(size - contentKey.length - 4);
  const plain = Buffer.concat([Uint8Array.of(contentKey.length), check, contentKey, filler]);
  const cipher = createCipheriv(name, key, iv).setAutoPadding(false);
  return cipher.update(cipher.update(plain));
}

/** RFC 3211 2.3.2. The check octets are compared all at once; the caller hides the outcome as it hides that of any other. */
function unwrapTwice({ name, iv }: KeyEncryption, key: Uint8Array, wrapped: Buffer): Buffer {
  const block = iv.length;
  const lastBlock = wrapped.length - block;
  if (lastBlock < block || wrapped.length % block !== 0) throw new RangeError('the wrapped key has an odd length');
  const decrypt = (octets: Uint8Array, vector: Uint8Array): Buffer =>
    createDecipheriv(name, key, vector).setAutoPadding(false).update(octets);
  // The last block of the first encryption was the initialisation vector of the second.
  const vector = decrypt(wrapped.subarray(lastBlock), wrapped.subarray(lastBlock - block, lastBlock));
  const once = Buffer.concat([decrypt(wrapped.subarray(0, lastBlock), vector), vector]);
  const plain = decrypt(once, iv);
  const length = plain[0] as number;
  const contentKey = plain.subarray(4, 4 + length);
  let wrong = length > plain.length - 4 || length < 3 ? 1 : 0;
  for (let i = 0; i < 3; i++) wrong |= (plain[1 + i] as number) ^ (plain[4 + i] as number) ^ 0xff;
  if (wrong !== 0) throw new RangeError('the check octets differ');
  return contentKey;
}
