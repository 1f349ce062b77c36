import { beforeAll, describe, expect, it } from 'vitest';
import { codes, type Holder, issue, mail, now } from '../../test/office.ts';
import {
  decodeBody,
  decodeHeaderText,
  decryptMessage,
  encryptMessage,
  type HeaderConfidentiality,
  headerFields,
  headerValue,
  scanMessage,
  signMessage,
  type VerifyReport,
  verifyMessage,
} from '../index.ts';

let root: Holder;
let alice: Holder;
let bob: Holder;
beforeAll(async () => {
  root = await issue({ ca: true });
  [alice, bob] = await Promise.all([
    issue({ email: 'alice@example.org' }, root),
    issue({ email: 'bob@example.org' }, root),
  ]);
});

const composed = mail({
  from: 'Alice Example <alice@example.org>',
  headers: [
    'Received: from desk by gateway; Mon, 15 Jun 2026 12:00:00 +0000',
    'Bcc: carol@example.org',
    'Keywords: secret, plans',
    'References: <0@example.org>\r\n <00@example.org>',
  ],
});
const sign = (headerProtection: 'clear' | HeaderConfidentiality, message: Uint8Array = composed, more = {}) =>
  signMessage({ signers: [alice], message, form: 'clear', signingTime: now, headerProtection, ...more });
const seal = async (policy: HeaderConfidentiality, message: Uint8Array = composed, more = {}) =>
  encryptMessage({ message: await sign(policy, message, more), recipients: [bob.certificate] });
const verify = (message: Uint8Array): Promise<VerifyReport> =>
  verifyMessage({ message, anchors: [root.certificate], at: now, keys: [bob.key] });
const outer = (message: Uint8Array, name: string): string | undefined => headerValue(scanMessage(message), name);
const fieldsOf = ({ protectedHeaders }: VerifyReport): Record<string, string[]> =>
  Object.fromEntries(
    (protectedHeaders?.fields ?? []).map(({ name, value, protection }) => [
      name,
      [decodeHeaderText(value), protection],
    ]),
  );

describe('a protected header, signed only', () => {
  for (const form of ['clear', 'opaque'] as const) {
    it(`${form}: every composed field is within, as it is outside`, async () => {
      const message = await sign('clear', composed, { form });
      const report = await verify(message);
      expect(report).toMatchObject({
        verdict: 'valid',
        problems: [],
        protectedHeaders: { scheme: 'rfc9788', intent: 'clear', differing: [] },
      });
      expect(fieldsOf(report)).toEqual({
        from: ['Alice Example <alice@example.org>', 'signed-only'],
        to: ['Bob <bob@example.org>', 'signed-only'],
        subject: ['Meeting', 'signed-only'],
        date: ['Mon, 15 Jun 2026 12:00:00 +0000', 'signed-only'],
        'message-id': ['<1@example.org>', 'signed-only'],
        keywords: ['secret, plans', 'signed-only'],
        references: ['<0@example.org> <00@example.org>', 'signed-only'],
      });
      expect(outer(message, 'subject')).toBe('Meeting');
      expect(outer(message, 'received')).toContain('from desk');
      expect(
        Buffer.from(message)
          .toString()
          .match(/HP-Outer/),
      ).toBeNull();
      expect(Buffer.from(report.content ?? []).toString()).toContain(
        'Content-Type: text/plain; charset=utf-8;\r\n hp="clear"\r\n',
      );
    });
  }

  it('text beyond ASCII in a Subject becomes encoded words, which no relay changes', async () => {
    const subject = 'Grüße aus der Kanzlei – ein langer Betreff, der in einer Zeile keinen Platz hat, 漢字';
    const message = mail().toString().replace('Subject: Meeting', `Subject: ${subject}`);
    const signed = await sign('clear', Buffer.from(message));
    expect(Buffer.from(signed).every((octet) => octet < 0x80)).toBe(true);
    const report = await verify(signed);
    expect(report.verdict).toBe('valid');
    expect(fieldsOf(report).subject).toEqual([subject, 'signed-only']);
    expect(decodeHeaderText(outer(signed, 'subject') ?? '')).toBe(subject);
  });

  it('a message without a Content-Type gets one; a parameter of that name is replaced', async () => {
    const bare = Buffer.from('From: alice@example.org\r\nTo: bob@example.org\r\n\r\nHello\r\n');
    expect(await verify(await sign('clear', bare))).toMatchObject({
      verdict: 'valid',
      protectedHeaders: { intent: 'clear' },
    });
    const claiming = mail({ contentType: 'text/plain; hp="cipher"; charset="utf-8"' });
    expect(await verify(await sign('clear', claiming))).toMatchObject({
      verdict: 'valid',
      protectedHeaders: { intent: 'clear' },
    });
  });

  it('a header is protected where the first layer is made, and not around it', async () => {
    const again = await sign('clear');
    await expect(sign('clear', again)).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(
      encryptMessage({ message: again, recipients: [bob.certificate], headerProtection: 'baseline' }),
    ).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});

describe('a protected header, signed and encrypted', () => {
  it('baseline: Subject is obscured, Keywords are left out', async () => {
    const message = await seal('baseline');
    expect(outer(message, 'subject')).toBe('[...]');
    expect(outer(message, 'keywords')).toBeUndefined();
    expect(outer(message, 'from')).toBe('Alice Example <alice@example.org>');
    const report = await verify(message);
    expect(report).toMatchObject({ verdict: 'valid', protectedHeaders: { intent: 'cipher', differing: [] } });
    expect(fieldsOf(report)).toMatchObject({
      subject: ['Meeting', 'signed-and-encrypted'],
      keywords: ['secret, plans', 'signed-and-encrypted'],
      from: ['Alice Example <alice@example.org>', 'signed-only'],
      references: ['<0@example.org> <00@example.org>', 'signed-only'],
    });
    const inner = scanMessage(Buffer.from(report.content ?? []));
    expect(headerFields(inner, 'hp-outer').map(({ value }) => value)).toEqual([
      'From: Alice Example <alice@example.org>',
      'To: Bob <bob@example.org>',
      'Subject: [...]',
      'Date: Mon, 15 Jun 2026 12:00:00 +0000',
      'Message-ID: <1@example.org>',
      'References: <0@example.org> <00@example.org>',
    ]);
    expect(Buffer.from(report.content ?? []).toString()).not.toMatch(/Bcc|Received/);
  });

  it('shy: names and the time zone are left out as well', async () => {
    const given = Buffer.from(
      composed
        .toString()
        .replace('12:00:00 +0000\r\nMessage', '14:00:00 +0200\r\nMessage')
        .replace('To: Bob <bob@example.org>', 'To: Bob <bob@example.org>, "Carol, too" <"c. d"@example.org>'),
    );
    const message = await seal('shy', given);
    expect(outer(message, 'from')).toBe('alice@example.org');
    expect(outer(message, 'to')).toBe('bob@example.org, "c. d"@example.org');
    expect(outer(message, 'date')).toBe('Mon, 15 Jun 2026 12:00:00 +0000');
    const report = await verify(message);
    expect(report).toMatchObject({ verdict: 'valid', protectedHeaders: { differing: [] } });
    expect(fieldsOf(report)).toMatchObject({
      from: ['Alice Example <alice@example.org>', 'signed-and-encrypted'],
      date: ['Mon, 15 Jun 2026 14:00:00 +0200', 'signed-and-encrypted'],
      'message-id': ['<1@example.org>', 'signed-only'],
    });
  });

  it('no-confidentiality: everything stays readable', async () => {
    const message = await seal('no-confidentiality');
    expect(outer(message, 'subject')).toBe('Meeting');
    const report = await verify(message);
    expect(report.verdict).toBe('valid');
    expect(new Set(Object.values(fieldsOf(report)).map(([, protection]) => protection))).toEqual(
      new Set(['signed-only']),
    );
  });

  it('opened by the gateway and passed on, it is still valid, and says that it was opened', async () => {
    const { message } = await decryptMessage({ message: await seal('baseline'), keys: [bob.key] });
    const report = await verify(message);
    expect(report).toMatchObject({ verdict: 'valid', protectedHeaders: { intent: 'cipher', differing: [] } });
    expect(codes(report.problems)).toEqual(['encryption-removed']);
  });

  it('encrypted and not signed: hidden, and vouched for by nobody', async () => {
    const message = await encryptMessage({
      message: composed,
      recipients: [bob.certificate],
      headerProtection: 'baseline',
    });
    const report = await verify(message);
    expect(report.verdict).toBe('unsigned');
    expect(fieldsOf(report)).toMatchObject({
      subject: ['Meeting', 'encrypted-only'],
      from: ['Alice Example <alice@example.org>', 'unprotected'],
    });
  });
});

describe('legacy display elements', () => {
  const html = '<html><head></head><body lang="en">\r\n<p>On Friday.</p></body></html>\r\n';
  const alternative = (parts: readonly string[], type = 'alternative'): Buffer =>
    mail({
      contentType: `multipart/${type}; boundary=b`,
      body: `${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`,
    });
  const bodies = async (message: Uint8Array): Promise<[string, string][]> => {
    const report = await verify(await seal('baseline', message, { legacyDisplay: true }));
    expect(report.verdict).toBe('valid');
    const bytes = Buffer.from(report.content ?? []);
    const root = scanMessage(bytes);
    return (root.parts.length > 0 ? root.parts : [root]).map((part) => [
      part.contentType.parameters.get('hp-legacy-display') ?? '',
      Buffer.from(decodeBody(bytes, part)).toString(),
    ]);
  };

  it('stand before the text, whatever its encoding', async () => {
    expect(await bodies(mail())).toEqual([['1', 'Subject: Meeting\r\n\r\nThe meeting is on Friday.\r\n']]);
    const encoded = mail({
      headers: ['Content-Transfer-Encoding: base64'],
      body: Buffer.from('Hello\r\n').toString('base64'),
    });
    expect(await bodies(encoded)).toEqual([['1', 'Subject: Meeting\r\n\r\nHello\r\n']]);
    const quoted = mail({ headers: ['Content-Transfer-Encoding: quoted-printable'], body: 'Gr=C3=BC=C3=9Fe\r\n' });
    expect(await bodies(quoted)).toEqual([['1', 'Subject: Meeting\r\n\r\nGrüße\r\n']]);
  });

  it('stand in every alternative, as text and as HTML', async () => {
    const message = alternative([
      'Content-Type: text/plain\r\n\r\nOn Friday.',
      `Content-Type: text/html\r\n\r\n${html}`,
    ]);
    expect(await bodies(message)).toEqual([
      ['1', 'Subject: Meeting\r\n\r\nOn Friday.'],
      [
        '1',
        '<html><head></head><body lang="en">\r\n<div class="header-protection-legacy-display">\r\n<pre>Subject: Meeting</pre></div>\r\n<p>On Friday.</p></body></html>\r\n',
      ],
    ]);
  });

  it('never stand in an attachment', async () => {
    const message = alternative(
      [
        'Content-Type: text/plain\r\n\r\nOn Friday.',
        'Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nList',
      ],
      'mixed',
    );
    expect(await bodies(message)).toEqual([
      ['1', 'Subject: Meeting\r\n\r\nOn Friday.'],
      ['', 'List'],
    ]);
  });

  it('are not written where nothing is hidden', async () => {
    const report = await verify(await sign('clear', mail(), { legacyDisplay: true }));
    expect(Buffer.from(report.content ?? []).toString()).not.toContain('hp-legacy-display');
  });
});
