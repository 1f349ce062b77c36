/** The port through which everything of ours uses private keys and key-encryption keys. What implements it decides where they live. */
import type { Decrypter, Signer } from '@chancery/smime';

/** A private key that a store can make; of ML-DSA not every store can. */
export type KeySpec = 'p256' | 'p384' | 'p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ed25519' | MlDsa;

/** FIPS 204. */
export type MlDsa = 'ml-dsa-44' | 'ml-dsa-65' | 'ml-dsa-87';

export const isMlDsa = (type: string): type is MlDsa => type.startsWith('ml-dsa-');

/** Names one key of one store, across restarts. Never reused. Only a store makes one; read it back from a database with `parseKeyReference`. */
export type KeyReference = string & { readonly [referenceBrand]: true };

declare const referenceBrand: unique symbol;

export interface KeyInfo {
  readonly reference: KeyReference;
  /** What the maker called it; for people, and need not be unique. */
  readonly label: string;
  readonly type: KeySpec | 'aes-256';
  readonly createdAt: Date;
}

/** How one store is, for people and for monitoring. It holds no secret. */
export interface KeyStoreHealth {
  /** `software`, or `pkcs11:` and the label of the token. */
  readonly name: string;
  readonly state: 'available' | 'unavailable';
  /** Since when it is in that state, as far as this process saw. */
  readonly since: Date;
  /** Maker and model of a token, once it was seen. */
  readonly device: string | undefined;
  /** Of a token: how many calls it takes at once, and how many of those are not in use. */
  readonly sessions: { readonly free: number; readonly total: number } | undefined;
  /** The last time it failed, even if it recovered since. */
  readonly lastError: { readonly at: Date; readonly message: string } | undefined;
}

/**
 * A place for keys. Every method throws `KeyStoreError`: `key-not-found` for an unknown reference, `wrong-key-type` for a key of the other
 * sort, `damaged` for a key that cannot be read, `unavailable` where the store does not answer, `closed` after `close`.
 */
export interface KeyStore {
  /** Makes a key pair and returns its reference once the key is durable. Throws `unsupported-key` for one that this store cannot make. */
  generate(spec: KeySpec, label: string): Promise<KeyReference>;
  /**
   * Takes a key that was made elsewhere.
   * @param pkcs8 DER PrivateKeyInfo, not encrypted; the caller zeroes it. Throws `unsupported-key` for a key that `generate` could not have made,
   *   and always in a hardware store, which cannot vouch for what it did not make.
   */
  importKey(pkcs8: Uint8Array, label: string): Promise<KeyReference>;
  signer(reference: KeyReference): Promise<Signer>;
  decrypter(reference: KeyReference): Promise<Decrypter>;
  /** The public half, as DER SubjectPublicKeyInfo. */
  publicKey(reference: KeyReference): Promise<Uint8Array>;
  /** Makes an AES-256 key-encryption key, which never leaves the store. */
  generateKek(label: string): Promise<KeyReference>;
  /**
   * Seals `plaintext` under a key-encryption key: AES-256-GCM with a random nonce, so at most 2^32 times per key (SP 800-38D section 8.3).
   * @param aad what the plaintext belongs to; `unwrap` needs the same octets
   * @returns format version (1 octet), nonce (12), ciphertext, tag (16)
   */
  wrap(reference: KeyReference, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array>;
  /** Opens what `wrap` made. Throws `unwrap-failed`, whatever was wrong with it. The caller zeroes the result. */
  unwrap(reference: KeyReference, wrapped: Uint8Array, aad: Uint8Array): Promise<Uint8Array>;
  /** Removes a key for good. Throws `key-not-found` where there is none. */
  destroy(reference: KeyReference): Promise<void>;
  /** Every key, oldest first. */
  list(): Promise<KeyInfo[]>;
  /** One entry for each store behind this one; asks each, within seconds. Throws `closed` alone. */
  health(): Promise<KeyStoreHealth[]>;
  /** Forgets every key in memory. May be called again. */
  close(): Promise<void>;
}

/** A reference that was stored as text. It says nothing about whether the key exists: using it does. */
export function parseKeyReference(text: string): KeyReference {
  return text as KeyReference;
}
