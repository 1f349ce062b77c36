import { beforeAll, describe, expect, it } from 'vitest';
import { verifyMessage } from '../../src/index.ts';
import { attributes, clear, opaque, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';

describe('attack 2: the signature beside a content carries content of its own', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  it('is never valid, though the signature over its own content is right', async () => {
    const cms = signedData([await signerInfo(alice, attributes(text))], [alice], text);
    expect((await verify(opaque(cms))).verdict).toBe('valid');
    const report = await verify(clear('Content-Type: text/plain\r\n\r\nPay 10000 euros to Mallory.\r\n', cms));
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('detached-signature-with-content');
    expect(report.signers[0]?.signature).toBe('invalid');
  });

  it('nor with the same content twice', async () => {
    const report = await verify(clear(text, signedData([await signerInfo(alice, attributes(text))], [alice], text)));
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('detached-signature-with-content');
  });

  it('an opaque message without content is not valid either', async () => {
    const report = await verify(opaque(signedData([await signerInfo(alice, attributes(text))], [alice])));
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('content-missing');
  });
});
