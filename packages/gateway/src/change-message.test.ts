import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { noScratch, wholeOf } from '../test/support/whole.ts';
import { changeMessage } from './change-message.ts';

const nothing = { addHeaders: [], removeHeaders: [], removeAttachments: [], disclaimers: [], subjectTags: [] };
const notice = { text: 'Confidential – Müller & Söhne\nTell nobody <ever>' };
const octets = (text: string) => Buffer.from(text.replace(/\n/g, '\r\n'), 'latin1');
const head = 'From: a@example.com\nTo: b@x.example\nSubject: Hello\nMIME-Version: 1.0\n';

const change = async (message: string, changes: Partial<Parameters<typeof changeMessage>[1]>, sealed = false) =>
  wholeOf(await changeMessage(octets(message), { ...nothing, ...changes }, sealed, noScratch));
const read = async (message: Buffer) => {
  // Every line of ours ends in CRLF and is short enough for SMTP.
  expect(message.toString('latin1').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  expect(
    Math.max(
      ...message
        .toString('latin1')
        .split('\r\n')
        .map((line) => line.length),
    ),
  ).toBeLessThan(998);
  return simpleParser(message, { skipHtmlToText: true, skipTextToHtml: true });
};

describe('a header that nothing follows', () => {
  const empty = 'From: a@example.com\nSubject:\nContent-Type: text/plain\n';
  it('is ended before a text is written behind it', async () => {
    expect((await read(await change(empty, { disclaimers: [notice] }))).text).toMatch(/Confidential/);
    const within = `${head}Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n--b--\n`;
    expect((await read(await change(within, { disclaimers: [notice] }))).text).toMatch(/Confidential/);
    const file = within.replace('text/plain', 'x/y; name=a.exe');
    expect((await read(await change(file, { removeAttachments: ['*.exe'] }))).text).toMatch(/was taken out/);
  });

  it('an empty Subject is tagged, and the field behind it stays one', async () => {
    const { subject, text, headers } = await read(await change(`${empty}\nHello\n`, { subjectTags: ['[OUT]'] }));
    expect([subject, text?.trim(), headers.has('content-type')]).toEqual(['[OUT]', 'Hello', true]);
    const last = await read(await change('From: a@example.com\nSubject: \n\nHello\n', { subjectTags: ['[OUT]'] }));
    expect([last.subject, last.text?.trim()]).toEqual(['[OUT]', 'Hello']);
  });
});

describe('a disclaimer', () => {
  const utf8 = Buffer.from('Grüße, Łukasz');
  const bodies: [string, string, string][] = [
    ['no MIME at all', 'From: a@example.com\nSubject: Hello\n\nHi there\n', 'Hi there'],
    ['plain ASCII', `${head}Content-Type: text/plain\n\nHi there\n`, 'Hi there'],
    [
      '8bit UTF-8',
      `${head}Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n${utf8.toString('latin1')}\n`,
      'Grüße, Łukasz',
    ],
    [
      'base64 UTF-8',
      `${head}Content-Type: text/plain; charset="utf-8"\nContent-Transfer-Encoding: base64\n\n${utf8.toString('base64')}\n`,
      'Grüße, Łukasz',
    ],
    [
      'quoted-printable latin-1',
      `${head}Content-Type: text/plain; charset=iso-8859-1; format=flowed\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe=\n, Anna\n`,
      'Grüße, Anna',
    ],
    [
      'windows-1252 in 8bit',
      `${head}Content-Type: text/plain; charset=windows-1252\nContent-Transfer-Encoding: 8bit\n\n\x80 100\n`,
      '€ 100',
    ],
    ['ISO-2022-JP', `${head}Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3$s\x1b(B\n`, 'こん'],
    [
      'UTF-16 in base64',
      `${head}Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\n${Buffer.from('Łódź', 'utf16le').toString('base64')}\n`,
      'Łódź',
    ],
  ];
  it.each(bodies)('stands at the end of a text: %s', async (_, message, before) => {
    const { text } = await read(await change(message, { disclaimers: [notice] }));
    expect(text?.replace(/\s+/g, ' ').trim()).toBe(`${before} Confidential – Müller & Söhne Tell nobody <ever>`);
  });

  it('stands in each form of the text, within the HTML, and not in attachments', async () => {
    const message = `${head}Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain\n\nHi\n--a\nContent-Type: text/html; charset=iso-8859-2\nContent-Transfer-Encoding: 8bit\n\n<html><body><p>Hi \xb3</p></body></html>\n--a--\n--m\nContent-Type: text/plain; name=notes.txt\nContent-Disposition: attachment; filename=notes.txt\n\nmine\n--m--\n`;
    const { text, html, attachments } = await read(await change(message, { disclaimers: [notice] }));
    expect(text).toMatch(/^Hi\s+Confidential – Müller/);
    expect(html).toMatch(
      /<p>Hi ł<\/p>\s*<p>Confidential &#8211; M&#252;ller &#38; S&#246;hne<br>\s*Tell nobody &#60;ever&#62;<\/p>\s*<\/body><\/html>/,
    );
    expect(attachments.map(({ content }) => content.toString().trim())).toEqual(['mine']);
  });

  it('is a part of its own where there is no text, or none that can be read', async () => {
    const pdf = `${head}Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nJVBERg==\n`;
    const one = await read(await change(pdf, { disclaimers: [notice] }));
    expect(one.subject).toBe('Hello');
    expect(one.text).toContain('Müller & Söhne');
    expect(one.attachments.map(({ content, contentType }) => [content.toString(), contentType])).toEqual([
      ['%PDF', 'application/pdf'],
    ]);
    const unknown = `${head}Content-Type: text/plain; charset=x-none\n\nHi\n`;
    expect((await read(await change(unknown, { disclaimers: [notice] }))).text).toMatch(/Hi[\s\S]*Müller/);
  });

  it.each([
    ['signed by its sender', `${head}Content-Type: text/plain\n\nHi\n`, true],
    [
      'encrypted with OpenPGP',
      `${head}Content-Type: multipart/encrypted; boundary=x; protocol="application/pgp-encrypted"\n\n--x\n\n--x--\n`,
      false,
    ],
  ])('is not written into what is %s', async (_, message, sealed) => {
    expect(await change(message, { disclaimers: [notice] }, sealed)).toEqual(octets(message));
  });
});

describe('attachments', () => {
  it('are taken out by name, by either of their names, out of messages within too; a note says so', async () => {
    const inner =
      'From: c@x.example\nSubject: inner\nMIME-Version: 1.0\nContent-Type: application/x-zip; name=deep.exe\nContent-Transfer-Encoding: base64\n\nTVo=\n';
    const message = `${head}Content-Type: multipart/mixed; boundary=m\n\n--m\n\nHi\n--m\nContent-Type: application/octet-stream; name="=?utf-8?Q?Rechnung=2EEXE?="\nContent-Disposition: attachment; filename=invoice.pdf\nContent-Transfer-Encoding: base64\n\nTVo=\n--m\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=keep.pdf\n\nkept\n--m\nContent-Type: message/rfc822\n\n${inner}\n--m--\n`;
    const changed = await change(message, { removeAttachments: ['*.exe'] });
    expect(changed.includes('TVo=')).toBe(false);
    const parsed = await read(changed);
    expect(parsed.attachments.map(({ filename }) => filename)).toContain('keep.pdf');
    expect(parsed.text).toMatch(/Hi[\s\S]*The file “Rechnung\.EXE” was taken out/);
    expect(changed.includes(Buffer.from('The file “deep.exe” was taken out').toString('base64').slice(0, 30))).toBe(
      true,
    );
  });

  it('may be all there is', async () => {
    const message = `${head}Content-Type: application/x-dosexec; name=a.exe\nContent-Transfer-Encoding: base64\n\nTVo=\n`;
    const parsed = await read(await change(message, { removeAttachments: ['a.exe'] }));
    expect([parsed.subject, parsed.text?.trim()]).toEqual([
      'Hello',
      'The file “a.exe” was taken out of this message by a rule.',
    ]);
  });
});

describe('header fields', () => {
  it('are added and removed, and the body is not touched', async () => {
    const message = `${head}X-Internal-Id: 1\nX-Internal-Two: 2\nX-Other: 3\n\nX-Internal-Id: body\n`;
    const changed = await change(message, {
      removeHeaders: ['x-internal-*'],
      addHeaders: [{ name: 'X-Class', value: `secret ${'word '.repeat(40)}end` }],
    });
    expect(changed.toString()).toMatch(/^X-Class: secret word /);
    expect(changed.toString().replace(/^X-Class:.*\r\n(?: .*\r\n)+/, '')).toBe(
      `${head}X-Other: 3\n\nX-Internal-Id: body\n`.replace(/\n/g, '\r\n'),
    );
  });

  it('the subject is tagged once, in any alphabet, before what stands there', async () => {
    const message = 'From: a@example.com\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\n an alle\n\nHi\n';
    const tagged = await change(message, { subjectTags: ['[streng vertraulich – 内部 – nur für Empfänger]'] });
    expect((await read(tagged)).subject).toBe('[streng vertraulich – 内部 – nur für Empfänger] Grüße an alle');
    const again = { ...nothing, subjectTags: ['[streng vertraulich – 内部 – nur für Empfänger]'] };
    expect(await changeMessage(tagged, again, false, noScratch)).toEqual(tagged);
    expect((await read(await change('From: a@example.com\n\nHi\n', { subjectTags: ['[one]', '[two]'] }))).subject).toBe(
      '[one] [two]',
    );
  });
});
