import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import {
  DerReader,
  encodeBitString,
  encodeBoolean,
  encodeElement,
  encodeExplicit,
  encodeGeneralizedTime,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeTime,
  encodeUtf8String,
  readOnly,
  tag,
} from './der.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function failure(action: () => unknown): SmimeError {
  try {
    action();
  } catch (error) {
    if (error instanceof SmimeError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the DER writer', () => {
  it('makes what X.690 gives as examples', () => {
    expect(encodeOid('2.999.3').toString('hex')).toBe('0603883703');
    expect(encodeOid('1.2.840.113549').toString('hex')).toBe('06062a864886f70d');
    expect(encodeInteger(0).toString('hex')).toBe('020100');
    expect(encodeInteger(127).toString('hex')).toBe('02017f');
    expect(encodeInteger(128).toString('hex')).toBe('02020080');
    expect(encodeInteger(hex('00 00 80')).toString('hex')).toBe('02020080');
    expect(encodeBoolean(true).toString('hex')).toBe('0101ff');
    expect(encodeBitString(hex('a0'), 5).toString('hex')).toBe('030205a0');
  });

  it('writes every length in its shortest form', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000]) {
      const element = encodeOctetString(Buffer.alloc(length, 7));
      const reader = new DerReader(element);
      expect(reader.octetString().length).toBe(length);
      expect(reader.atEnd).toBe(true);
      const size = element.length - length;
      expect(size).toBe(length < 128 ? 2 : length < 256 ? 3 : length < 65_536 ? 4 : 5);
    }
  });

  it('sorts a SET OF by encoding', () => {
    const set = encodeSetOf([encodeInteger(300), encodeInteger(2), encodeOctetString(hex('00'))]);
    expect(set.toString('hex')).toBe(`310a${'020102'}${'0202012c'}${'040100'}`);
  });

  it('refuses what has no encoding', () => {
    for (const text of ['', '1', '3.1', '1.40', '1.2.03', 'a.b', '1.2.']) {
      expect(failure(() => encodeOid(text)).code).toBe('invalid-argument');
    }
    expect(failure(() => encodeInteger(-1)).code).toBe('invalid-argument');
    expect(failure(() => encodeTime(new Date(Number.NaN))).code).toBe('invalid-argument');
  });
});

describe('the DER reader', () => {
  it('reads back what the writer wrote', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ unit: 'grapheme' }).filter((text) => text.isWellFormed()),
        fc.date({ min: new Date('1950-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (number, octets, text, date) => {
          const seconds = new Date(Math.floor(date.getTime() / 1000) * 1000);
          const reader = readOnly(
            encodeSequence(
              encodeInteger(number),
              encodeOctetString(octets),
              encodeUtf8String(text),
              encodeTime(seconds),
              encodeExplicit(0, encodeGeneralizedTime(seconds)),
            ),
            'the test',
          );
          expect(Number.parseInt(reader.integerContent().toString('hex'), 16)).toBe(number);
          expect(Buffer.from(reader.octetString())).toEqual(Buffer.from(octets));
          expect(reader.string()).toBe(text);
          expect(reader.time()).toEqual(seconds);
          expect(reader.enter(0xa0).generalizedTime()).toEqual(seconds);
          reader.finish('the test');
        },
      ),
    );
  });

  it('reads object identifiers with arcs beyond 64 bits', () => {
    for (const text of [
      '0.0',
      '1.39',
      '2.999',
      '2.25.329800735698586629295641978511506172918',
      '1.2.4294967296.9007199254740993',
    ]) {
      // A fresh buffer: the reader and the writer keep separate caches.
      expect(new DerReader(Buffer.from(encodeOid(text))).oid()).toBe(text);
    }
  });

  it('refuses padded and unfinished object identifiers', () => {
    expect(failure(() => new DerReader(hex('06 03 2a 80 01')).oid()).offset).toBe(3);
    expect(failure(() => new DerReader(hex('06 02 2a 86')).oid()).code).toBe('malformed-asn1');
    expect(failure(() => new DerReader(hex('06 00')).oid()).code).toBe('malformed-asn1');
  });

  it('names the offset of what is wrong', () => {
    const bytes = encodeSequence(encodeInteger(5), encodeOctetString(hex('aabb')));
    const reader = readOnly(bytes, 'the test');
    reader.smallInteger();
    const error = failure(() => reader.smallInteger());
    expect(error.code).toBe('malformed-asn1');
    expect(error.offset).toBe(5);
    expect(error.message).toContain('octetString');
  });

  it('refuses lengths that exceed the container, however large they claim to be', () => {
    for (const bytes of [
      '30 05 02 01 01',
      '30 84 ff ff ff ff 00',
      '30 8a ff ff ff ff ff ff ff ff ff ff 00',
      '30 ff',
      '30',
    ]) {
      expect(failure(() => readOnly(hex(bytes), 'the test')).code).toBe('malformed-asn1');
    }
    // An element may not reach beyond its parent even where the buffer goes on.
    const parent = new DerReader(hex('30 03 04 05 aa 04 05 aa bb cc dd ee')).enter();
    expect(failure(() => parent.octetString()).offset).toBe(2);
  });

  it('refuses indefinite lengths, tag numbers above 30 and trailing octets', () => {
    expect(failure(() => readOnly(hex('30 80 00 00'), 'the test')).message).toContain('indefinite');
    expect(failure(() => new DerReader(hex('1f 81 01 00')).skip()).code).toBe('malformed-asn1');
    expect(failure(() => readOnly(hex('30 00 00'), 'the test')).offset).toBe(2);
  });

  it('stops at the depth limit', () => {
    let nested: Uint8Array = encodeInteger(1);
    for (let i = 0; i < limits.asn1Depth + 5; i++) nested = encodeSequence(nested);
    const error = failure(() => {
      for (let reader = new DerReader(nested); ; ) reader = reader.enter();
    });
    expect(error.code).toBe('limit-exceeded');
  });

  it('reads the days that there are, and no others', () => {
    const digits = (value: number, length: number): string => String(value).padStart(length, '0');
    for (const year of [0, 4, 99, 100, 1600, 1900, 1970, 2000, 2024, 2026, 2100, 9999])
      for (let month = 1; month <= 12; month++)
        for (const day of [1, 28, 29, 30, 31]) {
          const text = `${digits(year, 4)}${digits(month, 2)}${digits(day, 2)}235958Z`;
          const expected = new Date(Date.UTC(2000, 0, 1, 23, 59, 58));
          expected.setUTCFullYear(year, month - 1, day);
          const read = (): Date => new DerReader(encodeElement(tag.generalizedTime, Buffer.from(text))).time();
          if (expected.getUTCDate() === day) expect(read()).toEqual(expected);
          else expect(read).toThrow('a valid time');
        }
  });

  it('reads only times in UTC with seconds', () => {
    const utc = (text: string): Date => new DerReader(encodeElement(tag.utcTime, Buffer.from(text))).time();
    const generalized = (text: string): Date =>
      new DerReader(encodeElement(tag.generalizedTime, Buffer.from(text))).time();
    expect(utc('491231235959Z').toISOString()).toBe('2049-12-31T23:59:59.000Z');
    expect(utc('500101000000Z').toISOString()).toBe('1950-01-01T00:00:00.000Z');
    expect(generalized('20500101000000Z').toISOString()).toBe('2050-01-01T00:00:00.000Z');
    expect(generalized('00010101000000Z').toISOString()).toBe('0001-01-01T00:00:00.000Z');
    expect(utc('240229000000Z').toISOString()).toBe('2024-02-29T00:00:00.000Z');
    for (const text of [
      '4912312359Z',
      '491231235959',
      '491231235959+0100',
      '490231000000Z',
      '230229000000Z',
      '491331000000Z',
      '49123124000Z',
      '491231246000Z',
      '4912312359x9Z',
    ]) {
      expect(failure(() => utc(text)).code).toBe('malformed-asn1');
    }
    for (const text of ['20500101000000.5Z', '205001010000Z', '20500100000000Z'])
      expect(failure(() => generalized(text)).code).toBe('malformed-asn1');
  });

  it('throws nothing but SmimeError whatever the octets', () => {
    const walk = (reader: DerReader): void => {
      while (!reader.atEnd) {
        if (reader.peek() & 0x20) walk(reader.enter(reader.peek()));
        else if (reader.peek() === tag.oid) reader.oid();
        else if (reader.peek() === tag.integer) reader.integerContent();
        else if (reader.peek() === tag.utcTime) reader.time();
        else reader.string();
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          walk(new DerReader(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(SmimeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
