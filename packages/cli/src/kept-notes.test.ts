import { checkpointText, formatSignedCheckpoint } from '@chancery/trail';
import { expect, it } from 'vitest';
import { readKeptNotes } from './kept-notes.ts';

const note = (size: number) =>
  formatSignedCheckpoint(checkpointText({ origin: 'example.com/audit', size, root: new Uint8Array(32).fill(size) }), [
    { name: 'example.com/audit', keyId: Uint8Array.of(1, 2, 3, 4), signature: new Uint8Array(64).fill(7) },
  ]);
const body = (size: number) => `Keep this mail: it shows what the audit trail was.\n\n${note(size)}`;
const head = 'From: pki@example.com\r\nTo: notary@example.net\r\nSubject: Checkpoint\r\nMIME-Version: 1.0\r\n';
const quoted = (text: string) =>
  [...Buffer.from(text)]
    .map((octet) => {
      const plain = octet === 10 || (octet >= 32 && octet < 127 && octet !== 61);
      return plain ? String.fromCharCode(octet) : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('')
    // A soft line break stands between two characters, never inside of one.
    .replaceAll(/(?:=[0-9A-F]{2}|[^=\n]){60}(?=.)/g, '$&=\n')
    .replaceAll('\n', '\r\n');
const asQuoted = (size: number) =>
  `${head}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${quoted(body(size))}`;
const asSigned = (size: number) =>
  [
    `${head}Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b`,
    '',
    '--b',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    ...(Buffer.from(body(size))
      .toString('base64')
      .match(/.{1,76}/g) ?? []),
    '--b',
    'Content-Type: application/pkcs7-signature; name=smime.p7s',
    'Content-Transfer-Encoding: base64',
    '',
    'MIIB',
    '--b--',
    '',
  ].join('\r\n');
const read = (text: string) => readKeptNotes(Buffer.from(text, 'utf8'));

it.each([
  ['a note', note(3), [3]],
  ['JSON Lines', `${JSON.stringify({ note: note(3) })}\n${JSON.stringify({ size: 4, note: note(4) })}\n`, [3, 4]],
  ['a mail', asQuoted(5), [5]],
  ['a mail that the gateway signed', asSigned(6), [6]],
  ['a mailbox', `From pki Thu Nov 26 2026\n${asQuoted(5)}\n\nFrom pki Fri Nov 27 2026\n${asSigned(6)}\n`, [5, 6]],
  ['a mail of two', `${head}Content-Type: text/plain; charset=utf-8\r\n\r\n${note(1)}\n${note(2)}`, [1, 2]],
  ['another mail', `${head}\r\nHello\r\n`, []],
])('reads %s', (_name, file, sizes) => {
  expect(read(file)).toEqual(sizes.map(note));
});

it('takes JSON that holds no note for damaged', () => {
  expect(() => read('{"size":3}\n')).toThrow(TypeError);
  expect(() => read('{"note":')).toThrow(SyntaxError);
});
