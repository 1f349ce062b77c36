import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeBase64,
  decodeQuotedPrintable,
  encodeBase64After,
  encodeBase64Lines,
  encodeQuotedPrintable,
} from './transfer-encoding.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('base64', () => {
  it('gives back every octet, in lines of 76', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
        const encoded = encodeBase64Lines(Buffer.from(octets));
        const lines = encoded.toString('latin1').split('\r\n');
        expect(lines.pop()).toBe('');
        expect(lines.slice(0, -1).every((line) => line.length === 76)).toBe(true);
        expect(decodeBase64(encoded).equals(octets)).toBe(true);
        const plain = Buffer.from(octets)
          .toString('base64')
          .replace(/.{1,76}/g, '$&\r\n');
        expect(encoded.toString('latin1')).toBe(plain);
      }),
    );
  });

  it('of parts is that of the parts joined, wherever they part', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 130 }), { maxLength: 6 }), (parts) => {
        const joined = Buffer.concat(parts);
        const encoded = encodeBase64After(bytes('X: y\r\n\r\n'), parts, joined.length);
        const whole = encodeBase64Lines(joined).toString('latin1');
        expect(encoded.toString('latin1')).toBe(`X: y\r\n\r\n${whole}`);
      }),
    );
  });
});

describe('quoted-printable', () => {
  it('gives back every text, in lines that no relay changes', () => {
    const line = fc
      .array(fc.constantFrom('a', ' ', '\t', '=', '.', 'From ', 'ü', '\0', 'x'.repeat(40)), { maxLength: 30 })
      .map((words) => words.join(''));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        const text = bytes(lines.join('\r\n'));
        const encoded = encodeQuotedPrintable(text);
        expect(decodeQuotedPrintable(encoded).equals(text)).toBe(true);
        for (const one of encoded.toString('latin1').split('\r\n')) {
          expect(one.length).toBeLessThanOrEqual(76);
          expect(one).not.toMatch(/[ \t]$|^From |^\.|[^\t -~]/);
        }
      }),
    );
  });

  it('leaves malformed escapes as they are, and removes white space at line ends', () => {
    expect(decodeQuotedPrintable(bytes('100% =ZZ =4')).toString()).toBe('100% =ZZ =4');
    expect(decodeQuotedPrintable(bytes('one  \r\ntwo=  \r\n three \t')).toString()).toBe('one\r\ntwo three');
    expect(decodeQuotedPrintable(bytes('a=3D=3db')).toString()).toBe('a==b');
  });
});
