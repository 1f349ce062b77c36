import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';

describe('attack 8: a From field that can be read as somebody else', () => {
  let root: Holder;
  let signed: Buffer;
  beforeAll(async () => {
    root = await issue({ ca: true });
    const mallory = await issue({ email: 'mallory@example.org' }, root);
    signed = Buffer.from(
      await signMessage({
        signers: [mallory],
        message: mail({ from: 'mallory@example.org' }),
        form: 'clear',
        signingTime: now,
      }),
    );
  });
  const withFrom = (from: string) =>
    verifyMessage({
      message: replaced(signed, 'From: mallory@example.org', `From: ${from}`),
      anchors: [root.certificate],
      at: now,
    });

  for (const from of [
    'alice@example.org, mallory@example.org',
    'mallory@example.org, alice@example.org',
    'alice@example.org <mallory@example.org>',
    '<alice@example.org> <mallory@example.org>',
    'Team: mallory@example.org, alice@example.org;',
    'Team: mallory@example.org;',
    '"alice@example.org" mallory@example.org',
    '<@alice.example.org:mallory@example.org>',
    '=?utf-8?q?alice=40example.org=00?= <mallory@example.org>',
    '=?utf-8?q?alice=40example.org?=@example.org',
    '"Alice <alice@example.org>, "mallory@example.org',
    'Alice (<alice@example.org>',
    'alice@example.org mallory@example.org',
  ]) {
    it(from, async () => {
      expect((await withFrom(from)).verdict).toBe('ambiguous');
    });
  }

  it('an address in the display name is pointed out', async () => {
    for (const from of [
      '"alice@example.org" <mallory@example.org>',
      '=?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?= <mallory@example.org>',
    ]) {
      const report = await withFrom(from);
      expect(report.from).toEqual(['mallory@example.org']);
      expect(codes(report.problems)).toContain('address-in-display-name');
    }
  });

  it('a comment is pointed out and is not the address', async () => {
    const report = await withFrom('(alice@example.org) mallory@example.org');
    expect(report.from).toEqual(['mallory@example.org']);
    expect(codes(report.problems)).toContain('comment-in-address');
  });

  it('an internationalised domain is compared in its ASCII form, and its look-alike is another', async () => {
    const holder = await issue({ email: 'info@xn--bcher-kva.example' }, root);
    const message = await signMessage({
      signers: [holder],
      message: mail({ from: 'info@x.example' }),
      form: 'clear',
      signingTime: now,
    });
    const from = (text: string) =>
      verifyMessage({
        message: replaced(message, 'From: info@x.example', `From: ${Buffer.from(text).toString('latin1')}`),
        anchors: [root.certificate],
        at: now,
      });
    expect((await from('info@bücher.example')).verdict).toBe('valid');
    expect((await from('info@bûcher.example')).verdict).toBe('invalid');
  });
});
