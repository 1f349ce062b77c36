import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now } from '../office.ts';
import { soundSigners } from './naive.ts';

describe('attack 9: a part is signed and the message is not', () => {
  let root: Holder;
  let alice: Holder;
  let signedPart: string;
  let opaquePart: string;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
    const partOf = async (form: 'clear' | 'opaque'): Promise<string> => {
      const signed = Buffer.from(
        await signMessage({ signers: [alice], message: mail(), form, signingTime: now }),
      ).toString('latin1');
      return signed.slice(signed.indexOf('Content-Type:'));
    };
    signedPart = await partOf('clear');
    opaquePart = await partOf('opaque');
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });
  const unsigned = 'Content-Type: text/html\r\n\r\n<b>Pay Mallory.</b>\r\n';
  const multipart = (type: string, parts: readonly string[]): Buffer =>
    mail({
      contentType: `multipart/${type}; boundary="outer"`,
      body: `${parts.map((part) => `--outer\r\n${part}\r\n`).join('')}--outer--\r\n`,
    });

  /** Looks for a signed part wherever it stands, and shows the whole message as signed. */
  const naive = async (message: Uint8Array): Promise<boolean> => {
    const text = Buffer.from(message).toString('latin1');
    const at = Math.max(
      text.indexOf('Content-Type: multipart/signed'),
      text.indexOf('Content-Type: application/pkcs7-mime'),
    );
    return (
      at >= 0 &&
      (await soundSigners(Buffer.from(text.slice(at).split('\r\n--outer')[0] ?? '', 'latin1'), root.certificate)) !==
        undefined
    );
  };

  it('the control: the part as the whole message is valid', async () => {
    const header = mail().toString('latin1').split('Content-Type:')[0];
    const message = Buffer.from(`${header}${signedPart}`, 'latin1');
    expect((await verify(message)).verdict).toBe('valid');
    expect(await naive(message)).toBe(true);
    expect(await naive(multipart('mixed', [unsigned]))).toBe(false);
  });

  for (const type of ['mixed', 'related', 'alternative']) {
    for (const form of ['clear', 'opaque'] as const) {
      it(`an unsigned part before or after it in multipart/${type}, ${form}`, async () => {
        const part = form === 'clear' ? signedPart : opaquePart;
        for (const parts of [[unsigned, part], [part, unsigned], [part]]) {
          expect(await naive(multipart(type, parts))).toBe(true);
          const report = await verify(multipart(type, parts));
          expect(report).toMatchObject({ verdict: 'invalid', covers: 'part' });
          expect(report.signers[0]?.signature).toBe('valid');
          expect(codes(report.problems)).toContain('partial-signature');
        }
      });
    }
  }

  it('hidden two levels down', async () => {
    const inner = `Content-Type: multipart/related; boundary="inner"\r\n\r\n--inner\r\n${unsigned}\r\n--inner\r\n${signedPart}\r\n--inner--\r\n`;
    expect(await naive(multipart('mixed', [unsigned, inner]))).toBe(true);
    expect(await verify(multipart('mixed', [unsigned, inner]))).toMatchObject({ verdict: 'invalid', covers: 'part' });
  });

  it('a signed message that is forwarded says nothing about the one around it', async () => {
    const forwarded = `Content-Type: message/rfc822\r\n\r\nFrom: alice@example.org\r\nMIME-Version: 1.0\r\n${signedPart}`;
    expect(await naive(multipart('mixed', [unsigned, forwarded]))).toBe(true);
    const report = await verify(multipart('mixed', [unsigned, forwarded]));
    expect(report).toMatchObject({ verdict: 'unsigned', covers: 'none', signers: [] });
    expect(codes(report.problems)).toContain('signed-message-embedded');
  });

  it('text before the first and after the last delimiter belongs to no part and is not in the content', async () => {
    const header = mail().toString('latin1').split('Content-Type:')[0];
    for (const text of [
      `${header}${signedPart}\r\nPay Mallory.\r\n`,
      `${header}${signedPart.replace('\r\n\r\n', `\r\n\r\n${'Pay Mallory 10,000 euros, and do so at once.\r\n'.repeat(3)}`)}`,
    ]) {
      const message = Buffer.from(text, 'latin1');
      expect(await naive(message)).toBe(true);
      const report = await verify(message);
      expect(Buffer.from(report.content ?? []).includes('Mallory')).toBe(false);
      expect(codes(report.problems)).toContain('text-outside-parts');
    }
    const report = await verify(Buffer.from(`${header}${signedPart}`, 'latin1'));
    expect(codes(report.problems)).not.toContain('text-outside-parts');
  });
});
