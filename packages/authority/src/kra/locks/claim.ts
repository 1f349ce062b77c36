/** The claim lock: opens with the secret of the one-time link, which nobody but its owner has. */
import { hkdfSync } from 'node:crypto';
import { AuthorityError } from '../../errors.ts';
import { openAead, sealAead } from '../aead.ts';

/** The DEK, as `aead.ts` has it: a lock's key seals one, once. @param secret the part of the link behind `#` */
export function makeClaimLock(recordId: string, secret: string, dek: Uint8Array): Buffer {
  const key = lockKey(recordId, secret);
  try {
    return sealAead(key, dek);
  } finally {
    key.fill(0);
  }
}

/** The DEK; the caller zeroes it. @throws AuthorityError `wrong-credentials` for another secret or an altered lock */
export function openClaimLock(recordId: string, secret: string, wrapped: Uint8Array): Buffer {
  const key = lockKey(recordId, secret);
  try {
    return openAead(key, wrapped);
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
