/**
 * The group everything is computed in: P-256, points in SEC 1 uncompressed form (65 octets, as RFC 9180 has them), scalars
 * as 32 octets, big-endian. Secret scalars travel as octets, which their holder zeroes; the numbers that arithmetic makes
 * of them live for one expression and are never part of an error or a document.
 */
import { pippenger } from '@noble/curves/abstract/curve.js';
import { p256, p256_hasher } from '@noble/curves/nist.js';
import { VaultError } from './errors.ts';

export const { Point } = p256;
export type Point = InstanceType<typeof Point>;
/** Integers modulo the order of the group. */
export const { Fn: Scalar } = Point;
export const GENERATOR = Point.BASE;

/** @throws VaultError `malformed` for anything but the 65 octets of a point of the group, the neutral one excluded */
export function readPoint(octets: Uint8Array): Point {
  if (octets.length !== 65 || octets[0] !== 4)
    throw new VaultError('malformed', 'This is not an uncompressed P-256 point.');
  try {
    const point = Point.fromBytes(octets);
    // Every point of the curve but the neutral one has prime order: the cofactor of P-256 is 1.
    point.assertValidity();
    return point;
  } catch {
    throw new VaultError('malformed', 'This point is not on the curve P-256.');
  }
}

export function writePoint(point: Point): Uint8Array {
  return point.toBytes(false);
}

/** @throws VaultError `malformed` for anything but 32 octets of a number below the order; zero is a number here */
export function readScalar(octets: Uint8Array): bigint {
  if (octets.length !== 32) throw new VaultError('malformed', 'This is not a scalar of 32 octets.');
  try {
    return Scalar.fromBytes(octets);
  } catch {
    throw new VaultError('malformed', 'This scalar is not below the order of P-256.');
  }
}

export function writeScalar(value: bigint): Uint8Array {
  return Scalar.toBytes(Scalar.create(value));
}

/** Uniform, never zero. 32 octets. */
export function randomScalar(): Uint8Array {
  return p256.utils.randomSecretKey();
}

/** `k · P` for a secret k, in time that does not depend on it. The neutral point where k is zero. */
export function multiply(point: Point, scalar: bigint): Point {
  return scalar === Scalar.ZERO ? Point.ZERO : point.multiply(scalar);
}

/** `Σ kᵢ · Pᵢ` for public numbers; fast, and not in constant time. */
export function combine(points: readonly Point[], scalars: readonly bigint[]): Point {
  if (points.length >= MANY) return pippenger(Point, [...points], [...scalars]);
  return points.reduce((sum, point, at) => {
    const scalar = scalars[at] ?? Scalar.ZERO;
    return scalar === Scalar.ZERO ? sum : sum.add(point.multiplyUnsafe(scalar));
  }, Point.ZERO);
}

/** From here on Pippenger's method is the faster one: a fifth of the time for a thousand points. */
const MANY = 16;

/** RFC 9497 section 2.1 HashToScalar. @param tag the domain separation tag, at most 255 octets */
export function hashToScalar(message: Uint8Array, tag: Uint8Array): bigint {
  return p256_hasher.hashToScalar(message, { DST: tag });
}

/**
 * The Lagrange coefficient at zero of `index` among `indices`: `Π j / (j - i)` modulo the order.
 * @throws VaultError `no-quorum` when an index comes twice
 */
export function lagrange(index: number, indices: readonly number[]): bigint {
  if (new Set(indices).size !== indices.length) throw new VaultError('no-quorum', 'An officer is counted twice.');
  let above = Scalar.ONE;
  let below = Scalar.ONE;
  for (const other of indices) {
    if (other === index) continue;
    above = Scalar.mul(above, BigInt(other));
    below = Scalar.mul(below, Scalar.create(BigInt(other) - BigInt(index)));
  }
  return Scalar.mul(above, Scalar.inv(below));
}
