/** ML-KEM (FIPS 203) by node:crypto, which has it from Node 24.7 on: looked up when it is needed, so that the engine loads on any. */
import * as crypto from 'node:crypto';
import { SmimeError } from '../errors.ts';

/** A fresh shared secret, and its ciphertext for the holder of the public key. Throws `unsupported` where Node has no ML-KEM. */
export function encapsulate(publicKey: crypto.KeyObject): { sharedKey: Buffer; ciphertext: Buffer } {
  needMlKem();
  return crypto.encapsulate(publicKey);
}

/** The shared secret. Throws `unsupported` where Node has no ML-KEM. */
export function decapsulate(privateKey: crypto.KeyObject, ciphertext: Uint8Array): Buffer {
  needMlKem();
  return crypto.decapsulate(privateKey, ciphertext);
}

function needMlKem(): void {
  if (typeof crypto.decapsulate !== 'function') throw new SmimeError('unsupported', 'ML-KEM needs Node 24.7 or later');
}
