import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';

describe('attack 6: From is not the signer', () => {
  let root: Holder;
  let alice: Holder;
  let mallory: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
    mallory = await issue({ email: 'mallory@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });
  const sign = (by: Holder, message: Uint8Array) =>
    signMessage({ signers: [by], message, form: 'clear', signingTime: now });

  it('a colleague signs in the name of another', async () => {
    const report = await verify(await sign(mallory, mail()));
    expect(report.verdict).toBe('invalid');
    expect(report.signers[0]).toMatchObject({ signature: 'valid', identity: 'mismatch' });
    expect(codes(report.signers[0]?.problems ?? [])).toContain('from-mismatch');
  });

  it('From, which no signature covers, is changed on the way', async () => {
    const report = await verify(
      replaced(
        await sign(mallory, mail({ from: 'mallory@example.org' })),
        'From: mallory@example.org',
        'From: alice@example.org',
      ),
    );
    expect(report.verdict).toBe('invalid');
  });

  it('the signer is only the Sender', async () => {
    const report = await verify(await sign(mallory, mail({ headers: ['Sender: mallory@example.org'] })));
    expect(report.verdict).toBe('invalid');
    expect(codes(report.signers[0]?.problems ?? [])).toContain('signer-is-only-sender');
  });

  it('no From, and a From without an address', async () => {
    const signed = await sign(alice, mail());
    expect((await verify(replaced(signed, /From: [^\r]*\r\n/, ''))).verdict).toBe('ambiguous');
    expect((await verify(replaced(signed, /From: [^\r]*/, 'From: Alice'))).verdict).toBe('ambiguous');
  });

  it('a certificate without any address vouches for nobody', async () => {
    const nobody = await issue({ name: 'alice@example.org' }, root);
    const report = await verify(await sign(nobody, mail()));
    expect(report.verdict).toBe('invalid');
    expect(codes(report.signers[0]?.problems ?? [])).toContain('certificate-without-address');
  });

  it('letters that only Unicode takes for the same', async () => {
    const kate = await issue({ email: 'kate@example.org' }, root);
    const report = await verify(
      replaced(await sign(kate, mail({ from: 'kate@example.org' })), 'From: kate@', 'From: \u00e2\u0084\u00aaate@'),
    );
    expect(report.signers[0]?.identity).toBe('mismatch');
  });

  it('the case of letters does not matter', async () => {
    expect((await verify(await sign(alice, mail({ from: 'Alice@Example.ORG' })))).verdict).toBe('valid');
  });
});
