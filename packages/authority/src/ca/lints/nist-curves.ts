/** Is a point on its curve (SEC 1 3.2.2.1, FIPS 186-5)? All NIST curves are y² = x³ - 3x + b, of cofactor 1. */
import { createPublicKey } from 'node:crypto';
import { oids } from '@chancery/smime';

interface Curve {
  readonly prime: bigint;
  readonly b: bigint;
  readonly octets: number;
}

const CURVES = new Map<string, Curve>([
  [
    oids.prime256v1,
    {
      prime: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
      b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
      octets: 32,
    },
  ],
  [
    oids.secp384r1,
    {
      prime: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
      b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
      octets: 48,
    },
  ],
  [
    oids.secp521r1,
    {
      prime: 2n ** 521n - 1n,
      b: 0x51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
      octets: 66,
    },
  ],
]);

export const isNistCurve = (id: string): boolean => CURVES.has(id);

/**
 * @param id of a curve for which `isNistCurve` is true
 * @param point the octets of the key, compressed or not
 * @param spki DER SubjectPublicKeyInfo of the same key
 */
export function isOnCurve(id: string, point: Uint8Array, spki: Uint8Array): boolean {
  const curve = CURVES.get(id);
  if (curve === undefined || point.length !== 1 + 2 * curve.octets || point[0] !== 4) return isLoadable(spki);
  const { prime, b, octets } = curve;
  const x = numberOf(point.subarray(1, 1 + octets));
  const y = numberOf(point.subarray(1 + octets));
  return x < prime && y < prime && (y * y - (x * x - 3n) * x - b) % prime === 0n;
}

/** A compressed point takes a square root to check, which OpenSSL does when it loads the key. */
function isLoadable(spki: Uint8Array): boolean {
  try {
    createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    return true;
  } catch {
    return false;
  }
}

const numberOf = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString('hex')}`);
