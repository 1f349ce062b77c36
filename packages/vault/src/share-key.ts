/**
 * An officer's share key: what an officer keeps, and all that an officer keeps. Two keys come of one seed: one to which
 * shares are sealed (P-256), one with which the officer signs (Ed25519). The shares themselves, sealed to it, may lie
 * with the server, in a backup, anywhere.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { canonical, concat, fromBase64Url, sha256, toBase64Url, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import { GENERATOR, multiply, readScalar, writePoint } from './group.ts';
import { deriveSecretKey } from './hpke.ts';

export interface ShareKey {
  /** 32 octets, P-256. */
  readonly encryption: Uint8Array;
  /** 32 octets, Ed25519 seed. */
  readonly signing: Uint8Array;
  readonly publicKeys: SharePublicKeys;
}

/** As they stand in documents. */
export interface SharePublicKeys {
  /** P-256 point, 65 octets, base64url. */
  readonly encryption: string;
  /** Ed25519, 32 octets, base64url. */
  readonly signing: string;
}

/** A seed for a share key that a file will hold. 32 octets. */
export function newSeed(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}

/**
 * The seed that a passkey gives by its PRF extension, the same each time: nothing needs to be kept.
 * @param output of the PRF, 32 octets @param holder whose it is: one passkey gives other seeds to others
 */
export function seedFromPasskey(output: Uint8Array, holder: string): Uint8Array {
  if (output.length !== 32) throw new VaultError('malformed', 'A passkey gives 32 octets.');
  return hkdf(sha256, output, utf8(holder), utf8('chancery share key, passkey, v1'), 32);
}

/** What an officer's authenticator is asked for: the same for everyone, since its answer is of that passkey alone. */
export const PRF_INPUT = sha256(utf8('chancery share key, passkey, v1'));

/** The keys of a seed. The caller zeroes the seed, and `forgetShareKey` the rest. */
export function deriveShareKey(seed: Uint8Array): ShareKey {
  if (seed.length !== 32) throw new VaultError('malformed', 'A seed has 32 octets.');
  const material = hkdf(sha256, seed, undefined, utf8('chancery share key, encryption, v1'), 32);
  const encryption = deriveSecretKey(material);
  material.fill(0);
  const signing = hkdf(sha256, seed, undefined, utf8('chancery share key, signing, v1'), 32);
  const publicKeys = {
    encryption: toBase64Url(writePoint(multiply(GENERATOR, readScalar(encryption)))),
    signing: toBase64Url(ed25519.getPublicKey(signing)),
  };
  return { encryption, signing, publicKeys };
}

export function forgetShareKey({ encryption, signing }: ShareKey): void {
  encryption.fill(0);
  signing.fill(0);
}

/**
 * An officer's signature (Ed25519, RFC 8032) over a document, base64url.
 * @param purpose what the signature says; one made for another purpose is none
 */
export function signDocument(key: ShareKey, purpose: string, document: unknown): string {
  return toBase64Url(ed25519.sign(signed(purpose, document), key.signing));
}

/** @param signingKey of the officer, base64url */
export function isSignedBy(signingKey: string, signature: string, purpose: string, document: unknown): boolean {
  try {
    // Strictly RFC 8032: a key or a point of small order, which would sign anything, does not count.
    return ed25519.verify(fromBase64Url(signature), signed(purpose, document), fromBase64Url(signingKey), {
      zip215: false,
    });
  } catch {
    return false;
  }
}

function signed(purpose: string, document: unknown): Uint8Array {
  return concat(utf8(`chancery ${purpose} v1\n`), canonical(document));
}
