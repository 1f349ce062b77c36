import { beforeAll, describe, expect, it } from 'vitest';
import { signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';
import { fieldOf, soundSigners } from './naive.ts';

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

  /** Somebody whom we trust has signed: who is not asked, or compared as JavaScript compares. */
  const naive = async (message: Uint8Array, from?: string): Promise<boolean> => {
    const signers = await soundSigners(message, root.certificate);
    return (
      signers !== undefined &&
      (from === undefined || signers.some((address) => address.toLowerCase() === from.toLowerCase()))
    );
  };

  it('the control is valid, and a naive check takes it too', async () => {
    const message = await sign(alice, mail());
    expect((await verify(message)).verdict).toBe('valid');
    expect(await naive(message)).toBe(true);
    expect(await naive(message, 'ALICE@example.org')).toBe(true);
    expect(await naive(replaced(message, 'Friday', 'Sunday'))).toBe(false);
  });

  it('a colleague signs in the name of another', async () => {
    const message = await sign(mallory, mail());
    expect(await naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
    expect(report.signers[0]).toMatchObject({ signature: 'valid', identity: 'mismatch' });
    expect(codes(report.signers[0]?.problems ?? [])).toContain('from-mismatch');
  });

  it('From, which no signature covers, is changed on the way', async () => {
    const message = replaced(
      await sign(mallory, mail({ from: 'mallory@example.org' })),
      'From: mallory@example.org',
      'From: alice@example.org',
    );
    expect(await naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
  });

  it('the signer is only the Sender', async () => {
    const message = await sign(mallory, mail({ headers: ['Sender: mallory@example.org'] }));
    expect(await naive(message, fieldOf(message, 'sender'))).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
    expect(codes(report.signers[0]?.problems ?? [])).toContain('signer-is-only-sender');
  });

  it('no From, and a From without an address', async () => {
    const signed = await sign(alice, mail());
    for (const message of [replaced(signed, /From: [^\r]*\r\n/, ''), replaced(signed, /From: [^\r]*/, 'From: Alice')]) {
      expect(await naive(message)).toBe(true);
      expect((await verify(message)).verdict).toBe('ambiguous');
    }
  });

  it('a certificate without any address vouches for nobody', async () => {
    const nobody = await issue({ name: 'alice@example.org' }, root);
    const message = await sign(nobody, mail());
    expect(await naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
    expect(codes(report.signers[0]?.problems ?? [])).toContain('certificate-without-address');
  });

  it('letters that only Unicode takes for the same', async () => {
    const kate = await issue({ email: 'kate@example.org' }, root);
    const message = replaced(
      await sign(kate, mail({ from: 'kate@example.org' })),
      'From: kate@',
      'From: \u00e2\u0084\u00aaate@',
    );
    expect(await naive(message, Buffer.from(fieldOf(message, 'from'), 'latin1').toString())).toBe(true);
    const report = await verify(message);
    expect(report.verdict).not.toBe('valid');
    expect(report.signers[0]?.identity).toBe('mismatch');
  });

  it('the case of letters does not matter', async () => {
    expect((await verify(await sign(alice, mail({ from: 'Alice@Example.ORG' })))).verdict).toBe('valid');
  });
});
