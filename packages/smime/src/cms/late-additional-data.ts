/**
 * AES-GCM where the additional data comes after the ciphertext (RFC 5083 section 2.1 puts it there), while node:crypto wants it before.
 * The tag of a message with additional data differs from the tag of one without by a value that depends on the key, the
 * additional data and the length of the ciphertext alone: GHASH is linear (NIST SP 800-38D section 6.4).
 */
import { createCipheriv } from 'node:crypto';
import { xor } from '../keys/digest.ts';

/**
 * The tag that a decipher which was told of no additional data must find, where `mac` is the tag with it.
 * @param length octets of the ciphertext
 */
export function tagWithoutAdditional(key: Uint8Array, mac: Buffer, additional: Uint8Array, length: number): Buffer {
  if (additional.length === 0) return mac;
  const block = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  const hashKey = wordsOf(block.update(Buffer.alloc(16)), 0);
  // The blocks of additional data, hashed by themselves; then moved before the ciphertext's blocks and that of the lengths.
  let hashed = zero;
  for (let at = 0; at < additional.length; at += 16) {
    const padded = Buffer.alloc(16);
    padded.set(additional.subarray(at, at + 16));
    hashed = multiply(add(hashed, wordsOf(padded, 0)), hashKey);
  }
  const moved = multiply(hashed, power(hashKey, Math.ceil(length / 16) + 1));
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64BE(BigInt(additional.length) * 8n, 0);
  const difference = add(moved, multiply(wordsOf(lengths, 0), hashKey));
  const octets = Buffer.alloc(16);
  for (const [i, word] of difference.entries()) octets.writeUInt32BE(word >>> 0, i * 4);
  return xor(mac, octets.subarray(0, mac.length));
}

/** 128 bits, the first one the highest of the first word. */
type Block = readonly [number, number, number, number];

const zero: Block = [0, 0, 0, 0];

const wordsOf = (octets: Buffer, at: number): Block => [
  octets.readInt32BE(at),
  octets.readInt32BE(at + 4),
  octets.readInt32BE(at + 8),
  octets.readInt32BE(at + 12),
];

const add = (a: Block, b: Block): Block => [a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]];

/** SP 800-38D section 6.3, with masks in place of branches: the hash key is secret. */
function multiply(x: Block, y: Block): Block {
  let [v0, v1, v2, v3] = y;
  let [z0, z1, z2, z3] = zero as [number, number, number, number];
  for (let i = 0; i < 128; i++) {
    const bit = -(((x[i >> 5] as number) >>> (31 - (i & 31))) & 1);
    z0 ^= v0 & bit;
    z1 ^= v1 & bit;
    z2 ^= v2 & bit;
    z3 ^= v3 & bit;
    const reduce = -(v3 & 1) & 0xe1000000;
    v3 = (v3 >>> 1) | (v2 << 31);
    v2 = (v2 >>> 1) | (v1 << 31);
    v1 = (v1 >>> 1) | (v0 << 31);
    v0 = (v0 >>> 1) ^ reduce;
  }
  return [z0, z1, z2, z3];
}

/** @param exponent at least 1, and no secret */
function power(base: Block, exponent: number): Block {
  let result: Block | undefined;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result ? multiply(result, square) : square;
    square = multiply(square, square);
  }
  return result as Block;
}
