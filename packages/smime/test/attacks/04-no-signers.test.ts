import { beforeAll, describe, expect, it } from 'vitest';
import { certsOnly, verifyMessage } from '../../src/index.ts';
import { clear, opaque, signedData, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';

describe('attack 4: a signed object without signers', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  it('beside a content', async () => {
    const report = await verify(clear(text, signedData([], [alice])));
    expect(report).toMatchObject({ verdict: 'invalid', signers: [] });
    expect(codes(report.problems)).toContain('no-signers');
  });

  it('around a content', async () => {
    const report = await verify(opaque(signedData([], [alice], text)));
    expect(report).toMatchObject({ verdict: 'invalid', signers: [] });
    expect(codes(report.problems)).toContain('no-signers');
  });

  it('certificates alone are an unsigned message', async () => {
    const report = await verify(opaque(certsOnly([alice.certificate])));
    expect(report).toMatchObject({ verdict: 'unsigned', covers: 'none' });
    expect(codes(report.problems)).toContain('certificates-only');
  });
});
