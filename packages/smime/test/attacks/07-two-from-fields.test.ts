import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';

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

  for (const [order, header] of [
    ['the signer first', 'From: mallory@example.org\r\nFrom: alice@example.org'],
    ['the signer last', 'From: alice@example.org\r\nFrom: mallory@example.org'],
    ['in another case', 'from: alice@example.org\r\nFROM: mallory@example.org'],
    ['with white space before the colon', 'From : alice@example.org\r\nFrom: mallory@example.org'],
    ['the same twice', 'From: mallory@example.org\r\nFrom: mallory@example.org'],
  ] as const) {
    it(order, async () => {
      const report = await verify(replaced(signed, 'From: mallory@example.org', header));
      expect(report.verdict).toBe('ambiguous');
      expect(codes(report.problems)).toContain('duplicate-from');
      expect(report.from).toHaveLength(2);
    });
  }

  it('the second hidden behind a bare line end', async () => {
    for (const lineEnd of ['\n', '\r']) {
      const report = await verify(
        replaced(signed, 'Subject: Meeting', `Subject: Meeting${lineEnd}From: alice@example.org`),
      );
      expect(report.verdict).toBe('ambiguous');
    }
  });
});
