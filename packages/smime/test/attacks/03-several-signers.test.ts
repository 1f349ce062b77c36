import { beforeAll, describe, expect, it } from 'vitest';
import { limits, verifyMessage } from '../../src/index.ts';
import { attributes, clear, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';

describe('attack 3: several signers, of which one is right', () => {
  let root: Holder;
  let alice: Holder;
  let other: Holder;
  let stranger: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
    other = await issue({ email: 'alice@example.org' }, root);
    stranger = await issue({ email: 'alice@example.org' }, await issue({ ca: true, name: 'Elsewhere' }));
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  it('two that are both right are valid', async () => {
    const infos = [await signerInfo(alice, attributes(text)), await signerInfo(other, attributes(text))];
    const report = await verify(clear(text, signedData(infos, [alice, other])));
    expect(report.verdict).toBe('valid');
    expect(report.signers).toHaveLength(2);
  });

  for (const order of ['first', 'last'] as const) {
    it(`one over another text, the right one ${order}`, async () => {
      const right = await signerInfo(alice, attributes(text));
      const wrong = await signerInfo(other, attributes('something else'));
      const report = await verify(
        clear(text, signedData(order === 'first' ? [right, wrong] : [wrong, right], [alice, other])),
      );
      expect(report.verdict).toBe('invalid');
      expect(report.signers.map(({ signature }) => signature).sort()).toEqual(['invalid', 'valid']);
    });
  }

  it('one whose path leads nowhere', async () => {
    const infos = [await signerInfo(alice, attributes(text)), await signerInfo(stranger, attributes(text))];
    const report = await verify(clear(text, signedData(infos, [alice, stranger])));
    expect(report.verdict).toBe('invalid');
    expect(report.signers.filter(({ path }) => path.valid)).toHaveLength(1);
  });

  it('one whose certificate is missing', async () => {
    const infos = [await signerInfo(alice, attributes(text)), await signerInfo(other, attributes(text))];
    const report = await verify(clear(text, signedData(infos, [alice])));
    expect(report.verdict).toBe('invalid');
    expect(report.signers.map(({ signature }) => signature).sort()).toEqual(['unverifiable', 'valid']);
  });

  it('more than the budget are not looked at', async () => {
    const info = await signerInfo(alice, attributes(text));
    const report = await verify(clear(text, signedData(new Array(limits.signers + 1).fill(info), [alice])));
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('malformed-signature');
  });
});
