import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createdAt, newKeyId } from './key-id.ts';
import { ecdsaSignature, pointOf, pointSpki, rsaSpki } from './public-key.ts';

describe('public keys as tokens give them', () => {
  it.each([
    ['p256', 'prime256v1'],
    ['p384', 'secp384r1'],
    ['p521', 'secp521r1'],
  ] as const)('reads a point of %s bare and wrapped, and gives it back', (spec, namedCurve) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const bare = pointOf(spec, spki);
    const length = bare.length < 0x80 ? [bare.length] : [0x81, bare.length];
    expect(pointSpki(spec, bare)).toEqual(spki);
    expect(pointSpki(spec, Buffer.concat([Uint8Array.from([4, ...length]), bare]))).toEqual(spki);
    const offCurve = Buffer.from(bare);
    offCurve[bare.length - 1] = (offCurve[bare.length - 1] ?? 0) ^ 1;
    expect(() => pointSpki(spec, offCurve)).toThrow();
    expect(() => pointSpki(spec, bare.subarray(2))).toThrow();
  });

  it('refuses a point of another curve', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    expect(() => pointOf('p256', publicKey.export({ type: 'spki', format: 'der' }))).toThrow(/different curves/);
  });

  it('reads Ed25519 and RSA, whose numbers may have leading zeros', () => {
    const ed = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' });
    expect(pointSpki('ed25519', Buffer.concat([Uint8Array.of(4, 32), ed.subarray(-32)]))).toEqual(ed);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    const { n = '', e = '' } = rsa.export({ format: 'jwk' });
    const modulus = Buffer.concat([Buffer.alloc(1), Buffer.from(n, 'base64url')]);
    const exponent = Buffer.concat([Buffer.alloc(5), Buffer.from(e, 'base64url')]);
    expect(rsaSpki(modulus, exponent)).toEqual(rsa.export({ type: 'spki', format: 'der' }));
  });
});

describe('ECDSA signatures', () => {
  it.each([
    ['prime256v1', 300],
    ['secp384r1', 40],
    ['secp521r1', 20],
  ] as const)('verify after the change of form (%s)', (namedCurve, times) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    const data = Buffer.from('data');
    // Enough of them that r or s begins with a zero octet, or with a bit that a signed number must not have.
    for (let index = 0; index < times; index += 1) {
      const raw = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      expect(verify('sha256', data, publicKey, ecdsaSignature(raw))).toBe(true);
    }
  });

  it('is the shortest DER', () => {
    const raw = Buffer.concat([Buffer.alloc(31), Buffer.from([0x80]), Buffer.alloc(31), Buffer.from([0x7f])]);
    expect(ecdsaSignature(raw).toString('hex')).toBe('300702020080' + '02017f');
  });
});

describe('ids of keys', () => {
  it('tell when they were made, and differ', () => {
    const at = new Date('2026-11-25T12:00:00.123Z');
    const [one, other] = [newKeyId(at), newKeyId(at)];
    expect(one).not.toBe(other);
    expect(createdAt(one)).toEqual(at);
    expect(one < newKeyId(new Date(at.getTime() + 1))).toBe(true);
  });

  it('of others tell nothing', () => {
    expect(createdAt('01')).toEqual(new Date(0));
    expect(createdAt('ffffffffffff0fff8fffffffffffffff')).toEqual(new Date(0));
  });
});
