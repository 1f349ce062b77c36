/** Hashing by the names of `algorithms.ts`: node:crypto must be told how long the output of SHAKE is. */
import { createHash, type Hash, hash } from 'node:crypto';
import type { DigestName } from './algorithms.ts';

/** Octets of output in CMS (RFC 8702 section 3.1). */
const outputLengths: Partial<Record<DigestName, number>> = { shake128: 32, shake256: 64 };

/** A hash to feed piece by piece. */
export function startDigest(digest: DigestName): Hash {
  const outputLength = outputLengths[digest];
  return outputLength === undefined ? createHash(digest) : createHash(digest, { outputLength });
}

/** The hash of all octets at once. */
export function digestOf(digest: DigestName, octets: Uint8Array): Buffer {
  return outputLengths[digest] === undefined
    ? hash(digest, octets, 'buffer')
    : startDigest(digest).update(octets).digest();
}

/** MGF1, the mask of OAEP and PSS (RFC 8017 B.2.1). */
export function mgf1(seed: Uint8Array, length: number, digest: DigestName): Buffer {
  const input = Buffer.alloc(seed.length + 4);
  input.set(seed);
  const blocks: Buffer[] = [];
  for (let counter = 0, made = 0; made < length; counter++) {
    input.writeUInt32BE(counter, seed.length);
    const block = digestOf(digest, input);
    blocks.push(block);
    made += block.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}

export function xor(a: Uint8Array, b: Uint8Array): Buffer {
  const out = Buffer.from(a);
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) ^ (b[i] as number);
  return out;
}
