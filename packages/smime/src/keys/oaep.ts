/** RSAES-OAEP decoding (RFC 8017 7.1.2) for the pairs of hashes that node:crypto cannot express: it has one for label and mask alike. */
import { SmimeError } from '../errors.ts';
import type { DigestName } from './algorithms.ts';
import { digestOf, mgf1, xor } from './digest.ts';

/**
 * The message inside what raw RSA decryption gave. One error for every failure, found without a branch on secret octets: a
 * difference would let an attacker decrypt by asking (Manger, 2001).
 * @param encoded as long as the modulus
 */
export function decodeOaep(encoded: Buffer, digest: DigestName, mgf1Digest: DigestName, label: Uint8Array): Buffer {
  const labelHash = digestOf(digest, label);
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

const failure = (): SmimeError => new SmimeError('decryption-failed', 'the decryption failed');
