import { beforeAll, describe, expect, it } from 'vitest';
import { decryptContent, encryptContent, limits, verifyMessage } from '../../src/index.ts';
import { attributes, clear, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';

describe('attack 26: ten thousand of everything', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  it('signers', async () => {
    const info = await signerInfo(alice, attributes(text));
    const report = await verify(clear(text, signedData(new Array<Buffer>(10_000).fill(info), [alice])));
    expect(report).toMatchObject({ verdict: 'invalid', signers: [] });
    expect(codes(report.problems)).toContain('malformed-signature');
  });

  it('certificates', async () => {
    const info = await signerInfo(alice, attributes(text));
    const report = await verify(clear(text, signedData([info], new Array<Holder>(10_000).fill(alice))));
    expect(report).toMatchObject({ verdict: 'invalid', signers: [] });
  });

  it('attributes', async () => {
    const info = await signerInfo(alice, new Array<Buffer>(10_000).fill(attributes(text)[0] as Buffer));
    expect((await verify(clear(text, signedData([info], [alice])))).verdict).toBe('invalid');
  });

  it('recipients: as many as the budget are read, one more is not', async () => {
    const rsa = await issue({ email: 'bob@example.org', kind: 'rsa' }, root);
    const recipients = new Array(limits.recipients).fill(rsa.certificate);
    await expect(
      encryptContent({ content: Buffer.from('x'), recipients: [...recipients, rsa.certificate] }),
    ).rejects.toMatchObject({ code: 'limit-exceeded' });
    const der = await encryptContent({ content: Buffer.from('x'), recipients });
    expect((await decryptContent({ der, keys: [rsa.key] })).recipients).toHaveLength(limits.recipients);
  });

  it('a signer whose certificate is its own issuer’s issuer', async () => {
    const a = await issue({ ca: true, name: 'A' });
    const b = await issue({ ca: true, name: 'B' }, a);
    const loop = await issue({ email: 'alice@example.org' }, b);
    const info = await signerInfo(loop, attributes(text));
    const report = await verify(clear(text, signedData([info], [loop, a, b])));
    expect(report.signers[0]).toMatchObject({ signature: 'valid', path: { valid: false } });
  });
});
