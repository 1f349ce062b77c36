/** AES-256-GCM as the escrow writes it down: nonce (12) || ciphertext || tag (16). */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Octets more than what is sealed. */
export const AEAD_OVERHEAD = 12 + 16;

/** @param aad what it is bound to: it opens with the same only */
export function sealAead(key: Uint8Array, plaintext: Uint8Array, aad: Uint8Array = NOTHING): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The caller zeroes the result. Throws for another key, other `aad` or altered octets, and nothing is left of them then. */
export function openAead(key: Uint8Array, sealed: Uint8Array, aad: Uint8Array = NOTHING): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  const plaintext = decipher.update(sealed.subarray(12, -16));
  try {
    decipher.final();
    return plaintext;
  } catch (error) {
    plaintext.fill(0);
    throw error;
  }
}

const NOTHING = new Uint8Array(0);
