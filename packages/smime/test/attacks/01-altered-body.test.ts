import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';
import { readSigned, signatureHolds, signersOf, takeSigned } from './naive.ts';

describe('attack 1: the body is altered after it was signed', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });
  /** Checks the signature, which is over the attributes, and forgets that one of them is the digest of the text. */
  function naive(message: Uint8Array): boolean {
    const taken = takeSigned(message);
    if (taken === undefined) return false;
    const signers = signersOf(readSigned(taken.cms));
    return signers.length > 0 && signers.every((signer) => signatureHolds(signer, taken.content));
  }

  const sign = (form: 'clear' | 'opaque') => signMessage({ signers: [alice], message: mail(), form, signingTime: now });

  it('the control is valid, and a naive check takes it too', async () => {
    for (const form of ['clear', 'opaque'] as const) {
      expect((await verify(await sign(form))).verdict).toBe('valid');
      expect(naive(await sign(form))).toBe(true);
    }
  });

  it('one letter of the text', async () => {
    const altered = replaced(await sign('clear'), 'Friday', 'Sunday');
    expect(naive(altered)).toBe(true);
    const report = await verify(altered);
    expect(report.verdict).toBe('invalid');
    expect(report.signers[0]?.signature).toBe('invalid');
    expect(codes(report.signers[0]?.problems ?? [])).toContain('digest-mismatch');
  });

  it('a header field of the signed part', async () => {
    const altered = replaced(await sign('clear'), 'charset=utf-8', 'charset=utf-7');
    expect(naive(altered)).toBe(true);
    const report = await verify(altered);
    expect(report.verdict).toBe('invalid');
  });

  it('white space at a line end', async () => {
    const altered = replaced(await sign('clear'), 'Friday.', 'Friday. ');
    expect(naive(altered)).toBe(true);
    const report = await verify(altered);
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
