/** Is a public key worth certifying (S/MIME BR 6.1.1.3, 6.1.5, 6.1.6)? */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { derToPem, keyKindOf } from '@chancery/smime';

/** What is wrong with a DER SubjectPublicKeyInfo, a sentence each without a full stop; empty for a sound key. */
export function weaknessesOf(spki: Uint8Array): readonly string[] {
  return examine(spki).weaknesses;
}

/** The length of an RSA key in bits; undefined for other keys. @param spki DER */
export function modulusBits(spki: Uint8Array): number | undefined {
  return examine(spki).modulusBits;
}

interface Examined {
  readonly weaknesses: readonly string[];
  readonly modulusBits: number | undefined;
}

/**
 * Each key is asked about when it comes in, and again by a lint, hundreds of other keys later: what was found is kept for
 * as long as a large batch is in hand. It says nothing that anybody who knows the public key could not find.
 */
const examined = new Map<string, Examined>();
const REMEMBERED = 2000;

function examine(spki: Uint8Array): Examined {
  const name = Buffer.from(spki.buffer, spki.byteOffset, spki.byteLength).toString('latin1');
  const before = examined.get(name);
  if (before !== undefined) return before;
  const now = examineKey(spki);
  if (examined.size >= REMEMBERED) for (const oldest of examined.keys()) if (examined.delete(oldest)) break;
  examined.set(name, now);
  return now;
}

function examineKey(spki: Uint8Array): Examined {
  let key: KeyObject;
  try {
    // OpenSSL checks that the point of an elliptic-curve key lies on its curve. As text: Node reads that in half the time.
    key = createPublicKey(derToPem(spki, 'PUBLIC KEY'));
    if (keyKindOf(spki) !== 'rsa') return { weaknesses: [], modulusBits: undefined };
  } catch {
    return {
      weaknesses: ['the public key is neither RSA, NIST P-256, P-384, P-521 nor Ed25519, or it is damaged'],
      modulusBits: undefined,
    };
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const modulus = BigInt(`0x${Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex') || '0'}`);
  return { weaknesses: rsaWeaknesses(modulus, modulusLength, publicExponent), modulusBits: modulusLength };
}

function rsaWeaknesses(modulus: bigint, modulusLength: number, publicExponent: bigint): string[] {
  const wrong: string[] = [];
  if (modulusLength < 2048) wrong.push(`an RSA key of ${modulusLength} bits is too short; 2048 or more are needed`);
  if (modulusLength > 8192)
    wrong.push(`an RSA key of ${modulusLength} bits is longer than mail clients can use (8192)`);
  if (modulusLength % 8 !== 0) wrong.push(`the length of the RSA key, ${modulusLength} bits, is not a multiple of 8`);
  // An even exponent has no inverse; a small one has a history of forged signatures.
  if (publicExponent % 2n === 0n || publicExponent < 65_537n || publicExponent >= 1n << 256n)
    wrong.push(`the RSA exponent ${publicExponent} is not an odd number from 65537 to 2^256`);
  const broken = brokenModulus(modulus);
  return broken === undefined ? wrong : [...wrong, broken];
}

/** Why anybody can factor an RSA modulus, as a sentence without a full stop; undefined where nobody is known to. */
export function brokenModulus(modulus: bigint): string | undefined {
  const factor = smallFactorOf(modulus);
  if (factor !== undefined) return `the RSA modulus is divisible by ${factor}`;
  if (hasRocaFingerprint(modulus)) return 'the RSA key comes from a broken generator (ROCA, CVE-2017-15361)';
  return hasClosePrimes(modulus) ? 'the two primes of the RSA key lie too close together' : undefined;
}

/** BR 6.1.6: no prime factor below 752. */
const SMALL_PRIMES = primesBelow(752);
const SMALL_PRIMES_PRODUCT = SMALL_PRIMES.reduce((product, prime) => product * BigInt(prime), 1n);

function primesBelow(limit: number): number[] {
  const primes: number[] = [];
  for (let n = 2; n < limit; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

/** One long division, then short ones of what it leaves: a tenth of the time of 132 long ones. */
function smallFactorOf(modulus: bigint): number | undefined {
  const rest = modulus % SMALL_PRIMES_PRODUCT;
  return SMALL_PRIMES.find((prime) => rest % BigInt(prime) === 0n);
}

/** Nemec et al. 2017: modulo each of these primes, a key of that generator is a power of 65537. */
const ROCA_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
const rocaResidues = ROCA_PRIMES.map((prime) => {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power);
  return { prime: BigInt(prime), powers };
});

function hasRocaFingerprint(modulus: bigint): boolean {
  return rocaResidues.every(({ prime, powers }) => powers.has(Number(modulus % prime)));
}

/** BR 6.1.1.3: 100 rounds of Fermat's factorisation find no factors. */
function hasClosePrimes(modulus: bigint): boolean {
  if (modulus < 4n) return false;
  const a = squareRoot(modulus - 1n) + 1n;
  const first = a * a - modulus;
  // From a to a + 1 the square grows by 2a + 1. Small numbers sieve out all but one in thousands that is no square.
  let rest = Number(first % SIEVE);
  let step = Number((2n * a + 1n) % SIEVE);
  for (let round = 0n; round < 100n; round++) {
    if (mayBeSquare(rest)) {
      const difference = first + round * (2n * a + round);
      if (squareRoot(difference) ** 2n === difference) return true;
    }
    rest = (rest + step) % Number(SIEVE);
    step = (step + 2) % Number(SIEVE);
  }
  return false;
}

/** A square is a square modulo each of these. Their product, and twice that, is a safe integer. */
const SIEVE_PARTS = [64, 63, 65, 11, 17, 19, 23, 31].map((modulus) => ({
  modulus,
  squares: new Set(Array.from({ length: modulus }, (_, n) => (n * n) % modulus)),
}));
const SIEVE = SIEVE_PARTS.reduce((product, { modulus }) => product * BigInt(modulus), 1n);

function mayBeSquare(rest: number): boolean {
  return SIEVE_PARTS.every(({ modulus, squares }) => squares.has(rest % modulus));
}

/** Rounded down, by Newton's method from above. */
function squareRoot(n: bigint): bigint {
  if (n < 2n) return n;
  const digits = n.toString(16);
  // The first 48 bits give 24 good ones of the root: each step doubles them.
  const head = Math.ceil(Math.sqrt(Number.parseInt(digits.slice(0, 12 - (digits.length % 2)), 16) + 1));
  const left = Math.max(0, digits.length - 12 + (digits.length % 2));
  let x = (BigInt(head) + 1n) << BigInt(left * 2);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}
