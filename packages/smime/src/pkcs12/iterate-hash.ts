/**
 * A hash of its own hash, hundreds of thousands of times (NSS and GnuTLS: 600,000): what PKCS#12's key derivation consists of. A
 * call into node:crypto costs four times what hashing 32 octets does, and no call does the loop; so SHA-1 and SHA-256 (FIPS 180-4) of one digest, which is
 * one block, are worked out here. Every other hash, and whatever is not a loop, is left to node:crypto.
 */
import { hash } from 'node:crypto';
import type { PasswordDigest } from './digests.ts';

/** How much one round costs, compared with one iteration of PBKDF2 with HMAC-SHA-256. */
export const roundCost = (digest: PasswordDigest): number => (digest in inPlace ? 2 : 10);

/**
 * `digest` applied to `octets`, its result to that, and so on.
 * @param octets as many as the digest has
 */
export function iterateHash(digest: PasswordDigest, octets: Buffer, rounds: number): Buffer {
  const loop = inPlace[digest];
  if (loop === undefined) {
    let last = octets;
    for (let round = 0; round < rounds; round++) last = hash(digest, last, 'buffer');
    return last;
  }
  const words = new Int32Array(octets.length / 4);
  for (let i = 0; i < words.length; i++) words[i] = octets.readInt32BE(4 * i);
  loop(words, rounds);
  const out = Buffer.alloc(octets.length);
  for (let i = 0; i < words.length; i++) out.writeInt32BE(words[i] as number, 4 * i);
  return out;
}

const inPlace: Readonly<Partial<Record<PasswordDigest, (words: Int32Array, rounds: number) => void>>> = {
  sha1: iterateSha1,
  sha256: iterateSha256,
};

/** FIPS 180-4 6.1.2. */
function iterateSha1(state: Int32Array, rounds: number): void {
  const w = new Int32Array(80);
  for (let round = 0; round < rounds; round++) {
    w.set(state);
    pad(w, 5);
    for (let t = 16; t < 80; t++) {
      const x = at(w, t - 3) ^ at(w, t - 8) ^ at(w, t - 14) ^ at(w, t - 16);
      w[t] = (x << 1) | (x >>> 31);
    }
    let a = 0x67452301;
    let b = 0xefcdab89 | 0;
    let c = 0x98badcfe | 0;
    let d = 0x10325476;
    let e = 0xc3d2e1f0 | 0;
    let next = 0;
    let t = 0;
    for (; t < 20; t++) {
      next = (((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + e + 0x5a827999 + at(w, t)) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    for (; t < 40; t++) {
      next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0x6ed9eba1 + at(w, t)) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    for (; t < 60; t++) {
      next = (((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + e + 0x8f1bbcdc + at(w, t)) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    for (; t < 80; t++) {
      next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0xca62c1d6 + at(w, t)) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    state[0] = 0x67452301 + a;
    state[1] = 0xefcdab89 + b;
    state[2] = 0x98badcfe + c;
    state[3] = 0x10325476 + d;
    state[4] = 0xc3d2e1f0 + e;
  }
}

/** FIPS 180-4 6.2.2. */
function iterateSha256(state: Int32Array, rounds: number): void {
  const w = new Int32Array(64);
  for (let round = 0; round < rounds; round++) {
    w.set(state);
    pad(w, 8);
    for (let t = 16; t < 64; t++) {
      const x = at(w, t - 15);
      const y = at(w, t - 2);
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = at(w, t - 16) + s0 + at(w, t - 7) + s1;
    }
    let a = at(initial, 0);
    let b = at(initial, 1);
    let c = at(initial, 2);
    let d = at(initial, 3);
    let e = at(initial, 4);
    let f = at(initial, 5);
    let g = at(initial, 6);
    let h = at(initial, 7);
    for (let t = 0; t < 64; t++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + (g ^ (e & (f ^ g))) + at(constants, t) + at(w, t)) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + s0 + ((b & c) | (d & (b | c)))) | 0;
    }
    state[0] = at(initial, 0) + a;
    state[1] = at(initial, 1) + b;
    state[2] = at(initial, 2) + c;
    state[3] = at(initial, 3) + d;
    state[4] = at(initial, 4) + e;
    state[5] = at(initial, 5) + f;
    state[6] = at(initial, 6) + g;
    state[7] = at(initial, 7) + h;
  }
}

/** The one bit, the zeros and the length in bits after a message of so many words (FIPS 180-4 5.1.1). */
function pad(w: Int32Array, words: number): void {
  w[words] = -0x80000000;
  w.fill(0, words + 1, 15);
  w[15] = words * 32;
}

const at = (words: Int32Array, index: number): number => words[index] as number;

/** The greatest integer whose power of that degree does not exceed n; n is below 2^192. */
function root(n: bigint, degree: bigint): bigint {
  let low = 0n;
  let high = 1n << 64n;
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** degree <= n) low = middle;
    else high = middle - 1n;
  }
  return low;
}

/** FIPS 180-4 4.2.2 and 5.3.3: the first 32 bits of the fractional parts of the roots of the first primes. */
function fractions(count: number, degree: bigint): Int32Array {
  const primes: bigint[] = [];
  for (let n = 2n; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0n)) primes.push(n);
  return Int32Array.from(primes, (prime) => Number(BigInt.asIntN(32, root(prime << (32n * degree), degree))));
}

const initial = fractions(8, 2n);
const constants = fractions(64, 3n);
