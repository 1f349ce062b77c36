import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';

describe('attack 1: the body is altered after it was signed', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });
  const sign = (form: 'clear' | 'opaque') => signMessage({ signers: [alice], message: mail(), form, signingTime: now });

  it('one letter of the text', async () => {
    const report = await verify(replaced(await sign('clear'), 'Friday', 'Sunday'));
    expect(report.verdict).toBe('invalid');
    expect(report.signers[0]?.signature).toBe('invalid');
    expect(codes(report.signers[0]?.problems ?? [])).toContain('digest-mismatch');
  });

  it('a header field of the signed part', async () => {
    const report = await verify(replaced(await sign('clear'), 'charset=utf-8', 'charset=utf-7'));
    expect(report.verdict).toBe('invalid');
  });

  it('white space at a line end', async () => {
    const report = await verify(replaced(await sign('clear'), 'Friday.', 'Friday. '));
    expect(report.verdict).toBe('invalid');
  });

  it('every octet of the signature object, one at a time: never valid with another content', async () => {
    const signed = Buffer.from(await sign('opaque')).toString('latin1');
    const start = signed.indexOf('\r\n\r\n') + 4;
    const der = Buffer.from(signed.slice(start), 'base64');
    const original = await verify(Buffer.from(signed, 'latin1'));
    expect(original.verdict).toBe('valid');
    for (let p = 0; p < der.length; p += 7) {
      const altered = Buffer.from(der);
      altered[p] = (altered[p] as number) ^ 0x01;
      const report = await verify(Buffer.from(`${signed.slice(0, start)}${altered.toString('base64')}\r\n`, 'latin1'));
      // What no signature covers (object versions, the announced digests) may change; the content never.
      if (report.verdict === 'valid') expect(report.content).toEqual(original.content);
    }
  });
});
