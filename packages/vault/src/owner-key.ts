/**
 * The owner lock: a record's data key, sealed to a key pair that its owner's passkey gives by its PRF extension, the same each
 * time. The server has the public half only, so it can lock every later key to its owner and open none.
 */
import { hkdf } from '@noble/hashes/hkdf.js';
import { canonical, concat, fromBase64Url, sha256, toBase64Url, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import { GENERATOR, multiply, readPoint, readScalar, writePoint } from './group.ts';
import { deriveSecretKey, open, seal } from './hpke.ts';

export interface OwnerKey {
  /** 32 octets, P-256. */
  readonly secretKey: Uint8Array;
  /** 65 octets, base64url: what the server is told. */
  readonly publicKey: string;
}

/** What an owner lock is bound to: it opens as the lock of this record, of this person, and as no other. */
export interface OwnerLockBinding {
  readonly recordId: string;
  readonly personId: string;
}

/** What an owner's authenticator is asked for: another question than for an officer's share key, so another answer. */
export const OWNER_PRF_INPUT = sha256(utf8('chancery owner key, passkey, v1'));

/** @param output of the PRF, 32 octets; the caller zeroes it @param personId whose it is: one passkey gives other keys to others */
export function deriveOwnerKey(output: Uint8Array, personId: string): OwnerKey {
  if (output.length !== 32) throw new VaultError('malformed', 'A passkey gives 32 octets.');
  const material = hkdf(sha256, output, utf8(personId), utf8('chancery owner key, passkey, v1'), 32);
  const secretKey = deriveSecretKey(material);
  material.fill(0);
  return { secretKey, publicKey: toBase64Url(writePoint(multiply(GENERATOR, readScalar(secretKey)))) };
}

/** @throws VaultError `malformed` for what is no P-256 point in 65 octets, base64url */
export function checkOwnerPublicKey(publicKey: string): void {
  readPoint(fromBase64Url(publicKey));
}

/** Version (1 octet, 1), encapsulation (65), sealed data key (48). @param publicKey of the owner, base64url @param dek 32 octets */
export async function sealOwnerLock(
  publicKey: string,
  dek: Uint8Array,
  binding: OwnerLockBinding,
): Promise<Uint8Array> {
  if (dek.length !== 32) throw new VaultError('malformed', 'A data key has 32 octets.');
  const { encapsulation, ciphertext } = await seal(fromBase64Url(publicKey), dek, contextOf(binding));
  return concat(Uint8Array.of(VERSION), encapsulation, ciphertext);
}

/** The data key, 32 octets; the caller zeroes it. @throws VaultError `cannot-open`, `malformed` */
export function openOwnerLock(key: OwnerKey, wrapped: Uint8Array, binding: OwnerLockBinding): Promise<Uint8Array> {
  if (wrapped.length !== OWNER_LOCK_LENGTH || wrapped[0] !== VERSION) {
    throw new VaultError('malformed', 'This is not an owner lock.');
  }
  const message = { encapsulation: wrapped.subarray(1, END_OF_POINT), ciphertext: wrapped.subarray(END_OF_POINT) };
  return open(key.secretKey, fromBase64Url(key.publicKey), message, contextOf(binding));
}

const VERSION = 1;
const END_OF_POINT = 1 + 65;
/** Octets. */
export const OWNER_LOCK_LENGTH = END_OF_POINT + 32 + 16;

const contextOf = ({ recordId, personId }: OwnerLockBinding) => ({
  info: utf8('chancery owner lock v1'),
  aad: canonical({ recordId, personId }),
});
