/** Password-based encryption as PKCS#12 uses it: PBES2 (RFC 8018) and the 3DES and RC2 schemes of RFC 7292 Appendix C. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  DerReader,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { type DigestName, digestOfOid } from '../keys/algorithms.ts';
import { bmpPassword, derivePbkdf2, derivePkcs12, purpose } from './derive.ts';
import { decryptRc2Cbc } from './rc2.ts';

/** A password in the two forms that the schemes take: text for PBES2 (as UTF-8), octets for PKCS#12's own functions. */
export interface Pkcs12Password {
  readonly text: string;
  readonly octets: Uint8Array;
}

/** How a PKCS#12 file is written: `modern`, or `compat` for old programs. */
export type Pkcs12Profile = 'modern' | 'compat';

/** Decrypts by the DER AlgorithmIdentifier. Undefined where the padding shows a wrong key. Throws `unsupported`. */
export async function decryptWithPassword(
  algorithm: Uint8Array,
  ciphertext: Uint8Array,
  password: Pkcs12Password,
): Promise<Buffer | undefined> {
  const reader = new DerReader(algorithm).enter();
  const id = reader.oid();
  if (id === oids.pbes2) return decryptPbes2(reader.enter(), ciphertext, password.text);
  const scheme = pkcs12Schemes[id];
  if (!scheme) throw new SmimeError('unsupported', `the password-based encryption ${id} is not implemented`);
  const parameters = reader.enter();
  const salt = parameters.octetString();
  const iterations = parameters.smallInteger();
  const { octets } = password;
  const key = await derivePkcs12(octets, salt, iterations, scheme.keyLength, purpose.key, 'sha1');
  const iv = await derivePkcs12(octets, salt, iterations, 8, purpose.iv, 'sha1');
  if (scheme.cipher === 'rc2') return decryptRc2Cbc(key, scheme.keyLength * 8, iv, ciphertext);
  return decrypt(
    'des-ede3-cbc',
    scheme.keyLength === 16 ? Buffer.concat([key, key.subarray(0, 8)]) : key,
    iv,
    ciphertext,
  );
}

/** Encrypts for a profile: `modern` is PBES2 with AES-256-CBC, `compat` 3DES. Returns the DER AlgorithmIdentifier and the ciphertext. */
export async function encryptWithPassword(
  plaintext: Uint8Array,
  password: string,
  profile: Pkcs12Profile,
): Promise<{ algorithm: Buffer; ciphertext: Buffer }> {
  const salt = randomBytes(16);
  const iterations = profileIterations[profile];
  if (profile === 'compat') {
    const octets = bmpPassword(password);
    const key = await derivePkcs12(octets, salt, iterations, 24, purpose.key, 'sha1');
    const iv = await derivePkcs12(octets, salt, iterations, 8, purpose.iv, 'sha1');
    const parameters = encodeSequence(encodeOctetString(salt), encodeInteger(iterations));
    return {
      algorithm: encodeSequence(encodeOid(oids.pbeSha1TripleDes), parameters),
      ciphertext: encrypt('des-ede3-cbc', key, iv, plaintext),
    };
  }
  const iv = randomBytes(16);
  const key = await derivePbkdf2(password, salt, iterations, 32, 'sha256');
  const derivation = encodeSequence(
    encodeOid(oids.pbkdf2),
    encodeSequence(
      encodeOctetString(salt),
      encodeInteger(iterations),
      encodeSequence(encodeOid(oids.hmacSha256), encodeNull),
    ),
  );
  const scheme = encodeSequence(encodeOid(oids.aes256Cbc), encodeOctetString(iv));
  return {
    algorithm: encodeSequence(encodeOid(oids.pbes2), encodeSequence(derivation, scheme)),
    ciphertext: encrypt('aes-256-cbc', key, iv, plaintext),
  };
}

/**
 * Rounds when writing. The passwords that Chancery makes are random, so the rounds only have to make a weak password of a person's
 * own choice dearer; what a phone of 2014 must run through stays small.
 */
export const profileIterations: Readonly<Record<Pkcs12Profile, number>> = { modern: 100_000, compat: 10_000 };

const pkcs12Schemes: Readonly<Record<string, { cipher: '3des' | 'rc2'; keyLength: number }>> = {
  [oids.pbeSha1TripleDes]: { cipher: '3des', keyLength: 24 },
  [oids.pbeSha1TwoKeyTripleDes]: { cipher: '3des', keyLength: 16 },
  [oids.pbeSha1Rc2128]: { cipher: 'rc2', keyLength: 16 },
  [oids.pbeSha1Rc240]: { cipher: 'rc2', keyLength: 5 },
};

const pbes2Ciphers: Readonly<Record<string, { cipher: string; keyLength: number }>> = {
  [oids.aes128Cbc]: { cipher: 'aes-128-cbc', keyLength: 16 },
  [oids.aes192Cbc]: { cipher: 'aes-192-cbc', keyLength: 24 },
  [oids.aes256Cbc]: { cipher: 'aes-256-cbc', keyLength: 32 },
  [oids.desEde3Cbc]: { cipher: 'des-ede3-cbc', keyLength: 24 },
};

async function decryptPbes2(reader: DerReader, ciphertext: Uint8Array, password: string): Promise<Buffer | undefined> {
  const derivation = reader.element(tag.sequence);
  const scheme = reader.enter();
  const id = scheme.oid();
  const cipher = pbes2Ciphers[id];
  if (!cipher) throw new SmimeError('unsupported', `the cipher ${id} is not implemented for password-based encryption`);
  const key = await deriveByPbkdf2(derivation, password, cipher.keyLength);
  return decrypt(cipher.cipher, key, scheme.octetString(), ciphertext);
}

/** A key by the DER AlgorithmIdentifier of PBKDF2. Also for PBMAC1. Throws `unsupported` for another function. */
export async function deriveByPbkdf2(algorithm: Uint8Array, password: string, length?: number): Promise<Buffer> {
  const reader = new DerReader(algorithm).enter();
  const id = reader.oid();
  if (id !== oids.pbkdf2) throw new SmimeError('unsupported', `the key derivation ${id} is not implemented`);
  const parameters = reader.enter();
  const salt = parameters.octetString();
  const iterations = parameters.smallInteger();
  const stated = parameters.peek() === tag.integer ? parameters.smallInteger() : undefined;
  const prf = parameters.atEnd ? 'sha1' : hmacDigest(parameters.enter().oid());
  const wanted = length ?? stated;
  if (wanted === undefined || wanted < 1 || wanted > 1_024 || (stated !== undefined && stated !== wanted)) {
    throw new SmimeError('unexpected-structure', 'the key derivation names a key length that does not fit');
  }
  return derivePbkdf2(password, salt, iterations, wanted, prf);
}

const hmacs: Readonly<Record<string, DigestName>> = {
  [oids.hmacSha1]: 'sha1',
  [oids.hmacSha224]: 'sha224',
  [oids.hmacSha256]: 'sha256',
  [oids.hmacSha384]: 'sha384',
  [oids.hmacSha512]: 'sha512',
};

export function hmacDigest(id: string): DigestName {
  const digest = hmacs[id] ?? digestOfOid(id);
  if (!digest) throw new SmimeError('unsupported', `the HMAC ${id} is not implemented`);
  return digest;
}

function encrypt(cipher: string, key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Buffer {
  const stream = createCipheriv(cipher, key, iv);
  return Buffer.concat([stream.update(plaintext), stream.final()]);
}

function decrypt(cipher: string, key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Buffer | undefined {
  try {
    const stream = createDecipheriv(cipher, key, iv);
    return Buffer.concat([stream.update(ciphertext), stream.final()]);
  } catch {
    // A wrong key shows as bad padding; an IV of the wrong length is no better.
    return undefined;
  }
}
