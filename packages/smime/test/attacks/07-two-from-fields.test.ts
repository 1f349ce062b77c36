import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';
import { fieldOf, soundSigners } from './naive.ts';

describe('attack 7: two From fields', () => {
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
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  /** The signer is whom the one From names, and whoever shows the message shows the other. */
  const naive = async (message: Uint8Array, which: 'first' | 'last'): Promise<boolean> =>
    (await soundSigners(message, root.certificate))?.includes(fieldOf(message, 'from', which)) === true;

  it('the control is valid, and a naive check takes it too', async () => {
    expect((await verify(signed)).verdict).toBe('valid');
    expect(await naive(signed, 'first')).toBe(true);
    expect(await naive(replaced(signed, 'From: mallory@', 'From: alice@'), 'first')).toBe(false);
  });

  for (const [order, checked, header] of [
    ['the signer first', 'first', 'From: mallory@example.org\r\nFrom: alice@example.org'],
    ['the signer last', 'last', 'From: alice@example.org\r\nFrom: mallory@example.org'],
    ['in another case, the signer last', 'last', 'from: alice@example.org\r\nFROM: mallory@example.org'],
    ['in another case, the signer first', 'first', 'FROM: mallory@example.org\r\nfrom: alice@example.org'],
    [
      'with white space before the colon, the signer last',
      'last',
      'From : alice@example.org\r\nFrom: mallory@example.org',
    ],
    [
      'with white space before the colon, the signer first',
      'first',
      'From: mallory@example.org\r\nFrom : alice@example.org',
    ],
    ['the same twice', 'first', 'From: mallory@example.org\r\nFrom: mallory@example.org'],
  ] as const) {
    it(order, async () => {
      const message = replaced(signed, 'From: mallory@example.org', header);
      expect(await naive(message, checked)).toBe(true);
      const report = await verify(message);
      expect(report.verdict).toBe('ambiguous');
      expect(codes(report.problems)).toContain('duplicate-from');
      expect(report.from).toHaveLength(2);
    });
  }

  it('the second hidden behind a bare line end', async () => {
    for (const lineEnd of ['\n', '\r'])
      for (const [from, to] of [
        ['Subject: Meeting', `Subject: Meeting${lineEnd}From: alice@example.org`],
        ['From: mallory@example.org', `X: y${lineEnd}From: alice@example.org\r\nFrom: mallory@example.org`],
      ] as const) {
        const message = replaced(signed, from, to);
        expect(await naive(message, 'first')).toBe(true);
        expect(await naive(message, 'last')).toBe(true);
        expect((await verify(message)).verdict).toBe('ambiguous');
      }
  });
});
