/** PKCS#12 files put together piece by piece: what no program of ours writes, and what none should. */
import { createCipheriv, createHmac } from 'node:crypto';
import {
  encodeExplicit,
  encodeImplicit,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from '../src/asn1/der.ts';
import { oids } from '../src/asn1/oids.ts';
import { derivePbkdf2, derivePkcs12, deriveScrypt, purpose } from '../src/pkcs12/derive.ts';

const salt = Buffer.from('salt and pepper');

/** One SafeBag (RFC 7292 4.2). */
export function bag(type: string, value: Uint8Array, attributes: readonly Uint8Array[] = []): Buffer {
  return encodeSequence(
    encodeOid(type),
    encodeExplicit(0, value),
    ...(attributes.length > 0 ? [encodeSetOf(attributes)] : []),
  );
}

export const attribute = (type: string, ...values: readonly Uint8Array[]): Buffer =>
  encodeSequence(encodeOid(type), encodeSetOf(values));

export const keyBag = (privateKey: Uint8Array, ...attributes: readonly Uint8Array[]): Buffer =>
  bag(oids.keyBag, privateKey, attributes);

export const certificateBag = (certificate: Uint8Array, ...attributes: readonly Uint8Array[]): Buffer =>
  bag(
    oids.certBag,
    encodeSequence(encodeOid(oids.x509CertificateBag), encodeExplicit(0, encodeOctetString(certificate))),
    attributes,
  );

/** The certificates or keys as they stand. */
export const plainSafe = (...bags: readonly Uint8Array[]): Buffer =>
  encodeSequence(encodeOid(oids.data), encodeExplicit(0, encodeOctetString(encodeSequence(...bags))));

/** An AlgorithmIdentifier, and what it makes of a plaintext. */
export interface Scheme {
  readonly algorithm: Buffer;
  encrypt(plaintext: Uint8Array): Buffer;
}

/** EncryptedData (RFC 5652 8) around SafeContents. */
export function encryptedSafe(scheme: Scheme, contents: Uint8Array): Buffer {
  const content = encodeSequence(encodeOid(oids.data), scheme.algorithm, encodeImplicit(0, scheme.encrypt(contents)));
  return encodeSequence(encodeOid(oids.encryptedData), encodeExplicit(0, encodeSequence(encodeInteger(0), content)));
}

export const shroudedKeyBag = (scheme: Scheme, privateKey: Uint8Array, ...attributes: readonly Uint8Array[]): Buffer =>
  bag(oids.shroudedKeyBag, encodeSequence(scheme.algorithm, encodeOctetString(scheme.encrypt(privateKey))), attributes);

/** A PFX without MAC. */
export const pfx = (...safes: readonly Uint8Array[]): Buffer => pfxWith(encodeSequence(...safes));

/** A PFX with a MAC of RFC 7292. */
export async function pfxWithMac(octets: Uint8Array, safes: readonly Uint8Array[], iterations = 2): Promise<Buffer> {
  const content = encodeSequence(...safes);
  const key = await derivePkcs12(octets, salt, iterations, 32, purpose.mac, 'sha256');
  const mac = createHmac('sha256', key).update(content).digest();
  const info = encodeSequence(encodeSequence(encodeOid(oids.sha256), encodeNull), encodeOctetString(mac));
  return pfxWith(content, encodeSequence(info, encodeOctetString(salt), encodeInteger(iterations)));
}

/** A PFX with PBMAC1 (RFC 9879), its key of a length to choose, which may go unsaid. */
export async function pfxWithPbmac1(
  password: string,
  safes: readonly Uint8Array[],
  { keyLength, unsaid = false }: { readonly keyLength: number; readonly unsaid?: boolean },
): Promise<Buffer> {
  const content = encodeSequence(...safes);
  const hmac = encodeSequence(encodeOid(oids.hmacSha256), encodeNull);
  const derivation = encodeSequence(
    encodeOid(oids.pbkdf2),
    encodeSequence(encodeOctetString(salt), encodeInteger(2), ...(unsaid ? [] : [encodeInteger(keyLength)]), hmac),
  );
  const key = await derivePbkdf2(Buffer.from(password), salt, 2, keyLength, 'sha256');
  const mac = createHmac('sha256', key).update(content).digest();
  const algorithm = encodeSequence(encodeOid(oids.pbmac1), encodeSequence(derivation, hmac));
  const info = encodeSequence(algorithm, encodeOctetString(mac));
  return pfxWith(content, encodeSequence(info, encodeOctetString(Buffer.from('NOT USED')), encodeInteger(1)));
}

export const pfxWith = (content: Uint8Array, ...macData: readonly Uint8Array[]): Buffer =>
  encodeSequence(
    encodeInteger(3),
    encodeSequence(encodeOid(oids.data), encodeExplicit(0, encodeOctetString(content))),
    ...macData,
  );

/** PBE-SHA1-3DES (RFC 7292 Appendix C). */
export async function tripleDes(octets: Uint8Array, iterations = 2): Promise<Scheme> {
  const key = await derivePkcs12(octets, salt, Math.min(iterations, 2), 24, purpose.key, 'sha1');
  const iv = await derivePkcs12(octets, salt, Math.min(iterations, 2), 8, purpose.iv, 'sha1');
  return {
    algorithm: encodeSequence(
      encodeOid(oids.pbeSha1TripleDes),
      encodeSequence(encodeOctetString(salt), encodeInteger(iterations)),
    ),
    encrypt: (plaintext) => {
      const cipher = createCipheriv('des-ede3-cbc', key, iv);
      return Buffer.concat([cipher.update(plaintext), cipher.final()]);
    },
  };
}

/** PBES2 with AES-128-CBC under PBKDF2 with HMAC-SHA-1, its default. */
export async function pbes2(octets: Uint8Array, iterations = 2): Promise<Scheme> {
  const key = await derivePbkdf2(octets, salt, Math.min(iterations, 2), 16, 'sha1');
  const parameters = encodeSequence(encodeOctetString(salt), encodeInteger(iterations));
  return aes128(key, encodeSequence(encodeOid(oids.pbkdf2), parameters));
}

/** PBES2 with AES-128-CBC under scrypt (RFC 7914 7). The parameters may be said to be others than they are. */
export async function scryptScheme(
  password: string,
  said: { readonly N: number; readonly r: number; readonly p: number } = { N: 16, r: 1, p: 1 },
): Promise<Scheme> {
  const key = await deriveScrypt(Buffer.from(password), salt, { N: 16, r: 1, p: 1 }, 16);
  const parameters = encodeSequence(
    encodeOctetString(salt),
    ...[said.N, said.r, said.p, 16].map((value) => encodeInteger(value)),
  );
  return aes128(key, encodeSequence(encodeOid(oids.scrypt), parameters));
}

function aes128(key: Uint8Array, derivation: Uint8Array): Scheme {
  const iv = Buffer.alloc(16, 7);
  const cipherAlgorithm = encodeSequence(encodeOid(oids.aes128Cbc), encodeOctetString(iv));
  return {
    algorithm: encodeSequence(encodeOid(oids.pbes2), encodeSequence(derivation, cipherAlgorithm)),
    encrypt: (plaintext) => {
      const cipher = createCipheriv('aes-128-cbc', key, iv);
      return Buffer.concat([cipher.update(plaintext), cipher.final()]);
    },
  };
}

/** The same element with an indefinite length; strings cut into pieces (X.690 8.1.3.6, 8.7.3). Primitive otherwise as it is. */
export function indefinite(identifier: number, ...content: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(identifier | 0x20, 0x80), ...content, Buffer.alloc(2)]);
}
