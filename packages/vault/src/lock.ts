/**
 * The vault lock: the key that wraps a record's data key comes of two halves. `a` is for the key store (a token) to wrap; `b`
 * is sealed to the vault key here. Neither half says anything of the key.
 */
import { hkdf } from '@noble/hashes/hkdf.js';
import { canonical, concat, fromBase64Url, sha256, toBase64Url, utf8 } from './encoding.ts';
import { VaultError } from './errors.ts';
import { type Point, randomScalar } from './group.ts';
import { openWithPoint, seal } from './hpke.ts';
import { type PointOwner, proveOwnership } from './ownership.ts';

/** What half `b` is bound to. */
export interface LockBinding {
  readonly recordId: string;
  readonly vaultId: string;
}

/** Half `b`, sealed to the vault key. */
export interface SealedHalf {
  /** 65 octets, base64url: what officers multiply. */
  readonly encapsulation: string;
  /** 48 octets, base64url. */
  readonly ciphertext: string;
}

/** A half of a lock's key: 32 octets at random. */
export function newHalf(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}

/** HKDF-SHA-256(a || b, info = the record's id): 32 octets. */
export function lockKey(a: Uint8Array, b: Uint8Array, recordId: string): Uint8Array {
  if (a.length !== 32 || b.length !== 32) throw new VaultError('malformed', 'A half has 32 octets.');
  const both = concat(a, b);
  try {
    return hkdf(sha256, both, undefined, utf8(`chancery lock key v2 ${recordId}`), 32);
  } finally {
    both.fill(0);
  }
}

/** @param publicKey the vault's, 65 octets */
export async function sealHalf(publicKey: Uint8Array, b: Uint8Array, binding: LockBinding): Promise<SealedHalf> {
  const { encapsulation, ciphertext } = await seal(publicKey, b, contextOf(binding));
  return { encapsulation: toBase64Url(encapsulation), ciphertext: toBase64Url(ciphertext) };
}

/** The same for a record of a person: with the proof whose point it is (`isOwnedBy`), 64 octets, base64url. */
export async function sealOwnedHalf(
  publicKey: Uint8Array,
  b: Uint8Array,
  owner: PointOwner,
): Promise<SealedHalf & { readonly ownership: string }> {
  const ephemeral = randomScalar();
  try {
    const { encapsulation, ciphertext } = await seal(publicKey, b, contextOf(owner), ephemeral);
    return {
      encapsulation: toBase64Url(encapsulation),
      ciphertext: toBase64Url(ciphertext),
      ownership: proveOwnership(ephemeral, encapsulation, owner),
    };
  } finally {
    ephemeral.fill(0);
  }
}

/** @param point of this record, out of `combinePartials` @throws VaultError `cannot-open` */
export function openHalf(
  point: Point,
  publicKey: Uint8Array,
  sealed: SealedHalf,
  binding: LockBinding,
): Promise<Uint8Array> {
  const message = {
    encapsulation: fromBase64Url(sealed.encapsulation),
    ciphertext: fromBase64Url(sealed.ciphertext),
  };
  return openWithPoint(point, publicKey, message, contextOf(binding));
}

const contextOf = ({ recordId, vaultId }: LockBinding) => ({
  info: utf8('chancery vault lock v2'),
  aad: canonical({ recordId, vaultId }),
});
