import { beforeAll, describe, expect, it } from 'vitest';
import { verifyMessage } from '../../src/index.ts';
import { attributes, clear, opaque, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now, replaced } from '../office.ts';
import { soundSigners } from './naive.ts';

describe('attack 28: structure that two programs read in two ways is never valid', () => {
  let root: Holder;
  let signed: Buffer;
  beforeAll(async () => {
    root = await issue({ ca: true });
    const alice = await issue({ email: 'alice@example.org' }, root);
    signed = clear(text, signedData([await signerInfo(alice, attributes(text))], [alice]));
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  /** Splits at whatever the first delimiter line says, and takes for the signature what calls itself one. */
  const naive = async (message: Uint8Array): Promise<boolean> =>
    (await soundSigners(message, root.certificate)) !== undefined;

  it('the control is valid', async () => {
    expect((await verify(signed)).verdict).toBe('valid');
    expect(await naive(signed)).toBe(true);
    expect(await naive(replaced(signed, 'Pay 10', 'Pay 99'))).toBe(false);
  });

  const type = 'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="b"';
  const cases: [name: string, code: string, from: string | RegExp, to: string][] = [
    ['two Content-Type fields', 'duplicate-content-type', type, `Content-Type: text/html\r\n${type}`],
    ['two Content-Type fields, the other first', 'duplicate-content-type', type, `${type}\r\nContent-Type: text/html`],
    [
      'two Content-Transfer-Encoding fields',
      'duplicate-transfer-encoding',
      type,
      `${type}\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: 8bit`,
    ],
    [
      'an encoding that is none',
      'unknown-transfer-encoding',
      type,
      `${type}\r\nContent-Transfer-Encoding: 7bit base64`,
    ],
    ['an encoded multipart', 'encoded-multipart', type, `${type}\r\nContent-Transfer-Encoding: base64`],
    ['two boundaries', 'duplicate-parameter', 'boundary="b"', 'boundary="b"; boundary="c"'],
    ['two protocols', 'duplicate-parameter', 'boundary="b"', 'boundary="b"; protocol="application/pgp-signature"'],
    ['a boundary after RFC 2231', 'extended-parameter', 'boundary="b"', 'boundary*=us-ascii\'\'b; boundary="b"'],
    ['a boundary in pieces', 'extended-parameter', 'boundary="b"', 'boundary="b"; boundary*0="c"'],
    ['a boundary without its closing quote', 'unterminated-quote', 'boundary="b"', 'boundary="b'],
    ['a boundary with a backslash', 'escaped-boundary', 'boundary="b"', 'boundary="\\b"'],
    ['a boundary that ends in a space', 'malformed-boundary', 'boundary="b"', 'boundary="b "'],
    ['a boundary as an encoded word', 'encoded-boundary', 'boundary="b"', 'boundary="=?us-ascii?q?b?="'],
    ['a boundary with a space', 'space-in-boundary', 'boundary="b"', 'boundary="b c"'],
    ['a boundary folded in its quotes', 'space-in-boundary', 'boundary="b"', 'boundary="b\r\n c"'],
    [
      'a boundary without a multipart',
      'boundary-without-multipart',
      type,
      'Content-Type: text/html; protocol="application/pkcs7-signature"; boundary="b"',
    ],
    ['a delimiter on a delimiter', 'empty-part', '--b\r\n', '--b\r\n--b\r\n'],
    ['an unterminated quote before the boundary', 'missing-boundary', 'micalg=sha-256', 'micalg="sha-256'],
    ['a boundary in pieces alone', 'extended-parameter', 'boundary="b"', 'boundary*0="b"'],
    ['a boundary in percent signs', 'extended-parameter', 'boundary="b"', "boundary*=utf-8''%62"],
    ['no boundary', 'missing-boundary', '; boundary="b"', ''],
    ['a comment in the type', 'comment-in-content-type', 'multipart/signed;', 'multipart/signed (or mixed);'],
    ['something after the type', 'malformed-content-type', 'multipart/signed;', 'multipart/signed mixed;'],
    ['white space before the colon', 'space-before-colon', 'Content-Type: multipart', 'Content-Type : multipart'],
    ['a NUL in a field', 'nul-in-header', 'boundary="b"', 'boundary="b\0"'],
    ['a bare CR in a field', 'bare-carriage-return', 'Subject: Payment', 'Subject: Payment\rContent-Type: text/html'],
    ['a bare LF in the header', 'bare-line-feed', 'Subject: Payment', 'Subject: Payment\nContent-Type: text/html'],
    [
      'a bare LF before a delimiter',
      'bare-line-feed',
      '\r\n--b\r\nContent-Type: application',
      '\n--b\r\nContent-Type: application',
    ],
    [
      'a bare CR before a delimiter',
      'bare-carriage-return',
      '\r\n--b\r\nContent-Type: application',
      '\r--b\r\n\r\n--b\r\nContent-Type: application',
    ],
    ['a line that begins with the boundary', 'boundary-prefix', 'Pay 10', '--bogus\r\nPay 10'],
    ['a delimiter after the end', 'delimiter-after-close', '--b--', '--b--\r\n--b\r\n\r\nPay Mallory.\r\n--b--'],
    ['a field without a name', 'malformed-header-line', 'Subject: Payment', 'Subject: Payment\r\nno colon here'],
    ['a line of white space within the header', 'blank-continuation', 'Subject: Payment', 'Subject: Payment\r\n \r\n'],
    [
      'two MIME-Version fields',
      'duplicate-mime-version',
      'MIME-Version: 1.0',
      'MIME-Version: 1.0\r\nMIME-Version: 2.0',
    ],
  ];
  for (const [name, code, from, to] of cases) {
    it(name, async () => {
      const message = replaced(signed, from, to);
      // The line that begins with the boundary alters the text: see below for one that is signed.
      expect(await naive(message)).toBe(code !== 'boundary-prefix');
      const report = await verify(message);
      expect(report.verdict).toBe('ambiguous');
      expect(codes(report.problems)).toContain(code);
    });
  }

  it('a line that begins with the boundary, and is signed', async () => {
    const alice = await issue({ email: 'alice@example.org' }, root);
    const content = 'Content-Type: text/plain\r\n\r\nPay\r\n--bogus\r\nMallory.\r\n';
    const message = clear(content, signedData([await signerInfo(alice, attributes(content))], [alice]));
    expect(await naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('ambiguous');
    expect(codes(report.problems)).toContain('boundary-prefix');
  });

  const within: [name: string, code: string, content: string][] = [
    [
      'two Content-Type fields',
      'duplicate-content-type',
      'Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nPay\r\n',
    ],
    [
      'two Content-Transfer-Encoding fields',
      'duplicate-transfer-encoding',
      'Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\nUGF5\r\n',
    ],
    [
      'an encoding that is none',
      'unknown-transfer-encoding',
      'Content-Type: text/plain\r\nContent-Transfer-Encoding: base64 7bit\r\n\r\nUGF5\r\n',
    ],
    ['white space before the colon', 'space-before-colon', 'Content-Type : text/html\r\n\r\nPay\r\n'],
    ['a NUL in a field', 'nul-in-header', 'Content-Type: text/plain; name="a\0b"\r\n\r\nPay\r\n'],
    ['a field without a name', 'malformed-header-line', 'Content-Type: text/plain\r\nPay Mallory\r\n\r\nPay\r\n'],
    [
      'two boundaries',
      'duplicate-parameter',
      multipart('boundary="c"; boundary="d"', '--c\r\n\r\nPay Bob\r\n--c--\r\n--d\r\n\r\nPay Mallory\r\n--d--\r\n'),
    ],
    [
      'a boundary in percent signs beside a plain one',
      'extended-parameter',
      multipart(
        "boundary=c; boundary*=us-ascii''d",
        '--c\r\n\r\nPay Bob\r\n--c--\r\n--d\r\n\r\nPay Mallory\r\n--d--\r\n',
      ),
    ],
    [
      'a boundary without its closing quote',
      'unterminated-quote',
      multipart('boundary="c', '--c\r\n\r\nPay\r\n--c--\r\n'),
    ],
    [
      'a line that begins with a boundary',
      'boundary-prefix',
      multipart('boundary=c', '--c\r\n\r\nPay\r\n--cc\r\n\r\nMallory\r\n--c--\r\n'),
    ],
    [
      'a part after the end',
      'delimiter-after-close',
      multipart('boundary=c', '--c\r\n\r\nPay\r\n--c--\r\n--c\r\n\r\nMallory\r\n--c--\r\n'),
    ],
    [
      'an encoded multipart',
      'encoded-multipart',
      `Content-Transfer-Encoding: base64\r\n${multipart('boundary=c', '--c\r\n\r\nPay\r\n--c--\r\n')}`,
    ],
    [
      'two parts deep',
      'duplicate-content-type',
      multipart('boundary=c', '--c\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\nPay\r\n--c--\r\n'),
    ],
    [
      'in an attached message',
      'duplicate-content-type',
      'Content-Type: message/rfc822\r\n\r\nSubject: Pay\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\nPay\r\n',
    ],
  ];
  describe('within the signed part, where the signature is right', () => {
    for (const [name, code, content] of within)
      it(name, async () => {
        const alice = await issue({ email: 'alice@example.org' }, root);
        const info = await signerInfo(alice, attributes(Buffer.from(content, 'latin1')));
        for (const message of [
          clear(content, signedData([info], [alice])),
          opaque(signedData([info], [alice], content)),
        ]) {
          expect(await naive(message)).toBe(true);
          const report = await verify(message);
          expect(report.signers[0]?.signature).toBe('valid');
          expect(report.verdict).toBe('ambiguous');
          expect(codes(report.problems)).toContain(code);
        }
      });
  });
});

function multipart(boundary: string, parts: string): string {
  return `Content-Type: multipart/mixed; ${boundary}\r\n\r\n${parts}`;
}
