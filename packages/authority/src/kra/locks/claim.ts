/** The claim lock: opens with the secret of the one-time link, which nobody but its owner has. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { AuthorityError } from '../../errors.ts';

/** nonce (12) || ciphertext (32) || tag (16). @param secret the part of the link behind `#` */
export function makeClaimLock(recordId: string, secret: string, dek: Uint8Array): Buffer {
  const key = lockKey(recordId, secret);
  try {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
    return Buffer.concat([nonce, cipher.update(dek), cipher.final(), cipher.getAuthTag()]);
  } finally {
    key.fill(0);
  }
}

/** The DEK; the caller zeroes it. @throws AuthorityError `wrong-credentials` for another secret or an altered lock */
export function openClaimLock(recordId: string, secret: string, wrapped: Uint8Array): Buffer {
  const key = lockKey(recordId, secret);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(0, 12), { authTagLength: 16 });
    decipher.setAuthTag(wrapped.subarray(-16));
    const dek = decipher.update(wrapped.subarray(12, -16));
    decipher.final();
    return dek;
  } catch {
    throw new AuthorityError('wrong-credentials', 'This claim link does not open this key. Nothing was changed.');
  } finally {
    key.fill(0);
  }
}

/** The secret has 256 random bits, so a fast derivation is enough (RFC 5869). */
function lockKey(recordId: string, secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, recordId, 'chancery claim lock v1', 32));
}
