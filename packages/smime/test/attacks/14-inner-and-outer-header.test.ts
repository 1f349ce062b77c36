import { beforeAll, describe, expect, it } from 'vitest';
import {
  encryptMessage,
  headerValue,
  parseAddressHeader,
  scanMessage,
  signMessage,
  type VerifyReport,
  verifyContent,
  verifyMessage,
} from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';

describe('attack 14: the protected header says one thing, the delivered one another', () => {
  let root: Holder;
  let alice: Holder;
  let bob: Holder;
  let signed: Uint8Array;
  let sealed: Uint8Array;
  beforeAll(async () => {
    root = await issue({ ca: true });
    [alice, bob] = await Promise.all([
      issue({ email: 'alice@example.org' }, root),
      issue({ email: 'bob@example.org' }, root),
    ]);
    const message = mail({ headers: ['Cc: carol@example.org', 'Reply-To: alice@example.org'] });
    const signing = { signers: [alice], message, form: 'opaque', signingTime: now } as const;
    signed = await signMessage({ ...signing, headerProtection: 'clear' });
    sealed = await encryptMessage({
      message: await signMessage({ ...signing, headerProtection: 'shy' }),
      recipients: [bob.certificate],
    });
  });
  const verify = (message: Uint8Array): Promise<VerifyReport> =>
    verifyMessage({ message, anchors: [root.certificate], at: now, keys: [bob.key] });

  /** Trusts what is signed, and forgets that others show what is not. */
  async function naive(message: Uint8Array): Promise<boolean> {
    const bytes = Buffer.from(message);
    const der = Buffer.from(bytes.toString('latin1').split('\r\n\r\n')[1] ?? '', 'base64');
    const { valid, content, signers } = await verifyContent({ der, anchors: [root.certificate], at: now });
    const inner = scanMessage(content ?? Buffer.alloc(0));
    const [from] = parseAddressHeader(headerValue(inner, 'from') ?? '').mailboxes;
    return valid && from !== undefined && signers[0]?.emails.includes(from.address) === true;
  }

  it('the control is valid', async () => {
    expect(await verify(signed)).toMatchObject({ verdict: 'valid', protectedHeaders: { differing: [] } });
    expect(await verify(sealed)).toMatchObject({ verdict: 'valid', protectedHeaders: { differing: [] } });
    expect(await naive(signed)).toBe(true);
  });

  const changes: [what: string, field: string, from: string | RegExp, to: string][] = [
    ['another sender', 'from', 'From: Alice <alice@example.org>', 'From: Alice <chief@example.org>'],
    ['another sender’s name', 'from', 'From: Alice <', 'From: The Chief <'],
    ['another subject', 'subject', 'Subject: Meeting', 'Subject: Pay at once'],
    ['another subject, encoded', 'subject', 'Subject: Meeting', 'Subject: =?utf-8?q?Pay_at_once?='],
    ['another recipient', 'to', 'To: Bob <bob@example.org>', 'To: Dave <dave@example.org>'],
    ['one recipient more', 'cc', 'Cc: carol@example.org', 'Cc: carol@example.org, dave@example.org'],
    ['another date', 'date', /Date: [^\r]*/, 'Date: Tue, 16 Jun 2026 12:00:00 +0000'],
    ['another address for answers', 'reply-to', 'Reply-To: alice@', 'Reply-To: mallory@'],
  ];
  for (const [what, field, from, to] of changes) {
    it(`${what}: a naive check is fooled`, async () => {
      const altered = replaced(signed, from, to);
      expect(await naive(altered)).toBe(true);
      const report = await verify(altered);
      expect(report).toMatchObject({ verdict: 'ambiguous', protectedHeaders: { differing: [field] } });
      expect(codes(report.problems)).toEqual([field === 'from' ? 'outer-from-differs' : 'outer-field-differs']);
    });
  }

  it('both senders are named', async () => {
    const report = await verify(replaced(signed, 'From: Alice <alice@', 'From: Alice <chief@'));
    expect(report.problems[0]?.message).toMatch(/chief@example\.org.*alice@example\.org/);
    expect(report.from).toEqual(['chief@example.org']);
  });

  it('the signer protects his own name, and another’s is delivered', async () => {
    const mallory = await issue({ email: 'mallory@example.org' }, root);
    const message = await signMessage({
      signers: [mallory],
      message: mail({ from: 'mallory@example.org' }),
      form: 'opaque',
      signingTime: now,
      headerProtection: 'clear',
    });
    expect((await verify(message)).verdict).toBe('valid');
    const altered = replaced(message, 'From: mallory@', 'From: alice@');
    expect(await naive(altered)).toBe(true);
    expect((await verify(altered)).verdict).toBe('ambiguous');
  });

  it('the signer protects another’s name, and his own is delivered', async () => {
    const mallory = await issue({ email: 'mallory@example.org' }, root);
    const message = await signMessage({
      signers: [mallory],
      message: mail({ from: 'alice@example.org' }),
      form: 'opaque',
      signingTime: now,
      headerProtection: 'clear',
    });
    const report = await verify(replaced(message, 'From: alice@', 'From: mallory@'));
    expect(report).toMatchObject({
      verdict: 'ambiguous',
      signers: [{ identity: 'mismatch' }],
      from: ['mallory@example.org'],
    });
  });

  it('a field that was added outside', async () => {
    const bare = await signMessage({
      signers: [alice],
      message: Buffer.from('From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nYes.\r\n'),
      form: 'opaque',
      signingTime: now,
      headerProtection: 'clear',
    });
    expect((await verify(bare)).verdict).toBe('valid');
    for (const added of ['Subject: Shall I pay?', 'To: chief@example.org', 'Cc: chief@example.org']) {
      const altered = replaced(bare, 'MIME-Version', `${added}\r\nMIME-Version`);
      expect(await naive(altered)).toBe(true);
      expect(await verify(altered)).toMatchObject({ verdict: 'ambiguous', problems: [{ code: 'outer-field-added' }] });
    }
    // Servers and lists add these; they alter nothing that was composed.
    const listed = await verify(
      replaced(bare, 'MIME-Version', 'Reply-To: list@example.org\r\nList-Id: <list>\r\nMIME-Version'),
    );
    expect(listed).toMatchObject({ verdict: 'valid', protectedHeaders: { differing: ['reply-to'] } });
  });

  it('within encryption, outside it may only be what the composer put there', async () => {
    for (const [from, to] of [
      ['Subject: [...]', 'Subject: Pay at once'],
      ['From: alice@example.org', 'From: chief@example.org'],
      ['To: bob@example.org', 'To: dave@example.org'],
      ['From: alice@example.org', 'From: The Chief <alice@example.org>'],
    ] as const)
      expect((await verify(replaced(sealed, from, to))).verdict).toBe('ambiguous');
    // What is protected may stand outside, as it does once a gateway has put it there.
    for (const [from, to] of [
      ['Subject: [...]', 'Subject: Meeting'],
      ['From: alice@example.org', 'From: Alice <alice@example.org>'],
    ] as const)
      expect((await verify(replaced(sealed, from, to))).verdict).toBe('valid');
  });

  it('two protected senders', async () => {
    const twice = Buffer.from(
      'From: alice@example.org\r\nFrom: chief@example.org\r\nContent-Type: text/plain; hp="clear"\r\n\r\nPay.\r\n',
    );
    for (const form of ['clear', 'opaque'] as const) {
      const content = await signMessage({
        signers: [alice],
        message: twice,
        form,
        signingTime: now,
        headerProtection: 'clear',
      });
      const message = replaced(
        content,
        'From: alice@example.org\r\nFrom: chief@example.org\r\nMIME',
        'From: alice@example.org\r\nMIME',
      );
      const report = await verify(message);
      expect(report.verdict).toBe('ambiguous');
      expect(codes(report.problems)).toContain('duplicate-from');
    }
  });

  it('a claim of protection counts at the root of what is signed, and nowhere else', async () => {
    const part = 'From: chief@example.org\r\nSubject: Pay\r\nContent-Type: text/plain; hp="clear"\r\n\r\nPay.\r\n';
    const nested = mail({ contentType: 'multipart/mixed; boundary=b', body: `--b\r\n${part}\r\n--b--\r\n` });
    const within = await verify(
      await signMessage({ signers: [alice], message: nested, form: 'opaque', signingTime: now }),
    );
    expect(within).toMatchObject({ verdict: 'valid', from: ['alice@example.org'] });
    expect(within.protectedHeaders).toBeUndefined();
    const unsigned = mail({ contentType: 'text/plain; hp="clear"' });
    expect((await verify(unsigned)).protectedHeaders).toBeUndefined();
  });

  it('a forwarded message as the whole content lends its sender to nobody', async () => {
    const forwarded = mail({
      contentType: 'message/rfc822',
      body: 'From: chief@example.org\r\nSubject: Pay\r\n\r\nPay.\r\n',
    });
    const report = await verify(
      await signMessage({ signers: [alice], message: forwarded, form: 'opaque', signingTime: now }),
    );
    expect(report).toMatchObject({ verdict: 'valid', from: ['alice@example.org'] });
    expect(report.protectedHeaders).toBeUndefined();
    const whole = mail({
      contentType: 'message/rfc822',
      body: 'From: Alice <alice@example.org>\r\nSubject: Meeting\r\n\r\nFriday.\r\n',
    });
    const message = await signMessage({ signers: [alice], message: whole, form: 'opaque', signingTime: now });
    expect(await verify(message)).toMatchObject({
      verdict: 'ambiguous',
      protectedHeaders: { scheme: 'rfc8551', differing: ['to', 'date'] },
    });
  });

  it('hp="cipher" is a claim, and no encryption', async () => {
    const message = await signMessage({
      signers: [alice],
      message: mail(),
      form: 'opaque',
      signingTime: now,
      headerProtection: 'baseline',
    });
    const report = await verify(message);
    expect(codes(report.problems)).toEqual(['encryption-removed']);
    expect(report.protectedHeaders?.fields.every(({ protection }) => protection === 'signed-only')).toBe(true);
  });
});
