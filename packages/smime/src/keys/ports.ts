/**
 * The two ports through which the engine uses private keys. A key store, an HSM or a remote service implements them;
 * the engine never sees the key itself.
 */
import type { HashName, KeyKind } from './algorithms.ts';

/** Makes signatures with one private key. */
export interface Signer {
  readonly kind: KeyKind;
  /** DER SubjectPublicKeyInfo of the matching public key. */
  readonly spki: Uint8Array;
  /**
   * Signs `data` (not a digest of it): RSASSA-PKCS1-v1_5 for RSA, DER `ECDSA-Sig-Value` for EC.
   * @param hash the digest that the signature algorithm names; ignored for Ed25519
   */
  sign(data: Uint8Array, hash: HashName): Promise<Uint8Array>;
}

/** Opens what was encrypted to one private key. Both methods throw for a key of the other kind. */
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
}

/** SHA-1 is OAEP's default (RFC 8017 A.2.1): harmless there, and what most senders and many tokens use. */
export type OaepHash = HashName | 'sha1';

/** How a content key was encrypted with RSA: PKCS#1 v1.5 or OAEP with its hashes (RFC 8017 7). */
export type RsaScheme =
  | { padding: 'pkcs1' }
  | { padding: 'oaep'; hash: OaepHash; mgf1Hash: OaepHash; label?: Uint8Array };
