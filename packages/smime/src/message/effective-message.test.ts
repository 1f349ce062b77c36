import { beforeAll, describe, expect, it } from 'vitest';
import { codes, type Holder, issue, mail, now, replaced } from '../../test/office.ts';
import {
  type DecryptedMessage,
  decodeBody,
  decodeHeaderText,
  decryptMessage,
  encryptContent,
  encryptMessage,
  type HeaderConfidentiality,
  headerFields,
  scanMessage,
  signMessage,
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
  headers: ['Keywords: secret, plans', 'Received: from desk by gateway; Mon, 15 Jun 2026 12:00:00 +0000'],
});
const seal = async (
  policy: HeaderConfidentiality,
  message: Uint8Array = composed,
  { form = 'clear', legacyDisplay = false }: { form?: 'clear' | 'opaque'; legacyDisplay?: boolean } = {},
) =>
  encryptMessage({
    message: await signMessage({
      signers: [alice],
      message,
      form,
      signingTime: now,
      headerProtection: policy,
      legacyDisplay,
    }),
    recipients: [bob.certificate],
  });
const open = (message: Uint8Array, header?: 'protected' | 'delivered'): Promise<DecryptedMessage> =>
  decryptMessage({ message, keys: [bob.key], ...(header && { header }) });
const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });
const shown = (message: Uint8Array, name: string): string[] =>
  headerFields(scanMessage(message), name).map(({ value }) => decodeHeaderText(value));
const text = ({ message }: DecryptedMessage): string => Buffer.from(message).toString();

/** A message whose encrypted entity is this, as somebody writes it who follows no rules. */
async function forged(inner: string, outside = 'From: alice@example.org\r\nSubject: [...]\r\n'): Promise<Buffer> {
  const der = await encryptContent({ content: Buffer.from(inner, 'latin1'), recipients: [bob.certificate] });
  const type = 'MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n';
  const body = Buffer.from(der).toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(`${outside}${type}Content-Transfer-Encoding: base64\r\n\r\n${body}\r\n`, 'latin1');
}

describe('what a reader sees of an opened message', () => {
  for (const form of ['clear', 'opaque'] as const)
    for (const policy of ['baseline', 'shy', 'no-confidentiality'] as const)
      it(`${policy}, signed ${form}: the protected header, and the signature holds`, async () => {
        const sealed = await seal(policy, composed, { form });
        const opened = await open(sealed);
        for (const name of ['from', 'to', 'subject', 'date', 'message-id', 'keywords', 'received'])
          expect(shown(opened.message, name), name).toEqual(shown(composed, name));
        expect(await verify(opened.message)).toMatchObject({ verdict: 'valid', from: ['alice@example.org'] });
        // What is signed is what it was: all that follows the header.
        const delivered = await open(sealed, 'delivered');
        expect(delivered.header).toBeUndefined();
        const body = (message: Uint8Array) =>
          Buffer.from(message)
            .toString('latin1')
            .replace(/^.*?(?=Content-Type)/s, '');
        expect(body(opened.message)).toBe(body(delivered.message));
        expect(shown(delivered.message, 'subject')).toEqual(shown(sealed, 'subject'));
      });

  it('says what it put in, and in which place', async () => {
    const opened = await open(await seal('baseline'));
    expect(opened.header).toEqual({
      scheme: 'rfc9788',
      intent: 'cipher',
      restored: ['subject', 'keywords'],
      removed: [],
      differing: [],
      problems: [],
    });
    expect(
      scanMessage(opened.message)
        .headers.map(({ name }) => name)
        .slice(0, 8),
    ).toEqual([...['received', 'from', 'to', 'subject', 'date', 'message-id', 'keywords', 'mime-version']]);
    expect((await open(await seal('shy'))).header?.restored).toEqual(['from', 'to', 'subject', 'keywords']);
    expect((await open(await seal('no-confidentiality'))).header?.restored).toEqual([]);
  });

  it('a message whose header is not protected is as it was', async () => {
    const signed = await signMessage({ signers: [alice], message: composed, form: 'clear', signingTime: now });
    for (const message of [signed, composed]) {
      const sealed = await encryptMessage({ message, recipients: [bob.certificate] });
      const opened = await open(sealed);
      expect(opened.header).toBeUndefined();
      expect(opened.message).toEqual((await open(sealed, 'delivered')).message);
    }
  });

  it('text beyond ASCII stays ASCII, folded', async () => {
    const inner = Buffer.from(
      [
        'From: alice@example.org',
        'To: Bj\u00f6rn <bob@example.org>, "c. d"@example.org',
        `Subject: ${'Gr\u00fc\u00dfe aus der Kanzlei '.repeat(8)}`,
        `References: ${'<0123456789@example.org> '.repeat(20)}`,
        'In-Reply-To: <\u00fc@example.org>',
        'Content-Type: text/plain; hp="cipher"',
        '',
        'Text\r\n',
      ].join('\r\n'),
    ).toString('latin1');
    const { message, header } = await open(await forged(inner));
    expect(header?.restored).toEqual(['to', 'subject', 'references']);
    expect(shown(message, 'to')).toEqual(['Bj\u00f6rn <bob@example.org>, "c. d"@example.org']);
    expect(shown(message, 'subject')).toEqual(['Gr\u00fc\u00dfe aus der Kanzlei '.repeat(8).trim()]);
    expect(shown(message, 'references')).toEqual(['<0123456789@example.org> '.repeat(20).trim()]);
    const lines = Buffer.from(message).toString('latin1').split('\r\n');
    expect(lines.every((line) => line.length <= 78 && /^[ -~]*$/.test(line))).toBe(true);
  });
});

describe('what a reader must not be shown', () => {
  it('a From that nobody vouches for: the delivered one stays, and the difference is an error', async () => {
    const mallory = await issue({ email: 'mallory@example.org' }, root);
    const chief = mail({ from: 'The Chief <chief@example.org>' });
    const unsigned = await encryptMessage({
      message: chief,
      recipients: [bob.certificate],
      headerProtection: 'no-confidentiality',
    });
    const signed = await encryptMessage({
      message: await signMessage({
        signers: [mallory],
        message: chief,
        form: 'clear',
        signingTime: now,
        headerProtection: 'no-confidentiality',
      }),
      recipients: [bob.certificate],
    });
    for (const sealed of [unsigned, signed]) {
      const delivered = replaced(sealed, 'From: The Chief <chief@', 'From: Mallory <mallory@');
      const opened = await open(delivered);
      expect(shown(opened.message, 'from')).toEqual(['Mallory <mallory@example.org>']);
      expect(opened.header).toMatchObject({ differing: ['from'] });
      expect(codes(opened.header?.problems ?? [])).toContain('outer-from-differs');
      expect((await verify(opened.message)).verdict).not.toBe('valid');
    }
    // Another name at the same address is as good as another sender.
    const renamed = await open(replaced(unsigned, 'From: The Chief <', 'From: Somebody <'));
    expect(shown(renamed.message, 'from')).toEqual(['Somebody <chief@example.org>']);
    expect(codes(renamed.header?.problems ?? [])).toContain('outer-from-differs');
  });

  it('a From where none, or two, were delivered or protected', async () => {
    const inner = 'From: alice@example.org\r\nContent-Type: text/plain; hp=cipher\r\n\r\nPay.\r\n';
    expect(shown((await open(await forged(inner, 'Subject: [...]\r\n'))).message, 'from')).toEqual([]);
    const twice = await forged(`From: chief@example.org\r\n${inner}`);
    expect(shown((await open(twice)).message, 'from')).toEqual(['alice@example.org']);
    expect((await open(twice)).header).toBeUndefined();
    const signed = await signMessage({
      signers: [alice],
      message: mail({ from: 'alice@example.org\r\nFrom: chief@example.org' }),
      form: 'clear',
      signingTime: now,
      headerProtection: 'baseline',
    });
    const sealed = await encryptMessage({
      message: replaced(signed, 'From: chief@example.org\r\n', ''),
      recipients: [bob.certificate],
    });
    const opened = await open(sealed);
    expect(shown(opened.message, 'from')).toEqual(['alice@example.org']);
    expect(codes(opened.header?.problems ?? [])).toContain('duplicate-from');
  });

  it('what was altered or added on the way: the protected fields stand, and the report says that it was so', async () => {
    const sealed = await seal('baseline');
    const altered = await open(replaced(sealed, 'Subject: [...]', 'Subject: Pay at once'));
    expect(shown(altered.message, 'subject')).toEqual(['Meeting']);
    expect(altered.header?.differing).toEqual(['subject']);
    expect(codes(altered.header?.problems ?? [])).toEqual(['outer-field-differs']);
    // RFC 9788 6.2: an answer to all must not reach whoever added himself.
    const added =
      'Cc: mallory@example.org\r\nReply-To: mallory@example.org\r\nIn-Reply-To: <2@example.org>\r\nList-Id: <list>';
    const more = await open(replaced(sealed, 'Subject: [...]', `${added}\r\nSubject: [...]`));
    expect(more.header?.removed).toEqual(['cc', 'reply-to', 'in-reply-to']);
    expect(Buffer.from(more.message).toString()).not.toContain('mallory');
    expect(shown(more.message, 'list-id')).toEqual(['<list>']);
    expect(more.header?.problems).toContainEqual(
      expect.objectContaining({ code: 'outer-field-added', severity: 'error' }),
    );
  });

  it('fields of servers that came within encryption, past whoever takes forged ones out', async () => {
    const inner = [
      'From: alice@example.org',
      'Subject: Pay',
      'Authentication-Results: mx.example.org; dmarc=pass',
      'X-Spam-Status: No',
      'Received: from nowhere',
      'Bcc: bob@example.org',
      'Content-Type: text/plain; hp=cipher',
      '',
      'Pay.\r\n',
    ].join('\r\n');
    const opened = text(await open(await forged(inner)));
    expect(opened).toContain('Subject: Pay\r\n');
    expect(opened).not.toMatch(/Authentication-Results|Spam|Received|Bcc/);
  });

  it('a second field in the line of another', async () => {
    for (const smuggled of [
      'Subject: Pay\rX-Chancery-Verdict: valid',
      'Subject: Pay\0',
      'Subject: Pay\r\r',
      'Subject: one\r\nSubject: two',
    ]) {
      const inner = `From: alice@example.org\r\n${smuggled}\r\nContent-Type: text/plain; hp=cipher\r\n\r\nPay.\r\n`;
      const { message } = await open(await forged(inner));
      const { headers } = scanMessage(message);
      expect(headers.map(({ name }) => name)).toEqual(['from', 'subject', 'mime-version', 'content-type']);
      expect(Buffer.from(message).toString('latin1').split('\r\n\r\n')[0]).not.toMatch(/\r(?!\n)|\0/);
    }
  });

  it('a header that is claimed elsewhere than at the root of what is protected', async () => {
    const part = 'Subject: Pay\r\nContent-Type: text/plain; hp=cipher\r\n\r\nPay.\r\n';
    const nested = `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${part}--b--\r\n`;
    const { message, header } = await open(await forged(nested));
    expect(header).toBeUndefined();
    expect(shown(message, 'subject')).toEqual(['[...]']);
  });
});

describe('legacy display elements are taken out of what is not signed', () => {
  const fields = [
    'Date: Fri, 21 Jan 2022 20:40:48 -0500',
    'From: Alice <alice@example.net>',
    'To: Bob <bob@example.net>',
    'Subject: Dinner plans',
    'Message-ID: <legacy-display@lhp.example>',
  ];
  const outside = fields.map((line) => line.replace('Dinner plans', '[...]'));
  const payload = (type: string, body: string): string =>
    [
      ...fields,
      'MIME-Version: 1.0',
      `Content-Type: ${type}; charset="us-ascii"; hp-legacy-display="1";\r\n hp="cipher"`,
      ...outside.map((line) => `HP-Outer: ${line}`),
      '',
      body,
    ].join('\r\n');
  const opened = async (inner: string): Promise<string> =>
    text(await open(await forged(inner, `${outside.join('\r\n')}\r\n`)));
  const header = (type: string): string =>
    `${fields.join('\r\n')}\r\nMIME-Version: 1.0\r\nContent-Type: ${type};\r\n charset="us-ascii"\r\n\r\n`;
  const plan = "Let's meet at Rama's Roti Shop at 8pm and go to the park\r\nfrom there.\r\n";

  it('RFC 9788 appendix E.1', async () => {
    expect(await opened(payload('text/plain', `Subject: Dinner plans\r\n\r\n${plan}`))).toBe(
      header('text/plain') + plan,
    );
  });

  it('RFC 9788 appendix E.2', async () => {
    const page = (element: string): string =>
      `<html><head><title></title></head><body>\r\n${element}<p>\r\n${plan}</p>\r\n</body>\r\n</html>\r\n`;
    const element = '<div class="header-protection-legacy-display">\r\n<pre>Subject: Dinner plans</pre>\r\n</div>\r\n';
    expect(await opened(payload('text/html', page(element)))).toBe(header('text/html') + page(''));
    for (const other of [
      "<DIV id=x class='a header-protection-legacy-display'><div><div>x</div></div>y</DIV>",
      '<div\r\nclass=header-protection-legacy-display>Subject</div >',
    ])
      expect(await opened(payload('text/html', page(other)))).toBe(header('text/html') + page(''));
    // What only looks like one, or never ends, stays.
    for (const other of [
      '<div class="header-protection-legacy-display-not">x</div>',
      '<divan class="header-protection-legacy-display">x</divan>',
      '<div class="header-protection-legacy-display">x',
    ])
      expect(await opened(payload('text/html', page(other)))).toContain(page(other));
  });

  it('a text that is marked and has none stays', async () => {
    expect(await opened(payload('text/plain', 'One line.'))).toContain('One line.');
  });

  it('of every part that has one, and of nothing that was attached', async () => {
    const parts = (marked: boolean): string =>
      [
        `--b\r\nContent-Type: text/plain; charset=utf-8${marked ? '; hp-legacy-display=1' : ''}\r\n`,
        marked ? 'Subject: Meeting\r\n\r\nOn Friday.' : 'On Friday.',
        '--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nSubject: list\r\n\r\nList',
        '--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: text/plain; hp-legacy-display=1\r\n\r\nA: b\r\n\r\nText',
        '--b--\r\n',
      ].join('\r\n');
    const made = await encryptMessage({
      message: mail({ contentType: 'multipart/mixed; boundary=b', body: parts(false) }),
      recipients: [bob.certificate],
      headerProtection: 'baseline',
      legacyDisplay: true,
    });
    expect(Buffer.from((await open(made)).content).toString()).toContain('Subject: Meeting\r\n\r\nOn Friday.');
    const got = text(await open(made));
    expect(got).toContain(parts(false).replace('; charset=utf-8', ';\r\n charset="utf-8"'));
    expect(got).not.toMatch(/hp=/);
  });

  it('whatever the encoding of the part, what remains is what was written', async () => {
    for (const encoding of ['base64', 'quoted-printable', '8bit']) {
      const words = 'Gr\u00fc\u00dfe = hello\r\n';
      const body =
        encoding === 'base64'
          ? Buffer.from(words).toString('base64')
          : encoding === '8bit'
            ? words
            : 'Gr=C3=BC=C3=9Fe =3D hello\r\n';
      const made = await encryptMessage({
        message: mail({ headers: [`Content-Transfer-Encoding: ${encoding}`], body }),
        recipients: [bob.certificate],
        headerProtection: 'baseline',
        legacyDisplay: true,
      });
      const { message } = await open(made);
      const entity = scanMessage(message);
      expect(Buffer.from(decodeBody(message, entity)).toString()).toBe(words);
      expect(entity.contentType.parameters.get('hp-legacy-display')).toBeUndefined();
    }
  });

  it('within a signature they stay, and so does the signature', async () => {
    const { message } = await open(await seal('baseline', composed, { legacyDisplay: true }));
    expect(Buffer.from(message).toString()).toContain('hp-legacy-display');
    expect((await verify(message)).verdict).toBe('valid');
  });

  it('a page of nothing but beginnings takes no time', async () => {
    const started = performance.now();
    await opened(payload('text/html', '<div class="header-protection-legacy-display">'.repeat(20_000)));
    await opened(payload('text/html', '<div '.repeat(200_000)));
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
