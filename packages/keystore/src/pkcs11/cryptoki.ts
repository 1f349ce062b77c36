/** The numbers of PKCS#11 2.40 and 3.0 that are used here, and what differs from vendor to vendor. */
import type { OaepHash } from '@chancery/smime';
import type { KeySpec } from '../key-store.ts';

export const attribute = {
  class: 0x00,
  token: 0x01,
  private: 0x02,
  label: 0x03,
  value: 0x11,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  encrypt: 0x104,
  decrypt: 0x105,
  sign: 0x108,
  wrap: 0x106,
  unwrap: 0x107,
  verify: 0x10a,
  derive: 0x10c,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  valueLength: 0x161,
  extractable: 0x162,
  ecParameters: 0x180,
  ecPoint: 0x181,
} as const;

export const objectClass = { public: 2, private: 3, secret: 4 } as const;

export const keyType = { rsa: 0x00, ec: 0x03, generic: 0x10, aes: 0x1f, edwards: 0x40 } as const;

export const mechanism = {
  rsaGenerate: 0x00,
  rsaPkcs1: 0x01,
  rsaRaw: 0x03,
  rsaOaep: 0x09,
  rsaPss: 0x0d,
  ecGenerate: 0x1040,
  ecdsa: 0x1041,
  ecdhDerive: 0x1050,
  edwardsGenerate: 0x1055,
  eddsa: 0x1057,
  aesGenerate: 0x1080,
  aesGcm: 0x1087,
} as const;

/**
 * AES key wrap with padding (RFC 5649): CKM_AES_KEY_WRAP_KWP since PKCS#11 3.0, and what 2.40 and SoftHSM have in its place. Where one
 * vendor pads in another way than the next, it unwraps what it wrapped itself.
 */
export const paddedKeyWraps: readonly number[] = [0x210b, 0x210a];

/** CKM_ of each hash and CKG_ of MGF1 with it: parameters of PSS and OAEP. */
export const hashMechanisms: Readonly<Record<OaepHash, { hash: number; mgf1: number }>> = {
  sha1: { hash: 0x220, mgf1: 1 },
  sha224: { hash: 0x255, mgf1: 5 },
  sha256: { hash: 0x250, mgf1: 2 },
  sha384: { hash: 0x260, mgf1: 3 },
  sha512: { hash: 0x270, mgf1: 4 },
};

/** How pkcs11js is told which structure a parameter is. */
export const parameterType = { gcm: 3, oaep: 4, pss: 5, ecdh: 6, gcmWithIvBits: 7 } as const;

/** CKA_EC_PARAMS, DER. A token that does not take the first form takes the second (PKCS#11 3.0 section 2.3.10). */
export const curves: readonly { readonly spec: KeySpec; readonly parameters: readonly Buffer[] }[] = [
  { spec: 'p256', parameters: [Buffer.from('06082a8648ce3d030107', 'hex')] },
  { spec: 'p384', parameters: [Buffer.from('06052b81040022', 'hex')] },
  { spec: 'p521', parameters: [Buffer.from('06052b81040023', 'hex')] },
  {
    spec: 'ed25519',
    // The object identifier of RFC 8410, and the PrintableString `edwards25519`.
    parameters: [Buffer.from('06032b6570', 'hex'), Buffer.from('130c656477617264733235353139', 'hex')],
  },
];
