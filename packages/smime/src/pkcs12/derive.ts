/** Keys from passwords: PBKDF2 (RFC 8018 5.2), scrypt (RFC 7914) and PKCS#12's own function (RFC 7292 Appendix B). */
import { hash, pbkdf2, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { digestSizes, type PasswordDigest } from './digests.ts';
import { iterateHash, roundCost } from './iterate-hash.ts';

const pbkdf2Async = promisify(pbkdf2);
const scryptAsync = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

/** What RFC 7292 B.3 calls the diversifier. */
export const purpose = { key: 1, iv: 2, mac: 3 } as const;

/**
 * What all the derivations of one file may cost together, in iterations of PBKDF2: a file may hold thousands of bags, each with
 * a salt and a count of its own. Throws `limit-exceeded` before the derivation that would go beyond it.
 */
export class DerivationBudget {
  private left: number;
  constructor(iterations: number = limits.passwordWork) {
    this.left = iterations;
  }
  spend(iterations: number): void {
    this.left -= iterations;
    if (this.left < 0)
      throw new SmimeError(
        'limit-exceeded',
        'opening the file takes more key-derivation rounds than are granted to it',
      );
  }
}

/** RFC 8018 5.2, on the thread pool. */
export async function derivePbkdf2(
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
  digest: PasswordDigest,
  budget: DerivationBudget = new DerivationBudget(),
): Promise<Buffer> {
  checkCounts(iterations, salt, limits.passwordIterations);
  budget.spend(iterations * Math.ceil(length / digestSizes[digest].output));
  return pbkdf2Async(password, salt, iterations, length, digest);
}

/** RFC 7914, on the thread pool. Takes 128 N r octets of memory while it runs. */
export async function deriveScrypt(
  password: Uint8Array,
  salt: Uint8Array,
  { N, r, p }: { readonly N: number; readonly r: number; readonly p: number },
  length: number,
  budget: DerivationBudget = new DerivationBudget(),
): Promise<Buffer> {
  // RFC 7914 2 and 6: N is a power of two above 1 and below 2^(128 r / 8); r p is below 2^30.
  if (N < 2 || (N & (N - 1)) !== 0 || r < 1 || p < 1 || N >= 2 ** (16 * r) || r * p >= 2 ** 30)
    throw new SmimeError('unexpected-structure', 'the parameters of scrypt are not those of RFC 7914');
  checkCounts(1, salt, limits.passwordIterations);
  const memory = 128 * r * (N + p);
  if (memory > limits.scryptOctets)
    throw new SmimeError(
      'limit-exceeded',
      `scrypt wants ${memory} octets of memory; at most ${limits.scryptOctets} are given`,
    );
  budget.spend(N * r * p * scryptCost);
  return scryptAsync(password, salt, length, { N, r, p, maxmem: 2 * limits.scryptOctets });
}

/** One mix of scrypt's block (N r p of them) in iterations of PBKDF2, as measured. */
const scryptCost = 2;

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
  digest: PasswordDigest,
  budget: DerivationBudget = new DerivationBudget(),
): Promise<Buffer> {
  checkCounts(iterations, salt, limits.pkcs12Iterations);
  const { output, block } = digestSizes[digest];
  budget.spend(iterations * Math.ceil(length / output) * roundCost(digest));
  const diversifier = Buffer.alloc(block, use);
  const input = Buffer.concat([fill(salt, block), fill(password, block)]);
  const blocks: Buffer[] = [];
  for (let made = 0; made < length; made += output) {
    let a: Buffer = hash(digest, Buffer.concat([diversifier, input]), 'buffer');
    for (let left = iterations - 1; left > 0; left -= roundsAtATime) {
      a = iterateHash(digest, a, Math.min(left, roundsAtATime));
      if (left > roundsAtATime) await new Promise((resolve) => setImmediate(resolve));
    }
    blocks.push(a);
    addOne(input, fill(a, block).subarray(0, block), block);
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** 8 ms or so. */
const roundsAtATime = 10_000;

function checkCounts(iterations: number, salt: Uint8Array, cap: number): void {
  if (iterations < 1) throw new SmimeError('unexpected-structure', 'a key derivation with no iteration');
  if (iterations > cap)
    throw new SmimeError('limit-exceeded', `a key derivation of ${iterations} iterations; at most ${cap} are done`);
  if (salt.length > limits.passwordSaltOctets)
    throw new SmimeError(
      'limit-exceeded',
      `a salt of ${salt.length} octets; at most ${limits.passwordSaltOctets} are taken`,
    );
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
