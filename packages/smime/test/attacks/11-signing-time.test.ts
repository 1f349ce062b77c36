import { beforeAll, describe, expect, it } from 'vitest';
import { DerReader } from '../../src/asn1/der.ts';
import { oids, signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now } from '../office.ts';
import { readSigned, signersOf, takeSigned } from './naive.ts';

describe('attack 11: the signing time is a claim', () => {
  let root: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
  });

  it('far from Date it is pointed out', async () => {
    const alice = await issue({ email: 'alice@example.org' }, root);
    const report = async (hours: number) => {
      const message = await signMessage({
        signers: [alice],
        message: mail(),
        form: 'clear',
        signingTime: new Date(now.getTime() + hours * 3_600_000),
      });
      const { verdict, problems } = await verifyMessage({ message, anchors: [root.certificate], at: now });
      return { verdict, codes: codes(problems) };
    };
    // A doubt, and no more: it is dated when it is drafted and signed when it is sent.
    for (const hours of [-8760, -2, 2]) expect((await report(hours)).codes).toEqual(['signing-time-far-from-date']);
    expect(await report(0.5)).toEqual({ verdict: 'valid', codes: [] });
  });

  it('it never makes an expired certificate valid', async () => {
    const expired = await issue({ email: 'alice@example.org', notAfter: new Date(now.getTime() - 86_400_000) }, root);
    const message = await signMessage({
      signers: [expired],
      message: mail(),
      form: 'clear',
      signingTime: new Date(now.getTime() - 2 * 86_400_000),
    });
    // Judges a certificate at the time that the signer names: which it gets from him, too.
    const naive = (signed: Uint8Array): boolean => {
      const [signer] = signersOf(readSigned(takeSigned(signed)?.cms ?? Buffer.alloc(0)));
      const time = signer?.info.signedAttributes?.list.find(({ type }) => type === oids.signingTime)?.values[0];
      const claimed = time && new DerReader(time).time();
      const { notAfter } = signer?.certificate ?? {};
      return claimed !== undefined && notAfter !== undefined && claimed <= notAfter;
    };
    expect(naive(message)).toBe(true);
    const report = await verifyMessage({ message, anchors: [root.certificate], at: now });
    expect(report.verdict).toBe('invalid');
    expect(report.signers[0]).toMatchObject({ signature: 'valid', path: { valid: false } });
  });
});
