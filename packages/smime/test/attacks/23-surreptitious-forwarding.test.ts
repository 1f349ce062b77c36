import { beforeAll, describe, expect, it } from 'vitest';
import { decryptMessage, encryptMessage, signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, issue, mail, now, replaced } from '../office.ts';

describe('attack 23: a message passed on as if it were meant for somebody else (Davis, 2001)', () => {
  let root: Holder;
  let alice: Holder;
  let bob: Holder;
  let carol: Holder;
  let mallory: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    [alice, bob, carol, mallory] = (await Promise.all(
      ['alice', 'bob', 'carol', 'mallory'].map((name) => issue({ email: `${name}@example.org` }, root)),
    )) as [Holder, Holder, Holder, Holder];
  });
  const verify = (message: Uint8Array, holder: Holder, more = {}) =>
    verifyMessage({ message, anchors: [root.certificate], at: now, keys: [holder.key], ...more });
  const sign = (by: Holder, message: Uint8Array, headerProtection: 'none' | 'baseline' = 'baseline') =>
    signMessage({ signers: [by], message, form: 'opaque', signingTime: now, headerProtection });

  /** Bob opens what Alice wrote to him, and encrypts it to Carol. */
  const passedOn = async (headerProtection: 'none' | 'baseline'): Promise<Uint8Array> => {
    const message = await encryptMessage({
      message: await sign(alice, mail(), headerProtection),
      recipients: [bob.certificate],
    });
    const opened = await decryptMessage({ message, keys: [bob.key] });
    return encryptMessage({ message: opened.message, recipients: [carol.certificate] });
  };

  /** Opens the message, and is content with a right signature of the sender. */
  const naive = async (message: Uint8Array, holder: Holder): Promise<boolean> => {
    const opened = await decryptMessage({ message, keys: [holder.key] });
    const report = await verifyMessage({ message: opened.message, anchors: [root.certificate], at: now });
    return report.signers.every(
      ({ signature, path, identity }) => signature === 'valid' && path.valid && identity === 'match',
    );
  };

  it('the control: for Bob it is valid, and for Alice in her folder of sent mail', async () => {
    const signed = await sign(alice, mail());
    const message = await encryptMessage({ message: signed, recipients: [bob.certificate, alice.certificate] });
    expect((await verify(message, bob)).verdict).toBe('valid');
    expect((await verify(message, alice)).verdict).toBe('valid');
  });

  it('a protected header names who was meant', async () => {
    const message = await passedOn('baseline');
    expect(await naive(message, carol)).toBe(true);
    const report = await verify(message, carol);
    expect(report).toMatchObject({ verdict: 'invalid', signers: [{ signature: 'valid', identity: 'match' }] });
    expect(codes(report.problems)).toContain('recipient-not-named');
    // A list's subscribers are not named; whoever knows that says so.
    expect((await verify(message, carol, { expectRecipients: ['bob@example.org'] })).verdict).toBe('valid');
    expect((await verify(message, carol, { expectRecipients: [] })).verdict).toBe('valid');
  });

  it('naming Carol outside does not help', async () => {
    const message = replaced(await passedOn('baseline'), /To: [^\r]*/, 'To: carol@example.org');
    expect((await verify(message, carol)).verdict).toBe('ambiguous');
  });

  it('without a protected header nothing can show it, and the report says so', async () => {
    const report = await verify(await passedOn('none'), carol);
    expect(codes(report.problems)).toContain('recipients-not-signed');
  });

  it('another’s ciphertext under one’s own signature vouches for nothing in it', async () => {
    // Mallory cannot read what Alice sent to Bob, and offers it as his own.
    for (const headerProtection of ['none', 'baseline'] as const) {
      const message = await encryptMessage({ message: mail(), recipients: [bob.certificate], headerProtection });
      const stolen = await signMessage({
        signers: [mallory],
        message: replaced(message, /From: [^\r]*/, 'From: mallory@example.org'),
        form: 'clear',
        signingTime: now,
      });
      const [outer] = (await verify(stolen, mallory)).layers;
      expect(outer).toMatchObject({
        kind: 'clear-signed',
        verdict: 'valid',
        signers: [{ signature: 'valid', emails: ['mallory@example.org'] }],
      });
      for (const reader of [bob, mallory]) {
        const report = await verify(stolen, reader);
        expect(report).toMatchObject({ covers: 'none', signers: [] });
        expect(report.verdict).not.toBe('valid');
        expect(codes(report.problems)).toContain('signature-outside-encryption');
      }
    }
  });

  it('nor does one’s own signature around what Alice signed', async () => {
    const inner = await encryptMessage({ message: await sign(alice, mail(), 'none'), recipients: [bob.certificate] });
    const stolen = await signMessage({
      signers: [mallory],
      message: replaced(inner, /From: [^\r]*/, 'From: mallory@example.org'),
      form: 'clear',
      signingTime: now,
    });
    const report = await verify(stolen, bob);
    expect(report).toMatchObject({
      verdict: 'invalid',
      signers: [{ emails: ['alice@example.org'], identity: 'mismatch' }],
    });
  });
});
