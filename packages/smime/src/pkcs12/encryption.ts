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
import { decryptRc2Cbc } from '../keys/rc2.ts';
import { DerivationBudget, derivePbkdf2, derivePkcs12, deriveScrypt, purpose } from './derive.ts';
import { hmacDigest } from './digests.ts';
import { bmpPassword, type PasswordForms } from './password.ts';

/**
 * How a PKCS#12 file is written. `modern`: PBES2 with AES-256-CBC and HMAC-SHA-256. `pbmac1`: the same with the MAC of RFC 9879,
 * which recent OpenSSL and NSS read, but not OpenSSL 3.0, NSS 3.87, Java 17 and GnuTLS 3.7. `compat`: 3DES and SHA-1, for old
 * Apple systems, Windows Server 2016 and GnuPG.
 */
export type Pkcs12Profile = 'modern' | 'pbmac1' | 'compat';

/**
 * Rounds when writing. The passwords that Chancery makes are random, so the rounds only have to make a weak password of a person's
 * own choice dearer; what a phone of 2014 must run through stays small.
 */
export const profileIterations: Readonly<Record<Pkcs12Profile, number>> = {
  modern: 100_000,
  pbmac1: 100_000,
  compat: 10_000,
};

/**
 * Decrypts by the DER AlgorithmIdentifier, with each form of the password until one fits. Undefined where none does.
 * Throws `unsupported` and `limit-exceeded`.
 * @param fits says of a plaintext whose padding is right whether it can be what was encrypted
 */
export async function decryptWithPassword(
  algorithm: Uint8Array,
  ciphertext: Uint8Array,
  password: PasswordForms,
  budget: DerivationBudget,
  fits: (plaintext: Buffer) => boolean,
): Promise<Buffer | undefined> {
  const open = readAlgorithm(algorithm, budget);
  for (const octets of password[open.forms]) {
    const plaintext = await open.decrypt(octets, ciphertext);
    if (plaintext && fits(plaintext)) return plaintext;
  }
  return undefined;
}

/** Encrypts for a profile. Returns the DER AlgorithmIdentifier and the ciphertext. */
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
  const key = await derivePbkdf2Key(password, salt, iterations, 32);
  const scheme = encodeSequence(encodeOid(oids.aes256Cbc), encodeOctetString(iv));
  return {
    algorithm: encodeSequence(encodeOid(oids.pbes2), encodeSequence(derivationAlgorithm(salt, iterations), scheme)),
    ciphertext: encrypt('aes-256-cbc', key, iv, plaintext),
  };
}

/** What is written: PBKDF2 with HMAC-SHA-256, and its DER AlgorithmIdentifier. */
export const derivePbkdf2Key = (password: string, salt: Uint8Array, iterations: number, length: number) =>
  derivePbkdf2(Buffer.from(password, 'utf8'), salt, iterations, length, 'sha256');

export function derivationAlgorithm(salt: Uint8Array, iterations: number, length?: number): Buffer {
  return encodeSequence(
    encodeOid(oids.pbkdf2),
    encodeSequence(
      encodeOctetString(salt),
      encodeInteger(iterations),
      ...(length === undefined ? [] : [encodeInteger(length)]),
      encodeSequence(encodeOid(oids.hmacSha256), encodeNull),
    ),
  );
}

/**
 * A key by the DER AlgorithmIdentifier of PBKDF2 or scrypt. Throws `unsupported` for another function.
 * @param length octets; undefined where the algorithm itself has to say
 */
export async function deriveByAlgorithm(
  algorithm: Uint8Array,
  password: Uint8Array,
  length: number | undefined,
  budget: DerivationBudget = new DerivationBudget(),
): Promise<Buffer> {
  const reader = new DerReader(algorithm).enter();
  const id = reader.oid();
  if (id !== oids.pbkdf2 && id !== oids.scrypt)
    throw new SmimeError('unsupported', `the key derivation ${id} is not implemented`);
  const parameters = reader.enter();
  const salt = parameters.octetString();
  const counts = [parameters.smallInteger()];
  if (id === oids.scrypt) counts.push(parameters.smallInteger(), parameters.smallInteger());
  const stated = parameters.peek() === tag.integer ? parameters.smallInteger() : undefined;
  const wanted = length ?? stated;
  if (wanted === undefined || wanted < 1 || wanted > 1_024 || (stated !== undefined && stated !== wanted))
    throw new SmimeError('unexpected-structure', 'the key derivation names a key length that does not fit');
  const [cost = 0, r = 0, p = 0] = counts;
  if (id === oids.scrypt) return deriveScrypt(password, salt, { N: cost, r, p }, wanted, budget);
  const digest = parameters.atEnd ? 'sha1' : hmacDigest(parameters.enter().oid());
  return derivePbkdf2(password, salt, cost, wanted, digest, budget);
}

interface Opener {
  /** Which forms of the password the scheme takes. */
  readonly forms: keyof PasswordForms;
  /** Undefined where the padding shows a wrong key. */
  decrypt(password: Uint8Array, ciphertext: Uint8Array): Promise<Buffer | undefined>;
}

function readAlgorithm(algorithm: Uint8Array, budget: DerivationBudget): Opener {
  const reader = new DerReader(algorithm).enter();
  const id = reader.oid();
  if (id === oids.pbes2) return readPbes2(reader.enter(), budget);
  const scheme = Object.hasOwn(pkcs12Schemes, id) ? pkcs12Schemes[id] : undefined;
  if (!scheme) throw new SmimeError('unsupported', `the password-based encryption ${id} is not implemented`);
  const parameters = reader.enter();
  const salt = parameters.octetString();
  const iterations = parameters.smallInteger();
  return {
    forms: 'pkcs12',
    decrypt: async (password, ciphertext) => {
      const key = await derivePkcs12(password, salt, iterations, scheme.keyLength, purpose.key, 'sha1', budget);
      const iv = await derivePkcs12(password, salt, iterations, 8, purpose.iv, 'sha1', budget);
      if (scheme.cipher === 'rc2') return decryptRc2Cbc(key, scheme.keyLength * 8, iv, ciphertext);
      return decrypt(
        'des-ede3-cbc',
        scheme.keyLength === 16 ? Buffer.concat([key, key.subarray(0, 8)]) : key,
        iv,
        ciphertext,
      );
    },
  };
}

function readPbes2(reader: DerReader, budget: DerivationBudget): Opener {
  const derivation = reader.element(tag.sequence);
  const scheme = reader.enter();
  const id = scheme.oid();
  const cipher = Object.hasOwn(pbes2Ciphers, id) ? pbes2Ciphers[id] : undefined;
  if (!cipher) throw new SmimeError('unsupported', `the cipher ${id} is not implemented for password-based encryption`);
  const iv = scheme.octetString();
  return {
    forms: 'pkcs5',
    decrypt: async (password, ciphertext) => {
      const key = await deriveByAlgorithm(derivation, password, cipher.keyLength, budget);
      return decrypt(cipher.cipher, key, iv, ciphertext);
    },
  };
}

/** RC4 (PBE-SHA1-RC4) is left out: no program writes it unless told to, and no file that we know of has it. */
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
