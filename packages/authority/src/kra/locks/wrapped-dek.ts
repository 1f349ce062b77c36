/** A DEK under a lock's own key: AES-256-GCM, nonce (12) || ciphertext (32) || tag (16). A lock's key seals one DEK, once. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

export const WRAPPED_LENGTH = 12 + 32 + 16;

export function wrapDek(key: Uint8Array, dek: Uint8Array): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  return Buffer.concat([nonce, cipher.update(dek), cipher.final(), cipher.getAuthTag()]);
}

/** The caller zeroes the result. Throws for another key or altered octets. */
export function unwrapDek(key: Uint8Array, wrapped: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(wrapped.subarray(-16));
  const dek = decipher.update(wrapped.subarray(12, -16));
  decipher.final();
  return dek;
}
