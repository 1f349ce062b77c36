/** AES-256-GCM as one run of octets: format version, nonce, ciphertext, tag. */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';

/** Seals `plaintext`; the version octet is authenticated with `aad`. */
export function seal(key: KeyObject, plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(bound(aad));
  return Buffer.concat([VERSION, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what `seal` made; undefined where anything about it is wrong. */
export function unseal(key: KeyObject, sealed: Uint8Array, aad: Uint8Array): Buffer | undefined {
  if (sealed.length < 1 + NONCE + TAG || sealed[0] !== VERSION[0]) return undefined;
  const end = sealed.length - TAG;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE), { authTagLength: TAG });
  decipher.setAAD(bound(aad));
  decipher.setAuthTag(sealed.subarray(end));
  // The whole plaintext: GCM is a stream, so nothing is left for final(), which only judges the tag.
  const plaintext = decipher.update(sealed.subarray(1 + NONCE, end));
  try {
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0);
    return undefined;
  }
}

const VERSION = Uint8Array.of(1);
const NONCE = 12;
const TAG = 16;

function bound(aad: Uint8Array): Buffer {
  return Buffer.concat([VERSION, aad]);
}
