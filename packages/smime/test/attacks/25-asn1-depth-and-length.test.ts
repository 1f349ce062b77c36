import { describe, expect, it } from 'vitest';
import {
  DerReader,
  encodeExplicit,
  encodeInteger,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from '../../src/asn1/der.ts';
import { oids, SmimeError, verifyContent, verifyMessage } from '../../src/index.ts';
import { opaque } from '../forge.ts';
import { codes, now } from '../office.ts';

describe('attack 25: ASN.1 of impossible depth, length and size', () => {
  const verify = async (der: Uint8Array) => {
    const report = await verifyMessage({
      message: opaque(der, { header: 'Content-Type: application/pkcs7-mime; smime-type=signed-data' }),
      anchors: [],
      at: now,
    });
    await verifyContent({ der, anchors: [], at: now }).catch((error: unknown) =>
      expect(error).toBeInstanceOf(SmimeError),
    );
    return report;
  };

  const nested = (header: Buffer, depth: number): Buffer => Buffer.concat(new Array<Buffer>(depth).fill(header));
  /** Goes into whatever is constructed, as deep as it goes. */
  const naive = (der: Buffer, at = 0): number => {
    if (at + 2 > der.length || ((der[at] ?? 0) & 0x20) === 0) return at;
    const first = der[at + 1] ?? 0;
    return naive(der, at + 2 + (first > 0x80 ? first - 0x80 : 0));
  };

  it('a walker without a bound falls off its stack where the engine answers', () => {
    expect(naive(encodeSequence(encodeSequence()))).toBe(4);
    for (const header of ['3080', '2480']) {
      const der = nested(Buffer.from(header, 'hex'), 1_000_000);
      expect(() => naive(der)).toThrow(RangeError);
      expect(() => new DerReader(der)).not.toThrow(RangeError);
    }
  });

  it('a reader that makes room for the length it is told makes 4 GB of eight octets', async () => {
    const der = Buffer.from('3084ffffffff0609', 'hex');
    // The room is only promised until it is written to, so that the machine may or may not have it.
    const naive = (octets: Buffer): number => {
      try {
        return new ArrayBuffer(octets.readUInt32BE(2)).byteLength;
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        return Number.POSITIVE_INFINITY;
      }
    };
    expect(naive(der)).toBeGreaterThan(4_000_000_000);
    // Lengths of eight octets as well, at the top and within, where an indefinite length stands around them.
    for (const hex of ['3084ffffffff0609', '3088ffffffffffffffff0609', '30802484ffffffff0401', '0484ffffffff41']) {
      const before = process.memoryUsage();
      expect((await verify(Buffer.from(hex, 'hex'))).verdict).not.toBe('valid');
      const after = process.memoryUsage();
      expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16_000_000);
    }
  });

  const hostile: [string, Buffer][] = [
    ['a million indefinite lengths', nested(Buffer.from([0x30, 0x80]), 1_000_000)],
    ['a million octet strings in one another', nested(Buffer.from([0x24, 0x80]), 1_000_000)],
    ['definite nesting', nested(Buffer.from([0x30, 0x84, 0x00, 0x10, 0x00, 0x00]), 10_000)],
    ['a length of 2^64', Buffer.from('308fffffffffffffffffffffffffffffff', 'hex')],
    ['a length that exceeds the octets', Buffer.from('3084ffffffff0609', 'hex')],
    ['an unfinished indefinite length', Buffer.from('3080060100', 'hex')],
    ['a high tag number', Buffer.from('3f8f8f8f8f0100', 'hex')],
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(1_000)],
  ];
  for (const [name, der] of hostile) {
    it(name, async () => {
      const report = await verify(der);
      expect(report.verdict).not.toBe('valid');
    });
  }

  it('a version of a million octets', async () => {
    const data = encodeSequence(
      encodeInteger(Buffer.alloc(1_000_000, 0x7f)),
      encodeSetOf([]),
      encodeSequence(encodeOid(oids.data)),
      encodeSetOf([]),
    );
    const report = await verify(encodeSequence(encodeOid(oids.signedData), encodeExplicit(0, data)));
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('malformed-signature');
  });
});
