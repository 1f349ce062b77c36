import { beforeAll, describe, expect, it } from 'vitest';
import { codes, type Holder, issue, now } from '../../test/office.ts';
import { certsOnly, decryptContent, encryptContent, signContent, verifyContent } from '../index.ts';

let root: Holder;
let officer: Holder;
beforeAll(async () => {
  root = await issue({ ca: true });
  officer = await issue({ email: 'officer@example.org' }, root);
});
const content = Buffer.from('release key 7 to Bob');
const trust = () => ({ anchors: [root.certificate], at: now });

describe('octets that are no message', () => {
  it('are signed with and without themselves inside', async () => {
    const attached = await signContent({ signers: [officer], content });
    expect(await verifyContent({ der: attached, ...trust() })).toMatchObject({ valid: true, problems: [] });
    const detached = await signContent({ signers: [officer], content, detached: true });
    expect(Buffer.from(detached).includes(content)).toBe(false);
    expect((await verifyContent({ der: detached, content, ...trust() })).valid).toBe(true);
    expect(
      (await verifyContent({ der: detached, content: Buffer.from('release key 8 to Bob'), ...trust() })).valid,
    ).toBe(false);
  });

  it('are judged either from inside or from beside, never both', async () => {
    const attached = await signContent({ signers: [officer], content });
    const both = await verifyContent({ der: attached, content, ...trust() });
    expect(both.valid).toBe(false);
    expect(codes(both.problems)).toEqual(['detached-signature-with-content']);
    const detached = await signContent({ signers: [officer], content, detached: true });
    expect(codes((await verifyContent({ der: detached, ...trust() })).problems)).toEqual(['content-missing']);
  });

  it('need a signer, and a path', async () => {
    const none = await verifyContent({ der: certsOnly([officer.certificate]), content, ...trust() });
    expect(none).toMatchObject({ valid: false });
    expect(codes(none.problems)).toEqual(['no-signers']);
    const elsewhere = await issue({ ca: true, name: 'Elsewhere' });
    const der = await signContent({ signers: [officer], content });
    expect((await verifyContent({ der, anchors: [elsewhere.certificate], at: now })).valid).toBe(false);
  });

  it('go through encryption as they are, none of them included', async () => {
    for (const octets of [content, Buffer.alloc(0), Buffer.alloc(100_000, 7)]) {
      const der = await encryptContent({ content: octets, recipients: [officer.certificate], cipher: 'aes-256-gcm' });
      const opened = await decryptContent({ der, keys: [officer.key] });
      expect(Buffer.from(opened.content).equals(octets)).toBe(true);
      expect(opened.authenticated).toBe(true);
    }
  });

  it('what is no signed data is an error', async () => {
    const der = await encryptContent({ content, recipients: [officer.certificate] });
    await expect(verifyContent({ der, ...trust() })).rejects.toMatchObject({ code: 'unexpected-structure' });
  });
});
