import { describe, expect, it } from 'vitest';
import {
  encodeElement,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSetOf,
  encodeUtf8String,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { buildName, formatName, isWithin, nameKey, namesEqual, nameValues, parseName } from './name.ts';

const attribute = (type: string, value: Uint8Array): Buffer => encodeSequence(encodeOid(type), value);
const nameOf = (...values: Uint8Array[]) =>
  parseName(encodeSequence(...values.map((value) => encodeSetOf([attribute(oids.commonName, value)]))));

describe('names', () => {
  const name = buildName([
    { type: 'countryName', value: 'de' },
    { type: 'organizationName', value: 'Müller, Söhne + Co' },
    { type: 'commonName', value: '#Jörg "J" <x>; \\' },
    { type: 'emailAddress', value: 'j@example.com' },
  ]);

  it('are shown as RFC 4514 escapes them, most specific first', () => {
    expect(formatName(name)).toBe(
      'emailAddress=j@example.com,CN=\\#Jörg \\"J\\" \\<x\\>\\; \\\\,O=Müller\\, Söhne \\+ Co,C=DE',
    );
    expect(formatName(nameOf(encodeUtf8String(' a ')))).toBe('CN=\\ a\\ ');
    expect(formatName(nameOf(encodeUtf8String('a\nb\0')))).toBe('CN=a\\0ab\\00');
    expect(formatName(parseName(encodeSequence()))).toBe('');
  });

  it('keep their types and order', () => {
    expect(name.attributes.map(([first]) => first?.type)).toEqual([
      oids.countryName,
      oids.organizationName,
      oids.commonName,
      oids.emailAddress,
    ]);
    expect(nameValues(name, oids.emailAddress)).toEqual(['j@example.com']);
  });

  it('are equal whatever the string type, case and white space (RFC 5280 7.1)', () => {
    const a = nameOf(encodePrintableString('Example  Org '));
    const b = nameOf(encodeUtf8String('example org'));
    expect(namesEqual(a, b)).toBe(true);
    expect(nameKey(a)).toBe(nameKey(b));
    expect(namesEqual(a, nameOf(encodeUtf8String('example orgs')))).toBe(false);
    expect(namesEqual(a, nameOf(encodeUtf8String('example org'), encodeUtf8String('x')))).toBe(false);
  });

  it('are different where the text was no valid text', () => {
    const broken = (octet: number) => nameOf(encodeElement(tag.utf8String, Buffer.of(0x41, octet)));
    expect(namesEqual(broken(0xff), nameOf(encodeUtf8String('a')))).toBe(false);
  });

  it('read BMPString, TeletexString and UniversalString', () => {
    expect(formatName(nameOf(encodeElement(tag.bmpString, Buffer.from('00410142', 'hex'))))).toBe('CN=Ał');
    expect(formatName(nameOf(encodeElement(tag.teletexString, Buffer.from('e4', 'hex'))))).toBe('CN=ä');
    expect(formatName(nameOf(encodeElement(tag.universalString, Buffer.from('0001f600', 'hex'))))).toBe('CN=😀');
    expect(formatName(nameOf(Buffer.from('020107', 'hex')))).toBe('CN=#020107');
    expect(namesEqual(nameOf(Buffer.from('020107', 'hex')), nameOf(encodeUtf8String('#020107')))).toBe(false);
  });

  it('lie within a subtree that they begin with', () => {
    const subtree = buildName([{ type: 'countryName', value: 'DE' }]);
    expect(isWithin(name, subtree)).toBe(true);
    expect(isWithin(subtree, name)).toBe(false);
    expect(isWithin(name, buildName([{ type: 'countryName', value: 'FR' }]))).toBe(false);
  });

  it('cannot be built from what does not fit', () => {
    expect(() => buildName([{ type: 'countryName', value: 'Germany' }])).toThrow(SmimeError);
    expect(() => buildName([{ type: 'emailAddress', value: 'ü@example.com' }])).toThrow(SmimeError);
    expect(() => buildName([{ type: 'commonName', value: '' }])).toThrow(SmimeError);
    expect(() => buildName([{ type: 'serialNumber', value: 'a*b' }])).toThrow(SmimeError);
  });
});
