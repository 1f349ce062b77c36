import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Holder, issue, mail, now, replaced } from '../../test/office.ts';
import { pieceSizes, randomMessage } from '../../test/random-message.ts';
import { collect, sourceOf } from '../../test/streams.ts';
import { encryptMessage, signMessage, type VerifyReport, verifyMessage, verifyStream } from '../index.ts';

let root: Holder;
let alice: Holder;
let bob: Holder;
beforeAll(async () => {
  root = await issue({ ca: true });
  alice = await issue({ email: 'alice@example.org' }, root);
  bob = await issue({ email: 'bob@example.org' }, root);
});

const forms = ['clear', 'opaque'] as const;
const trust = () => ({ anchors: [root.certificate], at: now });
const sign = (message: Buffer, form: 'clear' | 'opaque'): Promise<Buffer> =>
  signMessage({ message, signers: [alice], form, signingTime: now }).then((signed) => Buffer.from(signed));

async function both(message: Uint8Array, sizes: number[]): Promise<[VerifyReport, VerifyReport, Buffer]> {
  const stream = verifyStream({ ...trust(), source: sourceOf(message, sizes)() });
  const unverified = await collect(stream.unverified);
  return [await stream.report(), await verifyMessage({ ...trust(), message }), unverified];
}

const told = ({ content: _, ...report }: VerifyReport): unknown => report;

describe('verifyStream', () => {
  it('judges what was signed as verifyMessage does, however it is cut, and hands out what was signed', async () => {
    await fc.assert(
      fc.asyncProperty(randomMessage, pieceSizes, fc.constantFrom(...forms), async (text, sizes, form) => {
        const from = Buffer.from(`From: alice@example.org\r\n${text}`, 'latin1');
        const signed = await sign(from, form);
        const [streamed, whole, unverified] = await both(signed, sizes);
        // Signatures on parts go by unread; no verdict about them is ever valid, in either verb.
        if (whole.covers !== 'whole' || streamed.problems.some(({ code }) => code === 'layer-not-followed')) {
          expect(streamed.verdict).not.toBe('valid');
          return;
        }
        expect(told(streamed)).toEqual(told(whole));
        if (whole.content) expect(unverified.equals(whole.content)).toBe(true);
      }),
      { numRuns: 120 },
    );
  });

  it('valid, and without its CRs too', async () => {
    for (const form of forms) {
      const signed = await sign(mail(), form);
      expect((await both(signed, [11]))[0].verdict).toBe('valid');
    }
    const unix = Buffer.from((await sign(mail(), 'clear')).toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
    for (const sizes of [[1], [7], [65_536]]) {
      const [streamed, whole] = await both(unix, sizes);
      expect(whole.verdict).toBe('valid');
      expect(told(streamed)).toEqual(told(whole));
    }
  });

  it('never valid where an octet was altered, a part cut off or added, and the whole is not', async () => {
    for (const form of forms) {
      const signed = await sign(mail(), form);
      for (let at = 0; at < signed.length; at += 41) {
        const altered = Buffer.from(signed);
        altered[at] = (altered[at] as number) ^ 1;
        for (const message of [altered, signed.subarray(0, at)]) {
          const [streamed, whole] = await both(message, [64]);
          if (whole.verdict !== 'valid') expect(streamed.verdict).not.toBe('valid');
        }
      }
    }
    const shown = replaced(await sign(mail(), 'clear'), 'Friday', 'Sunday');
    const [streamed, whole] = await both(shown, [50]);
    expect(told(streamed)).toEqual(told(whole));
    expect(streamed.verdict).toBe('invalid');
  });

  it('a layer within, encryption and no signature are never valid; the report comes to who left the loop early', async () => {
    const twice = await sign(await sign(mail(), 'clear'), 'opaque');
    expect((await both(twice, [99]))[0]).toMatchObject({ verdict: 'invalid' });
    const sealed = await encryptMessage({ message: mail(), recipients: [bob.certificate] });
    expect((await both(sealed, [99]))[0].verdict).toBe('unsigned');
    expect((await both(mail(), [99]))[0].verdict).toBe('unsigned');
    const stream = verifyStream({ ...trust(), source: sourceOf(await sign(mail(), 'clear'), [20])() });
    for await (const _ of stream.unverified) break;
    expect((await stream.report()).verdict).toBe('valid');
  });
});
