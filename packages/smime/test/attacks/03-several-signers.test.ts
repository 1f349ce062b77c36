import { beforeAll, describe, expect, it } from 'vitest';
import { limits, verifyMessage } from '../../src/index.ts';
import { attributes, clear, inOrder, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';
import { digestMatches, readSigned, signatureHolds, signersOf, takeSigned } from './naive.ts';

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

  /** Is content with one signature that holds, or looks at one of them only. */
  function naive(message: Uint8Array, which: 'any' | 'first' | 'last' = 'any'): boolean {
    const taken = takeSigned(message);
    if (taken === undefined) return false;
    const signers = signersOf(readSigned(taken.cms));
    const holds = (signer: (typeof signers)[number] | undefined): boolean =>
      signer !== undefined && signatureHolds(signer, taken.content) && digestMatches(signer, taken.content);
    return which === 'any' ? signers.some(holds) : holds(which === 'first' ? signers[0] : signers.at(-1));
  }

  it('two that are both right are valid', async () => {
    const infos = [await signerInfo(alice, attributes(text)), await signerInfo(other, attributes(text))];
    const message = clear(text, signedData(infos, [alice, other]));
    expect(naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('valid');
    expect(report.signers).toHaveLength(2);
  });

  for (const order of ['first', 'last'] as const) {
    it(`one over another text, the right one ${order}`, async () => {
      const right = await signerInfo(alice, attributes(text));
      const wrong = await signerInfo(other, attributes('something else'));
      // Not signedData(), whose SET is sorted: a BER writer gives the order that he wants.
      const message = clear(text, inOrder(order === 'first' ? [right, wrong] : [wrong, right], [alice, other]));
      expect(naive(message)).toBe(true);
      expect(naive(message, order)).toBe(true);
      const report = await verify(message);
      expect(report.verdict).toBe('invalid');
      expect(report.signers.map(({ signature }) => signature).sort()).toEqual(['invalid', 'valid']);
    });
  }

  for (const order of ['first', 'last'] as const) {
    const pair = async (bad: Holder): Promise<Buffer[]> => {
      const infos = [await signerInfo(alice, attributes(text)), await signerInfo(bad, attributes(text))];
      return order === 'first' ? infos : infos.reverse();
    };

    it(`one whose path leads nowhere, the right one ${order}`, async () => {
      const message = clear(text, inOrder(await pair(stranger), [alice, stranger]));
      expect(naive(message, order)).toBe(true);
      const report = await verify(message);
      expect(report.verdict).toBe('invalid');
      expect(report.signers.filter(({ path }) => path.valid)).toHaveLength(1);
    });

    it(`one whose certificate is missing, the right one ${order}`, async () => {
      const message = clear(text, inOrder(await pair(other), [alice]));
      expect(naive(message, order)).toBe(true);
      const report = await verify(message);
      expect(report.verdict).toBe('invalid');
      expect(report.signers.map(({ signature }) => signature).sort()).toEqual(['unverifiable', 'valid']);
    });
  }

  it('more than the budget are not looked at', async () => {
    const info = await signerInfo(alice, attributes(text));
    const report = await verify(clear(text, signedData(new Array(limits.signers + 1).fill(info), [alice])));
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('malformed-signature');
  });
});
