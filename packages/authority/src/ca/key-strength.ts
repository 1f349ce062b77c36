/** Is a public key worth certifying (S/MIME BR 6.1.1.3, 6.1.5, 6.1.6)? */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { keyKindOf } from '@chancery/smime';

/** What is wrong with a DER SubjectPublicKeyInfo, a sentence each without a full stop; empty for a sound key. */
export function weaknessesOf(spki: Uint8Array): string[] {
  let key: KeyObject;
  try {
    // OpenSSL checks that the point of an elliptic-curve key lies on its curve.
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    if (keyKindOf(spki) !== 'rsa') return [];
  } catch {
    return ['the public key is neither RSA, NIST P-256, P-384, P-521 nor Ed25519, or it is damaged'];
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const modulus = BigInt(`0x${Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex') || '0'}`);
  const wrong: string[] = [];
  if (modulusLength < 2048) wrong.push(`an RSA key of ${modulusLength} bits is too short; 2048 or more are needed`);
  if (modulusLength > 8192)
    wrong.push(`an RSA key of ${modulusLength} bits is longer than mail clients can use (8192)`);
  if (modulusLength % 8 !== 0) wrong.push(`the length of the RSA key, ${modulusLength} bits, is not a multiple of 8`);
  // An even exponent has no inverse; a small one has a history of forged signatures.
  if (publicExponent % 2n === 0n || publicExponent < 65_537n || publicExponent >= 1n << 256n)
    wrong.push(`the RSA exponent ${publicExponent} is not an odd number from 65537 to 2^256`);
  const factor = SMALL_PRIMES.find((prime) => modulus % prime === 0n);
  if (factor !== undefined) wrong.push(`the RSA modulus is divisible by ${factor}`);
  else if (hasRocaFingerprint(modulus)) wrong.push('the RSA key comes from a broken generator (ROCA, CVE-2017-15361)');
  else if (hasClosePrimes(modulus)) wrong.push('the two primes of the RSA key lie too close together');
  return wrong;
}

/** The length of an RSA key in bits; undefined for other keys. @param spki DER, of a kind the engine knows */
export function modulusBits(spki: Uint8Array): number | undefined {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).asymmetricKeyDetails?.modulusLength;
}

/** BR 6.1.6: no prime factor below 752. */
const SMALL_PRIMES = primesBelow(752);

function primesBelow(limit: number): bigint[] {
  const primes: number[] = [];
  for (let n = 2; n < limit; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map(BigInt);
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
  let a = squareRoot(modulus - 1n) + 1n;
  for (let round = 0; round < 100; round++, a++) {
    const rest = a * a - modulus;
    // A square is 0, 1, 4, 9, 16 or 25 modulo 36, and so on: 64 filters five numbers out of six without a root.
    if (SQUARES_MODULO_64.has(Number(BigInt.asUintN(6, rest))) && squareRoot(rest) ** 2n === rest) return true;
  }
  return false;
}

const SQUARES_MODULO_64 = new Set(Array.from({ length: 64 }, (_, n) => (n * n) % 64));

/** Rounded down, by Newton's method. */
function squareRoot(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}
