/**
 * The two ports through which the engine uses private keys. A key store, an HSM or a remote service implements them;
 * the engine never sees the key itself.
 */
import type { HashName, KeyKind, RsaPadding } from './algorithms.ts';

/** Makes signatures with one private key. */
export interface Signer {
  readonly kind: KeyKind;
  /** DER SubjectPublicKeyInfo of the matching public key. */
  readonly spki: Uint8Array;
  /**
   * Signs `data` (not a digest of it): DER `ECDSA-Sig-Value` for EC, pure EdDSA and pure ML-DSA without a context.
   * @param hash the digest that the signature algorithm names; ignored for EdDSA and ML-DSA
   * @param padding for `rsa` alone; default `pkcs1`. `pss` (always for `rsa-pss`) has MGF1 with the same hash and a salt of its length
   */
  sign(data: Uint8Array, hash: HashName, padding?: RsaPadding): Promise<Uint8Array>;
}

/** Opens what was encrypted to one private key. Each method throws for a key of another kind. */
export interface Decrypter {
  readonly kind: KeyKind;
  /** DER SubjectPublicKeyInfo of the matching public key: how a recipient is matched when no certificate is at hand. */
  readonly spki: Uint8Array;
  /**
   * RSA key transport. PKCS#1 v1.5 must reject implicitly (RFC 3218): for bad padding return random octets, do not throw.
   */
  unwrapRsa(encryptedKey: Uint8Array, scheme: RsaScheme): Promise<Uint8Array>;
  /** Elliptic-curve Diffie-Hellman: the x co-ordinate shared with `peerSpki` (DER SubjectPublicKeyInfo), unhashed. */
  agree(peerSpki: Uint8Array): Promise<Uint8Array>;
  /** ML-KEM: the shared secret of 32 octets; for a ciphertext that was altered, another one (FIPS 203 section 6.3). */
  decapsulate(ciphertext: Uint8Array): Promise<Uint8Array>;
}

/** SHA-1 is OAEP's default (RFC 8017 A.2.1): harmless there, and what most senders and many tokens use. */
export type OaepHash = HashName | 'sha1' | 'sha224';

/** How a content key was encrypted with RSA: PKCS#1 v1.5 or OAEP with its hashes (RFC 8017 7). */
export type RsaScheme =
  | { padding: 'pkcs1' }
  | { padding: 'oaep'; hash: OaepHash; mgf1Hash: OaepHash; label?: Uint8Array };
