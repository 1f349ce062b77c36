/** Keys from passwords: PBKDF2 (RFC 8018) and PKCS#12's own function (RFC 7292 Appendix B). */
import { hash, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { SmimeError } from '../errors.ts';
import type { DigestName } from '../keys/algorithms.ts';
import { limits } from '../limits.ts';

const pbkdf2Async = promisify(pbkdf2);

/** What RFC 7292 B.3 calls the diversifier. */
export const purpose = { key: 1, iv: 2, mac: 3 } as const;

function checkWork(iterations: number, salt: Uint8Array, cap: number): void {
  if (iterations < 1) throw new SmimeError('unexpected-structure', 'a key derivation with no iteration');
  if (iterations > cap)
    throw new SmimeError('limit-exceeded', `a key derivation of ${iterations} iterations; at most ${cap} are done`);
  if (salt.length > limits.passwordSaltOctets)
    throw new SmimeError(
      'limit-exceeded',
      `a salt of ${salt.length} octets; at most ${limits.passwordSaltOctets} are taken`,
    );
}

export async function derivePbkdf2(
  password: string,
  salt: Uint8Array,
  iterations: number,
  length: number,
  digest: DigestName,
): Promise<Buffer> {
  checkWork(iterations, salt, limits.passwordIterations);
  return pbkdf2Async(Buffer.from(password, 'utf8'), salt, iterations, length, digest);
}

const digestSizes: Readonly<Record<DigestName, { output: number; block: number }>> = {
  md5: { output: 16, block: 64 },
  sha1: { output: 20, block: 64 },
  sha224: { output: 28, block: 64 },
  sha256: { output: 32, block: 64 },
  sha384: { output: 48, block: 128 },
  sha512: { output: 64, block: 128 },
};

/**
 * RFC 7292 B.2. Gives the event loop its turn now and then: the loop runs in JavaScript, on the main thread.
 * @param password as BMPString octets, see `bmpPassword`
 */
export async function derivePkcs12(
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
  use: number,
  digest: DigestName,
): Promise<Buffer> {
  checkWork(iterations, salt, limits.pkcs12Iterations);
  const { output, block } = digestSizes[digest];
  const diversifier = Buffer.alloc(block, use);
  const input = Buffer.concat([fill(salt, block), fill(password, block)]);
  const blocks: Buffer[] = [];
  for (let made = 0; made < length; made += output) {
    let a = hash(digest, Buffer.concat([diversifier, input]), 'buffer');
    for (let round = 1; round < iterations; round++) {
      a = hash(digest, a, 'buffer');
      if (round % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    blocks.push(a);
    addOne(input, fill(a, block).subarray(0, block), block);
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** RFC 7292 B.1: UCS-2, big-endian, two zero octets at the end. */
export function bmpPassword(password: string): Buffer {
  return Buffer.from(`${password}\0`, 'utf16le').swap16();
}

/** Repeated up to a whole number of blocks; nothing stays nothing. */
function fill(octets: Uint8Array, block: number): Buffer {
  if (octets.length === 0) return Buffer.alloc(0);
  const out = Buffer.alloc(Math.ceil(octets.length / block) * block);
  for (let p = 0; p < out.length; p++) out[p] = octets[p % octets.length] as number;
  return out;
}

/** Each block of `input` += b + 1, modulo 2^(8 block). */
function addOne(input: Buffer, b: Uint8Array, block: number): void {
  for (let start = 0; start < input.length; start += block) {
    let carry = 1;
    for (let p = block - 1; p >= 0; p--) {
      carry += (input[start + p] as number) + (b[p] as number);
      input[start + p] = carry & 0xff;
      carry >>= 8;
    }
  }
}

/** Octets of a digest: the length of the MAC key (RFC 7292 B.4). */
export const digestLength = (digest: DigestName): number => digestSizes[digest].output;
