import { hash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decryptRc2Cbc } from '../keys/rc2.ts';
import { limits } from '../limits.ts';
import { DerivationBudget, derivePbkdf2, derivePkcs12, deriveScrypt, purpose } from './derive.ts';
import { iterateHash } from './iterate-hash.ts';
import { bmpPassword, passwordForms } from './password.ts';

const nothing = Buffer.alloc(0);

describe('keys from passwords', () => {
  it('the derivation of RFC 7292 B.2 gives the known values', async () => {
    const derive = (text: string, salt: string, iterations: number, length: number, use: number) =>
      derivePkcs12(bmpPassword(text), Buffer.from(salt, 'hex'), iterations, length, use, 'sha1').then((key) =>
        key.toString('hex'),
      );
    expect(await derive('smeg', '0a58cf64530d823f', 1, 24, purpose.key)).toBe(
      '8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3',
    );
    expect(await derive('smeg', '0a58cf64530d823f', 1, 8, purpose.iv)).toBe('79993dfe048d3b76');
    expect(await derive('queeg', '05dec959acff72f7', 1000, 24, purpose.key)).toBe(
      'ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4',
    );
    expect(await derive('queeg', '05dec959acff72f7', 1000, 8, purpose.iv)).toBe('11dedad7758d4860');
  });

  it('scrypt gives the values of RFC 7914 section 12', async () => {
    const derive = async (password: string, salt: string, N: number, r: number, p: number) =>
      (await deriveScrypt(Buffer.from(password), Buffer.from(salt), { N, r, p }, 64)).toString('hex').slice(0, 32);
    expect(await derive('', '', 16, 1, 1)).toBe('77d6576238657b203b19ca42c18a0497');
    expect(await derive('password', 'NaCl', 1024, 8, 16)).toBe('fdbabe1c9d3472007856e7190d01e9fe');
  });

  it('scrypt is not begun with parameters that take too much, or are none', async () => {
    const derive = (N: number, r: number, p: number) => deriveScrypt(nothing, nothing, { N, r, p }, 32);
    const tooMuch = expect.objectContaining({ code: 'limit-exceeded' });
    await expect(derive(2 ** 17, 8, 1)).rejects.toEqual(tooMuch);
    await expect(derive(2, 2 ** 20, 1)).rejects.toEqual(tooMuch);
    await expect(derive(2, 1, 2 ** 28)).rejects.toEqual(tooMuch);
    await expect(derive(2 ** 15, 8, 31)).rejects.toEqual(tooMuch);
    const none = expect.objectContaining({ code: 'unexpected-structure' });
    for (const [N, r, p] of [
      [0, 1, 1],
      [1, 1, 1],
      [3, 1, 1],
      [-2, 1, 1],
      [2 ** 16, 1, 1],
      [16, 0, 1],
      [16, 1, 0],
      [16, 1, -1],
      [16, 2 ** 15, 2 ** 15],
    ] as const)
      await expect(derive(N, r, p), `${N} ${r} ${p}`).rejects.toEqual(none);
  });

  it('a budget is spent by all derivations together', async () => {
    const budget = new DerivationBudget(1_000);
    await derivePbkdf2(nothing, nothing, 300, 32, 'sha256', budget);
    // 40 octets are two blocks of SHA-256: twice the work.
    await derivePbkdf2(nothing, nothing, 300, 40, 'sha256', budget);
    await derivePkcs12(nothing, nothing, 50, 20, purpose.mac, 'sha1', budget);
    const refused = expect.objectContaining({ code: 'limit-exceeded' });
    await expect(derivePbkdf2(nothing, nothing, 1, 32, 'sha256', budget)).rejects.toEqual(refused);
    await expect(derivePkcs12(nothing, nothing, 1, 20, purpose.mac, 'sha1', budget)).rejects.toEqual(refused);
  });

  it('one derivation has caps of its own', async () => {
    const refused = expect.objectContaining({ code: 'limit-exceeded' });
    const wide = new DerivationBudget(Number.MAX_SAFE_INTEGER);
    const many = limits.passwordIterations + 1;
    await expect(derivePbkdf2(nothing, nothing, many, 32, 'sha256', wide)).rejects.toEqual(refused);
    const rounds = limits.pkcs12Iterations + 1;
    await expect(derivePkcs12(nothing, nothing, rounds, 20, purpose.mac, 'sha1', wide)).rejects.toEqual(refused);
    const salt = Buffer.alloc(limits.passwordSaltOctets + 1);
    await expect(derivePbkdf2(nothing, salt, 1, 32, 'sha256', wide)).rejects.toEqual(refused);
    await expect(deriveScrypt(nothing, salt, { N: 2, r: 1, p: 1 }, 32, wide)).rejects.toEqual(refused);
  });

  it('the event loop has its turn while PKCS#12 derives', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await derivePkcs12(bmpPassword('x'), nothing, 300_000, 20, purpose.mac, 'sha1');
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });
});

describe('a hash of its own hash', () => {
  it.each([
    ['sha1', 20],
    ['sha256', 32],
    ['sha512', 64],
    ['md5', 16],
    ['sha3-256', 32],
  ] as const)('%s is what node:crypto says', (digest, length) => {
    for (const first of [Buffer.alloc(length), Buffer.alloc(length, 0xff), randomBytes(length), randomBytes(length)]) {
      let expected = first;
      for (let rounds = 0; rounds < 100; rounds++) {
        expect(iterateHash(digest, first, rounds)).toEqual(expected);
        expected = hash(digest, expected, 'buffer');
      }
    }
  });
});

describe('the octets of a password', () => {
  const hex = (octets: readonly Buffer[]) => octets.map((form) => form.toString('hex'));

  it('are UTF-16 for PKCS#12 and UTF-8 for PKCS#5, and what else programs made of them', () => {
    expect(hex(passwordForms('ab').pkcs12)).toEqual(['006100620000']);
    expect(hex(passwordForms('ab').pkcs5)).toEqual(['6162', '006100620000']);
    expect(hex(passwordForms('').pkcs12)).toEqual(['0000', '']);
    expect(hex(passwordForms('é').pkcs12)).toEqual(['00e90000', '00c300a90000']);
    expect(hex(passwordForms('é').pkcs5)).toEqual(['c3a9', '00e90000', 'e9']);
    expect(hex(passwordForms('€😀').pkcs12)[0]).toBe('20acd83dde000000');
    expect(passwordForms('€').pkcs5.length).toBe(2);
  });
});

describe('RC2', () => {
  it('decrypts the vectors of RFC 2268 section 5', () => {
    for (const [key, bits, plain, cipher] of [
      ['0000000000000000', 63, '0000000000000000', 'ebb773f993278eff'],
      ['ffffffffffffffff', 64, 'ffffffffffffffff', '278b27e42e2f0d49'],
      ['3000000000000000', 64, '1000000000000001', '30649edf9be7d2c2'],
      ['88bca90e90875a', 64, '0000000000000000', '6ccf4308974c267f'],
      ['88bca90e90875a7f0f79c384627bafb2', 64, '0000000000000000', '1a807d272bbe5db1'],
      ['88bca90e90875a7f0f79c384627bafb2', 128, '0000000000000000', '2269552ab0f85ca6'],
    ] as const) {
      // One block has no padding of its own: an IV that turns the plain block into eight times 08 shows whether it decrypts.
      const iv = Buffer.from(Buffer.from(plain, 'hex').map((octet) => octet ^ 8));
      expect(decryptRc2Cbc(Buffer.from(key, 'hex'), bits, iv, Buffer.from(cipher, 'hex'))?.length, cipher).toBe(0);
    }
    expect(decryptRc2Cbc(Buffer.alloc(5, 1), 40, Buffer.alloc(8), Buffer.alloc(7))).toBeUndefined();
  });
});
