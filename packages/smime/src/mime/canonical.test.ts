import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitMessage, toCrlf } from './canonical.ts';
import { decodeBody, type MimeEntity } from './entity.ts';
import { scanMessage } from './scan.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const entityOf = (message: string): string => splitMessage(bytes(message)).entity.toString('latin1');

/** What RFC 8551 section 3.1.3 asks of bytes that travel. */
function expectSafe(entity: string): void {
  expect(entity).not.toMatch(/[^\r]\n|\r[^\n]|[^\t\r\n -~]/);
  for (const line of entity.split('\r\n')) {
    expect(line.length).toBeLessThanOrEqual(998);
    expect(line).not.toMatch(/[ \t]$|^From /);
  }
}

describe('what is signed', () => {
  it('is left alone where it is safe', () => {
    const entity = 'Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello\r\n\r\nBob\r\n';
    expect(entityOf(`From: a@example.org\r\n${entity}`)).toBe(entity);
  });

  it('has CRLF, and the other fields stay outside', () => {
    const { outerHeaders, entity } = splitMessage(
      bytes(
        'From: a@example.org\nMIME-Version: 1.0\nContent-Type: text/plain;\n charset=utf-8\nSubject: x\n\nHello\nBob\n',
      ),
    );
    expect(outerHeaders.toString()).toBe('From: a@example.org\r\nSubject: x\r\n');
    expect(entity.toString()).toBe('Content-Type: text/plain;\r\n charset=utf-8\r\n\r\nHello\r\nBob\r\n');
  });

  for (const [name, body] of [
    ['8-bit text', 'Gr\xfc\xdfe\r\n'],
    ['a long line', `${'x'.repeat(1_200)}\r\n`],
    ['white space at a line end', 'one \r\ntwo\t\r\n'],
    ['white space at the very end', 'one '],
    ['a line that begins From', 'From here\r\n'],
    ['NUL', 'a\0b\r\n'],
    ['a bare CR', 'a\rb\r\n'],
  ] as const) {
    it(`${name} becomes safe and keeps its text`, () => {
      const entity = entityOf(
        `Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${body}`,
      );
      expectSafe(entity);
      const scanned = scanMessage(bytes(entity));
      expect(scanned.headers.filter(({ name: field }) => field === 'content-transfer-encoding')).toHaveLength(1);
      expect(Buffer.from(decodeBody(bytes(entity), scanned)).toString('latin1')).toBe(
        toCrlf(bytes(body)).toString('latin1'),
      );
    });
  }

  it('binary attachments become base64, octet for octet', () => {
    const body = '\xff\xd8\r\xff\n\0';
    const entity = entityOf(`Content-Type: image/jpeg\r\nContent-Transfer-Encoding: binary\r\n\r\n${body}`);
    expectSafe(entity);
    expect(Buffer.from(decodeBody(bytes(entity), scanMessage(bytes(entity)))).toString('latin1')).toBe(body);
  });

  it('re-encodes the one part that needs it and leaves its neighbours', () => {
    const message =
      'Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nsafe\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xc3\xbc\r\n--x--\r\n';
    const entity = entityOf(message);
    expectSafe(entity);
    const [first, second] = scanMessage(bytes(entity)).parts as [MimeEntity, MimeEntity];
    expect(entity.slice(first.start, first.end)).toBe('Content-Type: text/plain\r\n\r\nsafe');
    expect(second.transferEncoding).toBe('quoted-printable');
    expect(scanMessage(bytes(entity)).transferEncoding).toBe('7bit');
  });

  it('a signature that somebody else made is not touched', () => {
    const part =
      '--s\r\nContent-Type: text/plain\r\n\r\ntrailing \r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nAA==\r\n--s--\r\n';
    const message = `Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n${part}\r\n--x--\r\n`;
    expect(entityOf(message)).toContain(part);
  });

  it('comes out the same when it goes in again', () => {
    const piece = fc.constantFrom('a', ' ', '\n', '\r\n', 'From ', '.', 'ü', '=', 'x'.repeat(300));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const entity = entityOf(`Content-Type: text/plain\r\n\r\n${pieces.join('')}`);
        expectSafe(entity.replace(/^Content-Type.*\r\n/, ''));
        expect(entityOf(entity)).toBe(entity);
      }),
    );
  });
});
