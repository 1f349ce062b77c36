import { describe, expect, it } from 'vitest';
import { children, hex, readDer, readOid, readText, readTime } from './read.ts';
import { bmpString, der, integer, octetString, oid, sequence, setOf, unsigned, utf8String } from './write.ts';

describe('DER', () => {
  it('writes lengths in the short and the long form', () => {
    expect(hex(octetString(new Uint8Array(127))).slice(0, 4)).toBe('047f');
    expect(hex(octetString(new Uint8Array(128))).slice(0, 6)).toBe('048180');
    expect(hex(octetString(new Uint8Array(70_000))).slice(0, 10)).toBe('0483011170');
    expect(readDer(octetString(new Uint8Array(70_000))).content).toHaveLength(70_000);
  });

  it('writes integers as short as they may be', () => {
    expect(hex(integer(0))).toBe('020100');
    expect(hex(integer(127))).toBe('02017f');
    expect(hex(integer(128))).toBe('02020080');
    expect(hex(integer(600_000))).toBe('02030927c0');
    expect(hex(unsigned(Uint8Array.of(0, 0, 0xff)))).toBe('020200ff');
  });

  it('reads the object identifiers that it writes', () => {
    for (const dotted of ['2.5.4.3', '1.2.840.113549.1.12.10.1.2', '2.16.840.1.101.3.4.1.42', '0.9.2342', '2.999.3']) {
      expect(readOid(readDer(oid(dotted)).content)).toBe(dotted);
    }
    expect(hex(oid('1.2.840.113549'))).toBe('06062a864886f70d');
  });

  it('reads an arc of 128 bits without losing one', () => {
    // X.667's own example.
    expect(readOid(uuidOid(329800735698586629295641978511506172918n))).toBe(
      '2.25.329800735698586629295641978511506172918',
    );
  });

  it('orders a set by its octets', () => {
    expect(hex(setOf(integer(9), integer(1), utf8String('a')))).toBe('3109020101020109 0c0161'.replace(' ', ''));
  });

  it('reads text of every kind', () => {
    expect(readText(readDer(utf8String('Ünal')))).toBe('Ünal');
    expect(readText(readDer(bmpString('Ünal €')))).toBe('Ünal €');
    expect(readText(readDer(der(0x14, Uint8Array.of(0xe9))))).toBe('é');
  });

  it('reads both kinds of time', () => {
    const text = (value: string) => new TextEncoder().encode(value);
    expect(readTime(readDer(der(0x17, text('261124040142Z'))))).toBe('2026-11-24T04:01:42Z');
    expect(readTime(readDer(der(0x17, text('991231235959Z'))))).toBe('1999-12-31T23:59:59Z');
    expect(readTime(readDer(der(0x18, text('20511124040142Z'))))).toBe('2051-11-24T04:01:42Z');
  });

  it('refuses what is cut short, at every length', () => {
    const whole = sequence(integer(5), octetString(new Uint8Array(200)));
    for (let length = 0; length < whole.length; length++) {
      expect(() => children(readDer(whole.subarray(0, length)))).toThrow(RangeError);
    }
    expect(() => readDer(Uint8Array.of(0x30, 0x80, 0, 0))).toThrow(RangeError);
  });
});

/** The content of 2.25.<arc>. */
function uuidOid(arc: bigint): Uint8Array {
  const octets = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) octets.unshift(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from([2 * 40 + 25, ...octets]);
}
