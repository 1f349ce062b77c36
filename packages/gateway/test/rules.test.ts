import { readFacts } from '@chancery/mail-facts';
import {
  decryptMessage,
  encryptMessage,
  localDecrypter,
  oids,
  scanMessage,
  signMessage,
  verifyMessage,
} from '@chancery/smime';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chooseAlgorithms } from '../src/choose-algorithms.ts';
import { type NextServer, startNextServer, until } from './support/next-server.ts';
import { startTestGateway, type TestGateway } from './support/test-gateway.ts';

const by = (name: string) => ({ header: { name: 'X-Rule', contains: name } });
let office: TestGateway;
let partner: NextServer;
beforeAll(async () => {
  partner = await startNextServer();
  const rules: Parameters<typeof startTestGateway>[0] = [
    { name: 'route', when: by('route'), do: { route: 'partner' } },
    { name: 'no such route', when: by('astray'), do: { route: 'nowhere' } },
    {
      name: 'changes',
      when: by('changes'),
      do: {
        disclaimer: { text: 'Example Corp – Zürich' },
        subjectTag: '[extern]',
        addHeaders: [{ name: 'X-Class', value: 'public' }],
        removeHeaders: ['X-Internal-*'],
        removeAttachments: ['*.exe'],
        encrypt: 'never',
      },
    },
    { name: 'words', when: { ...by('words'), bodyWords: ['geheim'] }, do: { encrypt: 'must' } },
    { name: 'subject', when: { header: { name: 'Subject', contains: '[geheim]' } }, do: { encrypt: 'must' } },
    { name: 'legal', when: { senderGroup: ['Legal'], recipientDomain: ['partner.example'] }, do: { encrypt: 'must' } },
    { name: 'held', when: by('held'), do: { hold: { reason: 'somebody must look at it', hours: 1 } } },
    { name: 'strong', when: by('strong'), do: { cipher: 'aes-256-gcm', oaep: 'must', sign: 'never' } },
    {
      name: 'spf',
      when: { direction: 'inbound', authentication: { spf: ['none'] }, subjectWords: ['lottery'] },
      do: { refuse: 'No lotteries' },
    },
  ];
  office = await startTestGateway(rules, {}, { route: { partner: { port: partner.port, tls: 'never' } } });
  await office.authority.addPerson({ address: 'anna@example.com', encryption: 'p256', groups: ['Legal'] });
  await office.authority.addPerson({ address: 'ben@example.com', encryption: 'rsa' });
  await office.gateway();
  await until(() => office.gateway().health().signers.ready === 2);
  await office.ready();
});
afterAll(() => Promise.all([office.stop(), partner.stop()]));
beforeEach(() => {
  office.outside.delivered.length = 0;
});

const nowhere = 'x@stranger.example';
let serial = 0;
const mail = (
  rule: string,
  body: string,
  { from = 'anna@example.com', to = nowhere, subject = 'Plans', extra = '' } = {},
) => ({
  sender: from,
  recipients: [to],
  message: `From: <${from}>\r\nTo: ${to}\r\nSubject: ${subject}\r\nMessage-ID: <${++serial}@rules.example>\r\nX-Rule: ${rule}\r\n${extra}${body.replace(/\n/g, '\r\n')}`,
});
const send = async (one: ReturnType<typeof mail>, direction: 'outbound' | 'inbound' = 'outbound') =>
  office.send(direction, one);
const delivered = async () => {
  await until(() => office.outside.delivered.length > 0);
  return office.outside.delivered[0]?.message ?? Buffer.alloc(0);
};
const anchors = () => ({ anchors: [office.authority.ca.root], intermediates: [office.authority.ca.issuing] });
const mixed =
  'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n--m\nContent-Type: application/octet-stream; name=a.exe\nContent-Transfer-Encoding: base64\n\nTVqQ\n--m--\n';

describe('rules', () => {
  it('change a message before it is signed', async () => {
    expect(await send(mail('changes', mixed, { extra: 'X-Internal-Id: 7\r\n' }))).toMatchObject({ code: 250 });
    const message = await delivered();
    expect(await verifyMessage({ message, ...anchors() })).toMatchObject({ verdict: 'valid', covers: 'whole' });
    const { subject, text, headers } = await simpleParser(message);
    expect(subject).toBe('[extern] Plans');
    expect(text).toMatch(/Grüße\s+Example Corp – Zürich[\s\S]*“a\.exe” was taken out/);
    expect([headers.get('x-class'), headers.get('x-internal-id')]).toEqual(['public', undefined]);
    expect(message.includes('TVqQ')).toBe(false);
  });

  it('do not let by what cannot be taken out of a message that its sender has signed, or that is closed', async () => {
    const key = office.authority.encryptionKeyOf('anna@example.com');
    const plain = Buffer.from(mail('changes', mixed).message);
    const signed = await signMessage({
      message: plain,
      signers: [{ signer: key.keys.signer, certificate: key.certificate, chain: [] }],
    });
    const sealed = await encryptMessage({ message: plain, recipients: [key.certificate] });
    for (const message of [signed, sealed]) {
      expect(await office.send('outbound', { ...mail('changes', ''), message: Buffer.from(message) })).toMatchObject({
        code: 550,
      });
    }
    expect(office.outside.delivered).toEqual([]);
  });

  it('see words in HTML in base64, and treat what they cannot see as if it were there', async () => {
    const html = Buffer.from('<p>streng ge<b>heim</b></p>').toString('base64');
    const in64 = `MIME-Version: 1.0\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\n${html}\n`;
    const twice = 'MIME-Version: 1.0\nContent-Type: text/plain\nContent-Type: text/html\n\nhello\n';
    for (const body of [in64, twice]) {
      expect(await send(mail('words', body))).toMatchObject({ code: 550, reply: expect.stringContaining('5.7.10') });
    }
    expect(await send(mail('words', '\ninsgeheim\n'))).toMatchObject({ code: 250 });
  });

  it('read a subject as people do, and know the groups of people', async () => {
    const subject = `=?utf-8?B?${Buffer.from('[Geheim] Plan').toString('base64')}?=`;
    expect(await send(mail('', '\nhi\n', { subject }))).toMatchObject({ code: 550 });
    expect(await send(mail('', '\nhi\n', { to: 'x@partner.example' }))).toMatchObject({ code: 550 });
    expect(await send(mail('', '\nhi\n', { to: 'x@partner.example', from: 'ben@example.com' }))).toMatchObject({
      code: 250,
    });
  });

  it('send nothing of what they hold', async () => {
    expect(await send(mail('held', '\nhi\n'))).toMatchObject({ code: 250 });
    expect(office.outside.delivered.some(({ message }) => message.includes('X-Rule: held'))).toBe(false);
  });

  it('send by another way, and by none where it is not there', async () => {
    expect(await send(mail('route', '\nhi\n'))).toMatchObject({ code: 250 });
    await until(() => partner.delivered.length > 0);
    expect(await send(mail('astray', '\nhi\n'))).toMatchObject({ code: 451 });
    expect(office.outside.delivered.some(({ message }) => /X-Rule: (route|astray)/.test(message.toString()))).toBe(
      false,
    );
  });

  it('look at who vouches for mail from outside', async () => {
    const lottery = mail('', '\nwin\n', { from: 'c@stranger.example', to: 'anna@example.com', subject: 'The lottery' });
    expect(await send(lottery, 'inbound')).toMatchObject({ code: 550, reply: expect.stringContaining('No lotteries') });
  });

  it('choose algorithms: as they say, else as everybody has announced, and never less than is safe', async () => {
    expect(await send(mail('strong', '\nhi\n', { to: 'ben@example.com' }))).toMatchObject({ code: 250 });
    const message = await delivered();
    expect(message.toString('latin1')).toContain('smime-type=authEnveloped-data');
    const { keys, certificate } = office.authority.encryptionKeyOf('ben@example.com');
    const opened = await decryptMessage({
      message,
      keys: [{ decrypter: localDecrypter(keys.privateKey), certificate }],
    });
    expect(scanMessage(opened.message).contentType.type).toBe('text/plain');

    const gcm = { algorithm: oids.aes256Gcm };
    const sha256 = Buffer.from('300da00b0609608648016503040201', 'hex');
    const oaep = { algorithm: oids.rsaOaep, parameters: sha256 };
    const unsaid = { cipher: undefined, oaep: 'announced' } as const;
    const chosen = (...capabilities: ({ algorithm: string; parameters?: Uint8Array }[] | undefined)[]) => {
      const { cipher, recipients } = chooseAlgorithms(
        unsaid,
        capabilities.map((one) => ({ certificate, ...(one && { capabilities: one }) })),
      );
      return [cipher, ...recipients.map((one) => ('keyTransport' in one ? one.keyTransport : undefined))];
    };
    expect(chosen([gcm, oaep])).toEqual(['aes-256-gcm', 'oaep']);
    expect(chosen([gcm], undefined)).toEqual(['aes-256-cbc', 'pkcs1', 'pkcs1']);
    // An attacker's announcement of old ciphers alone lowers nothing, and OAEP with SHA-1 is not what we write.
    expect(chosen([{ algorithm: '1.2.840.113549.3.7' }, { algorithm: oids.rsaOaep }])).toEqual([
      'aes-256-cbc',
      'pkcs1',
    ]);
    expect(chosen()).toEqual(['aes-256-cbc']);
    // What a CA wrote into the certificate of somebody who reads with Thunderbird.
    const claims = Object.create(certificate, { smimeCapabilities: { value: [gcm, oaep] } }) as typeof certificate;
    expect(chooseAlgorithms(unsaid, [{ certificate: claims }])).toMatchObject({
      cipher: 'aes-256-cbc',
      recipients: [{ keyTransport: 'pkcs1' }],
    });
  });
});

describe('what rules see of a message', () => {
  it.each<[string, string, RegExp | undefined]>([
    ['nothing hidden', '\nHello\n', undefined],
    ['two bodies for two readers', 'Content-Type: text/plain\nContent-Type: text/html\n\nx\n', /more than one way/],
    ['an unknown character set', 'Content-Type: text/plain; charset=x-none\n\nx\n', /character set/],
    ['winmail.dat', 'Content-Type: application/ms-tnef\n\nx\n', /winmail/],
    [
      'an encrypted part',
      'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: application/pkcs7-mime\n\nMAAA\n--m--\n',
      /encrypted/,
    ],
    [
      'a message in base64',
      'MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAo=\n',
      /encoded once more/,
    ],
    ['a file in the text', '\nHello\n\nbegin 644 evil.exe\n#0V%T\n`\nend\n', /uuencode/],
    ['two names of one file', 'Content-Disposition: attachment; filename=a.txt; filename=a.exe\n\nx\n', /one name/],
    ['two dispositions', 'Content-Disposition: inline\nContent-Disposition: x; filename=a.exe\n\nx\n', /one name/],
    ['parts that are not there', 'Content-Type: multipart/mixed; boundary=m\n\nsecret\n', /more than one way/],
    ['more text than is read', `\n${'word word word\n'.repeat(80_000)}`, /too long/],
  ])('%s', (_, body, why) => {
    const { unseen } = readFacts(Buffer.from(`From: a@example.com\r\n${body.replace(/\n/g, '\r\n')}`)).content;
    if (why === undefined) expect(unseen).toBeUndefined();
    else expect(unseen).toMatch(why);
  });

  it('text as people see it', () => {
    const html =
      '<html><head><title>no</title><style>x{}</style></head><body>Gr&uuml;&#223;e&nbsp;an<br>al<b>le</b><!-- secret --></body></html>';
    const { text } = readFacts(Buffer.from(`Content-Type: text/html\r\n\r\n${html}`)).content;
    expect(text.replace(/\s+/g, ' ')).toMatch(/Grüße an al le[\s\S]*alle/);
  });

  it.each([
    'sec<b>ret</b>',
    'sec<!-- x -->ret',
    'sec<!-->ret',
    '<!-- x --!>secret -->',
    'sec<style>x{}</style>ret',
    'sec<foo>ret',
    'sec<a title=">">ret',
    'sec<a title = \'>\' b=">">ret',
    'sec<?x>ret',
    'a <1 secret',
    's&#101;cret',
    'sec&shy;ret',
  ])('a word that a reader sees: %s', (html) => {
    const { text } = readFacts(Buffer.from(`Content-Type: text/html\r\n\r\n${html}`)).content;
    expect(text.replaceAll('\u00ad', '')).toContain('secret');
  });

  it.each(['=?utf-8?q?a.exe=2E_?=', 'a.exe. .', '=?utf-8?q?a.exe=00.txt?=', '=?utf-8?q?a=E2=80=8B.exe?='])(
    'the name that a file has in the end: %s',
    (given) => {
      const { attachments } = readFacts(Buffer.from(`Content-Type: x/y; name="${given}"\r\n\r\nx`)).content;
      expect(attachments.map(({ name }) => name)).toContain('a.exe');
    },
  );

  it('text of kinds that nobody knows, and no words of ours in it', () => {
    const { text } = readFacts(Buffer.from('Content-Type: text/x-note\r\n\r\nsecret\r\n')).content;
    expect(text).toBe('secret\r\n');
    expect(readFacts(Buffer.from('Content-Type: text/html\r\n\r\n&toString;')).content.text).toMatch(/^&toString;/);
  });

  it.each(['<', '<!--', '<script>', '<style', '<a', '&', '</', '<a b="', '<a b=">'])(
    'in one pass, however often %s begins',
    (piece) => {
      const html = Buffer.from(`Content-Type: text/html\r\n\r\n${piece.repeat(300_000 / piece.length)}secret`);
      const begun = performance.now();
      expect(readFacts(html).content.text).toMatch(/secret$/);
      expect(performance.now() - begun).toBeLessThan(5_000);
    },
  );
});
