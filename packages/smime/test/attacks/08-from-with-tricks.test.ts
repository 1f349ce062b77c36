import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';
import { fieldOf, soundSigners } from './naive.ts';

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
  const changed = (from: string): Buffer => replaced(signed, 'From: mallory@example.org', `From: ${from}`);
  const withFrom = (from: string) => verifyMessage({ message: changed(from), anchors: [root.certificate], at: now });

  /** A right signature of somebody whose address stands somewhere in From. */
  const naive = async (message: Uint8Array): Promise<boolean> => {
    const signers = await soundSigners(message, root.certificate);
    return signers?.some((address) => fieldOf(message, 'from').includes(address)) === true;
  };

  it('the control is valid, and a naive check takes it too', async () => {
    expect((await verifyMessage({ message: signed, anchors: [root.certificate], at: now })).verdict).toBe('valid');
    expect(await naive(signed)).toBe(true);
    expect(await naive(changed('alice@example.org'))).toBe(false);
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
      // One of them names nobody but Alice, to a program that decodes words within addresses.
      expect(await naive(changed(from))).toBe(from.includes('mallory'));
      expect((await withFrom(from)).verdict).toBe('ambiguous');
    });
  }

  it('another address in the display name is ambiguous', async () => {
    for (const from of [
      '"alice@example.org" <mallory@example.org>',
      '=?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?= <mallory@example.org>',
      '"Alice (alice@example.org)" <mallory@example.org>',
      '"Alice, alice@example.org via mallory@example.org" <mallory@example.org>',
    ]) {
      expect(await naive(changed(from))).toBe(true);
      const report = await withFrom(from);
      expect(report.from).toEqual(['mallory@example.org']);
      expect(codes(report.problems)).toContain('address-in-display-name');
      expect(report.verdict).toBe('ambiguous');
    }
    const fullWidth = '=?utf-8?b?YWxpY2XvvKBleGFtcGxlLm9yZw==?= <mallory@example.org>';
    expect((await withFrom(fullWidth)).verdict).toBe('ambiguous');
  });

  it('the sender’s own address in the display name is not', async () => {
    for (const from of [
      '"mallory@example.org" <mallory@example.org>',
      '"Mallory (Mallory@Example.org)" <mallory@example.org>',
    ])
      expect(codes((await withFrom(from)).problems)).not.toContain('address-in-display-name');
  });

  it('a comment is pointed out and is not the address', async () => {
    const report = await withFrom('(alice@example.org) mallory@example.org');
    expect(report.from).toEqual(['mallory@example.org']);
    expect(codes(report.problems)).toContain('comment-in-address');
    expect(codes(report.problems)).toContain('address-in-comment');
    expect(report.verdict).toBe('ambiguous');
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

  it('letters of another alphabet are other letters, in the name and in the domain', async () => {
    const alice = await issue({ email: 'alice@example.org' }, root);
    const message = await signMessage({
      signers: [alice],
      message: mail({ from: 'alice@example.org' }),
      form: 'clear',
      signingTime: now,
    });
    // Compares what a person sees.
    const seen = (text: string): string => text.normalize('NFKC').replaceAll('\u0430', 'a').replaceAll('\u0435', 'e');
    for (const lookAlike of [
      '\u0430lice@example.org',
      'alice@\u0435xample.org',
      'alice@xn--xample-2of.org',
      '\uff41lice@example.org',
    ]) {
      const altered = replaced(
        message,
        'From: alice@example.org',
        `From: ${Buffer.from(lookAlike).toString('latin1')}`,
      );
      if (!lookAlike.includes('xn--')) expect(seen(lookAlike)).toBe('alice@example.org');
      const report = await verifyMessage({ message: altered, anchors: [root.certificate], at: now });
      expect(report.verdict).not.toBe('valid');
    }
  });
});
