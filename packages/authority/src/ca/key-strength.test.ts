import { checkPrimeSync, createPublicKey, generateKeyPairSync, generatePrimeSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { weaknessesOf } from './key-strength.ts';

const spki = (modulus: bigint, exponent = 65_537n): Uint8Array => {
  const octets = (n: bigint) => {
    const hex = n.toString(16);
    return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex').toString('base64url');
  };
  return createPublicKey({ key: { kty: 'RSA', n: octets(modulus), e: octets(exponent) }, format: 'jwk' }).export({
    format: 'der',
    type: 'spki',
  });
};
const prime = (bits: number) => generatePrimeSync(bits, { bigint: true });
/** The product of two primes has this many bits because `generatePrime` sets the two highest of each. */
const modulusOf = (p: bigint, q: bigint) => p * q;

describe('weaknessesOf', () => {
  it.each(['P-256', 'P-384', 'P-521'])('finds nothing wrong with %s', (namedCurve) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve });
    expect(weaknessesOf(publicKey.export({ format: 'der', type: 'spki' }))).toEqual([]);
  });

  it('finds nothing wrong with ordinary RSA keys', () => {
    for (let n = 0; n < 5; n++) expect(weaknessesOf(spki(modulusOf(prime(1024), prime(1024))))).toEqual([]);
  });

  it.each([1n, 3n, 17n, 65_536n, 65_538n])('refuses the exponent %s', (exponent) => {
    expect(weaknessesOf(spki(modulusOf(prime(1024), prime(1024)), exponent))).toEqual([
      expect.stringContaining(`exponent ${exponent} `),
    ]);
  });

  it('refuses a modulus with a small factor, an even one included', () => {
    expect(weaknessesOf(spki(prime(2038) * 751n)).join()).toContain('divisible by 751');
    expect(weaknessesOf(spki(prime(2047) * 2n)).join()).toContain('divisible by 2');
  });

  it('refuses two primes that lie close together', () => {
    let p = prime(1024);
    const q = p;
    do p += 2n;
    while (!checkPrimeSync(p));
    expect(weaknessesOf(spki(modulusOf(p, q))).join()).toContain('too close together');
  });

  it('refuses a modulus from the ROCA generator', () => {
    // Its primes are k * M + 65537^a mod M, with M the product of the first primes; so is the product of two.
    const first = [
      2n,
      3n,
      5n,
      7n,
      11n,
      13n,
      17n,
      19n,
      23n,
      29n,
      31n,
      37n,
      41n,
      43n,
      47n,
      53n,
      59n,
      61n,
      67n,
      71n,
      73n,
      79n,
      83n,
      89n,
      97n,
      101n,
      103n,
      107n,
      109n,
      113n,
      127n,
      131n,
      137n,
      139n,
      149n,
      151n,
      157n,
      163n,
      167n,
    ];
    const M = first.reduce((a, b) => a * b);
    const base = (prime(2048) / M) * M;
    let modulus = base + 65_537n;
    // Any number of that form has the mark; a small factor would be found first.
    for (let power = 65_537n; weaknessesOf(spki(modulus)).join().includes('divisible'); modulus = base + power)
      power = (power * 65_537n) % M;
    expect(weaknessesOf(spki(modulus)).join()).toContain('ROCA');
  });

  it('refuses curves and algorithms that mail does not know', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    expect(weaknessesOf(publicKey.export({ format: 'der', type: 'spki' })).join()).toContain('neither RSA');
    expect(weaknessesOf(Buffer.from('3000', 'hex')).join()).toContain('neither RSA');
  });
});
