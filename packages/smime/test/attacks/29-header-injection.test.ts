import { beforeAll, describe, expect, it } from 'vitest';
import {
  decryptMessage,
  encryptMessage,
  encryptStream,
  scanMessage,
  signMessage,
  signStream,
  verifyMessage,
} from '../../src/index.ts';
import { type Holder, issue, mail, now } from '../office.ts';
import { collect, sourceOf } from '../streams.ts';

describe('attack 29: a line end within a header field that becomes a field of its own', () => {
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

  const ends: [name: string, octets: string][] = [
    ['CR', '\r'],
    ['CR CR', '\r\r'],
    ['CR before the end of a line', '\r\r\n '],
    ['NUL', '\0'],
    ['vertical tab', '\v'],
    ['form feed', '\f'],
    ['NEL, an octet', '\x85'],
    ['encoded CRLF', '=?utf-8?q?=0D=0A?='],
    ['encoded CRLF, base64', '=?utf-8?b?DQo=?='],
  ];
  const hostile = (end: string): Buffer =>
    Buffer.concat([
      Buffer.from(
        `X-Note: a${end}Bcc: mallory@example.org\r\nComments: b${end}Reply-To: mallory@example.org\r\n`,
        'latin1',
      ),
      mail(),
    ]);
  const fields = (message: Uint8Array): string[] =>
    scanMessage(message)
      .headers.map(({ name }) => name)
      .filter((name) => name === 'bcc' || name === 'reply-to');

  /** Ends every line at CRLF, as programs do before they send. */
  const naive = (message: Buffer): Buffer =>
    Buffer.from(message.toString('latin1').replace(/\r\n?|\n/g, '\r\n'), 'latin1');

  it('fools a program that ends every line at CRLF', () => {
    expect(fields(hostile('\r'))).toEqual([]);
    expect(fields(naive(hostile('\r')))).toEqual(['bcc', 'reply-to']);
  });

  for (const [name, end] of ends) {
    for (const headerProtection of ['none', 'shy'] as const) {
      const protection = headerProtection === 'none' ? {} : { headerProtection };
      it(`${name}, ${headerProtection === 'none' ? 'as it is' : 'with a protected header'}`, async () => {
        const message = hostile(end);
        const source = sourceOf(message, [7]);
        const signing = { signers: [alice], signingTime: now, ...protection };
        const recipients = [bob.certificate];
        const written = await Promise.all([
          signMessage({ ...signing, message, form: 'clear' }),
          signMessage({ ...signing, message, form: 'opaque' }),
          encryptMessage({ message, recipients, ...protection }),
          collect(signStream({ ...signing, source, form: 'clear' })),
          collect(signStream({ ...signing, source, form: 'opaque' })),
          collect(encryptStream({ source, recipients, ...protection })),
        ]);
        for (const [index, sent] of written.entries()) {
          expect(fields(sent), `output ${index}`).toEqual([]);
          // Nor does a relay that repairs lines find one.
          expect(fields(naive(Buffer.from(sent))), `output ${index}, repaired`).toEqual([]);
        }
        const opened = await Promise.all(
          [written[2], written[5]].map((sent) => decryptMessage({ message: sent as Uint8Array, keys: [bob.key] })),
        );
        for (const { message: whole } of opened) expect(fields(whole)).toEqual([]);
      });
    }
  }

  it('an honest field that is folded stays as it is, and the control is valid', async () => {
    const message = Buffer.concat([Buffer.from('X-Note: a\r\n Bcc: mallory@example.org\r\n'), mail()]);
    const sent = await signMessage({ signers: [alice], message, form: 'opaque', signingTime: now });
    expect(Buffer.from(sent).toString('latin1')).toContain('X-Note: a\r\n Bcc: mallory@example.org\r\n');
    const report = await verifyMessage({ message: sent, anchors: [root.certificate], at: now });
    expect(report.verdict).toBe('valid');
  });
});
