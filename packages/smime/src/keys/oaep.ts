/** RSAES-OAEP decoding (RFC 8017 7.1.2) for the pairs of hashes that node:crypto cannot express: it has one for label and mask alike. */
import { createHash, hash } from 'node:crypto';
import { SmimeError } from '../errors.ts';
import type { DigestName } from './algorithms.ts';

/**
 * The message inside what raw RSA decryption gave. One error for every failure, found without a branch on secret octets: a
 * difference would let an attacker decrypt by asking (Manger, 2001).
 * @param encoded as long as the modulus
 */
export function decodeOaep(encoded: Buffer, digest: DigestName, mgf1Digest: DigestName, label: Uint8Array): Buffer {
  const labelHash = createHash(digest).update(label).digest();
  const size = labelHash.length;
  if (encoded.length < 2 * size + 2) throw failure();
  const maskedSeed = encoded.subarray(1, 1 + size);
  const maskedBlock = encoded.subarray(1 + size);
  const seed = xor(maskedSeed, mgf1(maskedBlock, size, mgf1Digest));
  const block = xor(maskedBlock, mgf1(seed, maskedBlock.length, mgf1Digest));
  let bad = encoded[0] as number;
  for (let i = 0; i < size; i++) bad |= (block[i] as number) ^ (labelHash[i] as number);
  // The first octet that is not zero must be 1; `searching` is 1 up to it.
  let searching = 1;
  let start = 0;
  for (let i = size; i < block.length; i++) {
    const octet = block[i] as number;
    const isZero = ((octet - 1) >>> 8) & 1;
    const found = searching & (1 - isZero);
    bad |= found * (octet ^ 1);
    start += found * (i + 1);
    searching &= isZero;
  }
  if ((bad | searching) !== 0) throw failure();
  return block.subarray(start);
}

function mgf1(seed: Uint8Array, length: number, digest: DigestName): Buffer {
  const blocks: Buffer[] = [];
  for (let counter = 0, made = 0; made < length; counter++) {
    const suffix = Buffer.alloc(4);
    suffix.writeUInt32BE(counter);
    const block = hash(digest, Buffer.concat([seed, suffix]), 'buffer');
    blocks.push(block);
    made += block.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  const out = Buffer.from(a);
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) ^ (b[i] as number);
  return out;
}

const failure = (): SmimeError => new SmimeError('decryption-failed', 'the decryption failed');
