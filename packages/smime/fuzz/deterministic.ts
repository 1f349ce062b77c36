/** node:crypto's random octets replaced for a while, so that what is made is made the same way each time. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { Dice } from './dice.ts';

/**
 * Runs `work` with `randomBytes` from dice. What OpenSSL draws for itself stays random (ECDSA's nonce, ephemeral keys, the padding of
 * PKCS#1): those octets differ from run to run, their number and place do not.
 */
export async function withFixedRandom<T>(seed: number, work: () => Promise<T>): Promise<T> {
  const dice = new Dice(seed);
  const { randomBytes } = crypto;
  const fixed = (size: number): Buffer => dice.octets(size);
  Object.assign(crypto, { randomBytes: fixed });
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    Object.assign(crypto, { randomBytes });
    syncBuiltinESMExports();
  }
}
