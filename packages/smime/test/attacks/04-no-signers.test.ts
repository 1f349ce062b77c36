import { beforeAll, describe, expect, it } from 'vitest';
import { certsOnly, verifyMessage } from '../../src/index.ts';
import { attributes, clear, opaque, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now, replaced } from '../office.ts';
import { digestMatches, readSigned, signatureHolds, signersOf, takeSigned } from './naive.ts';

describe('attack 4: a signed object without signers', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  /** Finds fault with no signature: of none, all are right. */
  function naive(message: Uint8Array): boolean {
    const taken = takeSigned(message);
    if (taken === undefined) return false;
    const data = readSigned(taken.cms);
    const content = data.content ?? taken.content;
    return signersOf(data).every((signer) => signatureHolds(signer, content) && digestMatches(signer, content));
  }

  it('the control is valid, and a naive check takes it too', async () => {
    const message = clear(text, signedData([await signerInfo(alice, attributes(text))], [alice]));
    expect((await verify(message)).verdict).toBe('valid');
    expect(naive(message)).toBe(true);
    expect(naive(replaced(message, 'Pay 10', 'Pay 99'))).toBe(false);
  });

  it('beside a content', async () => {
    const message = clear(text, signedData([], [alice]));
    expect(naive(message)).toBe(true);
    const report = await verify(message);
    expect(report).toMatchObject({ verdict: 'invalid', signers: [] });
    expect(codes(report.problems)).toContain('no-signers');
  });

  it('around a content', async () => {
    const message = opaque(signedData([], [alice], text));
    expect(naive(message)).toBe(true);
    const report = await verify(message);
    expect(report).toMatchObject({ verdict: 'invalid', signers: [] });
    expect(codes(report.problems)).toContain('no-signers');
  });

  it('certificates alone are an unsigned message', async () => {
    const message = opaque(certsOnly([alice.certificate]));
    expect(naive(message)).toBe(true);
    const report = await verify(message);
    expect(report).toMatchObject({ verdict: 'unsigned', covers: 'none' });
    expect(codes(report.problems)).toContain('certificates-only');
  });
});
