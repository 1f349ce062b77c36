import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now } from '../office.ts';

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
      return codes((await verifyMessage({ message, anchors: [root.certificate], at: now })).problems);
    };
    expect(await report(-2)).toContain('signing-time-far-from-date');
    expect(await report(2)).toContain('signing-time-far-from-date');
    expect(await report(0.5)).toEqual([]);
  });

  it('it never makes an expired certificate valid', async () => {
    const expired = await issue({ email: 'alice@example.org', notAfter: new Date(now.getTime() - 86_400_000) }, root);
    const message = await signMessage({
      signers: [expired],
      message: mail(),
      form: 'clear',
      signingTime: new Date(now.getTime() - 2 * 86_400_000),
    });
    const report = await verifyMessage({ message, anchors: [root.certificate], at: now });
    expect(report.verdict).toBe('invalid');
    expect(report.signers[0]).toMatchObject({ signature: 'valid', path: { valid: false } });
  });
});
