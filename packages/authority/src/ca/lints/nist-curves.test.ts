import { generateKeyPairSync } from 'node:crypto';
import { oids } from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { isNistCurve, isOnCurve } from './nist-curves.ts';

describe.each([
  ['P-256', oids.prime256v1, 65],
  ['P-384', oids.secp384r1, 97],
  ['P-521', oids.secp521r1, 133],
] as const)('%s', (namedCurve, id, length) => {
  const fresh = (): { spki: Buffer; point: Buffer } => {
    const spki = generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'der', type: 'spki' });
    return { spki, point: spki.subarray(-length) };
  };

  it('has the points that OpenSSL makes', () => {
    expect(isNistCurve(id)).toBe(true);
    for (let n = 0; n < 20; n++) {
      const { spki, point } = fresh();
      expect(isOnCurve(id, point, spki)).toBe(true);
    }
  });

  it('has no point beside its own, none beyond its prime and none of another length', () => {
    const { spki, point } = fresh();
    const beside = Buffer.from(spki);
    beside[spki.length - 1] = (beside[spki.length - 1] as number) ^ 1;
    expect(isOnCurve(id, beside.subarray(-length), beside)).toBe(false);
    const beyond = Buffer.concat([Buffer.from([4]), Buffer.alloc(length - 1, 0xff)]);
    expect(isOnCurve(id, beyond, Buffer.concat([spki.subarray(0, -length), beyond]))).toBe(false);
    expect(isOnCurve(id, point.subarray(1), spki.subarray(0, -1))).toBe(false);
  });

  it('has the compressed points that OpenSSL makes', () => {
    const { spki: whole, point } = fresh();
    const short = Buffer.concat([
      Buffer.from([2 + ((point.at(-1) as number) & 1)]),
      point.subarray(1, 1 + (length - 1) / 2),
    ]);
    // Rebuilt around the shorter point: SEQUENCE { algorithm, BIT STRING }.
    const start = whole.indexOf(Buffer.from([0x06, 0x07])) - 2;
    const algorithm = whole.subarray(start, start + 2 + (whole[start + 1] as number));
    const bitString = Buffer.concat([Buffer.from([3, short.length + 1, 0]), short]);
    const spki = Buffer.concat([Buffer.from([0x30, algorithm.length + bitString.length]), algorithm, bitString]);
    expect(isOnCurve(id, short, spki)).toBe(true);
  });
});
