/** Messages of every shape for property tests: well-formed ones, and soups of what structure is made of. */
import fc from 'fast-check';

const eol = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r');
const boundary = fc.constantFrom('b', 'bb', 'b-', '=_c', 'outer');

const word = fc.constantFrom(
  'a',
  'bcd',
  ' ',
  '\t',
  '=',
  '=3D',
  '=\r\n',
  'From ',
  '.',
  '--',
  '\xfc',
  '\0',
  'SGVsbG8=',
  'Q=UJD',
  'x'.repeat(600),
);

const line = fc.tuple(fc.array(word, { maxLength: 6 }), eol).map(([words, end]) => `${words.join('')}${end}`);
const text = fc.array(line, { maxLength: 6 }).map((lines) => lines.join(''));

const leafType = fc.constantFrom(
  'text/plain; charset=utf-8',
  'text/plain; charset=utf-16',
  'text/html',
  'image/png',
  'application/pkcs7-mime; smime-type=signed-data',
  'application/pkcs7-signature',
  'application/octet-stream; name=x.p7m',
  'nonsense',
  'text/plain; charset',
);
const encoding = fc.constantFrom('7bit', '8bit', 'binary', 'base64', 'quoted-printable', 'BASE64', 'x-own');

const other = fc.constantFrom(
  'From: alice@example.org',
  'Subject: a\r\n b',
  'X-Odd : value',
  'Content-Language: en',
  'MIME-Version: 1.0',
  'no colon',
  'X-Fold: a\r\n \r\n b',
  'Content-Disposition: attachment;\r\n filename="x.p7m"',
);

function header(type: string, cte: string | undefined, others: readonly string[], end: string): string {
  const fields = [
    ...others,
    ...(type === '' ? [] : [`Content-Type: ${type}`]),
    ...(cte === undefined ? [] : [`Content-Transfer-Encoding: ${cte}`]),
  ];
  return fields.map((field) => `${field}${end}`).join('');
}

const fields = fc.tuple(fc.array(other, { maxLength: 3 }), eol);

const leaf = fc
  .tuple(fc.oneof(leafType, fc.constant('')), fc.option(encoding, { nil: undefined }), fields, text, eol)
  .map(([type, cte, [others, end], body, blank]) => `${header(type, cte, others, end)}${blank}${body}`);

/** An entity whose structure is mostly right. */
const entity: fc.Arbitrary<string> = fc.letrec<{ entity: string; multipart: string; embedded: string }>((tie) => ({
  entity: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 3, arbitrary: leaf },
    { weight: 3, arbitrary: tie('multipart') },
    { weight: 1, arbitrary: tie('embedded') },
  ),
  multipart: fc
    .record({
      subtype: fc.constantFrom(
        'mixed',
        'alternative',
        'digest',
        'signed; protocol="application/pkcs7-signature"',
        'signed',
      ),
      boundary,
      cte: fc.option(encoding, { nil: undefined }),
      fields,
      preamble: fc.oneof(fc.constant(''), text),
      parts: fc.array(tie('entity'), { maxLength: 3 }),
      breaks: fc.array(eol, { minLength: 4, maxLength: 4 }),
      pad: fc.constantFrom('', '', ' ', '\t ', 'x', '-'),
      close: fc.constantFrom('--', '--', '--', '', '-'),
      epilogue: fc.oneof(fc.constant(''), text),
      quoted: fc.boolean(),
    })
    .map((m) => {
      const type = `multipart/${m.subtype}; boundary=${m.quoted ? `"${m.boundary}"` : m.boundary}`;
      const [first = '', second = '', third = '', fourth = ''] = m.breaks;
      const parts = m.parts.map((part) => `--${m.boundary}${m.pad}${first}${part}${second}`).join('');
      return `${header(type, m.cte, m.fields[0], m.fields[1])}${third}${m.preamble}${parts}--${m.boundary}${m.close}${fourth}${m.epilogue}`;
    }),
  embedded: fc
    .tuple(fc.constantFrom('message/rfc822', 'message/global'), fields, tie('entity'), eol)
    .map(([type, [others, end], inner, blank]) => `${header(type, undefined, others, end)}${blank}${inner}`),
})).entity;

const token = fc.oneof(
  word,
  eol,
  boundary.map((name) => `--${name}`),
  boundary.map((name) => `--${name}\r\n`),
  boundary.map((name) => `\r\n--${name}--`),
  boundary.map((name) => `Content-Type: multipart/mixed; boundary=${name}\r\n\r\n`),
  fc.constant('Content-Type: message/rfc822\r\n\r\n'),
  fc.constant('Content-Transfer-Encoding: base64\r\n'),
  other,
);
const soup = fc.array(token, { maxLength: 40 }).map((tokens) => tokens.join(''));

/** Latin-1 text, one character for each octet. */
export const randomMessage: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: entity },
  { weight: 2, arbitrary: soup },
);

/** Cuts octets in pieces of the sizes given, over and over. */
export function cutInto(octets: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < octets.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? octets.length);
    // A copy, so that nothing read beyond a piece is found there by accident.
    pieces.push(Buffer.from(octets.subarray(at, at + size)));
    at += size;
  }
  return pieces;
}

export const pieceSizes: fc.Arbitrary<number[]> = fc.oneof(
  fc.constant<number[]>([1]),
  fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }),
  fc.constant<number[]>([65_536]),
);
