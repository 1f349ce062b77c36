import { beforeAll, describe, expect, it } from 'vitest';
import { decryptContent, encryptContent } from '../../src/index.ts';
import { type Holder, issue } from '../office.ts';

describe('attack 17: CBC text can be altered by whoever guesses a block', () => {
  let bob: Holder;
  beforeAll(async () => {
    bob = await issue({ email: 'bob@example.org' }, await issue({ ca: true }));
  });
  const content = Buffer.from('Content-type: text/plain\r\n\r\nThe secret stands here.\r\n');

  it('a gadget goes through, and the result is called unauthenticated', async () => {
    const der = Buffer.from(await encryptContent({ content, recipients: [bob.certificate] }));
    const iv = ivOf(der, 'aes-256-cbc');
    // The first block is known: changing the IV writes any text in its place (EFAIL, 2018, section 4.2).
    const wanted = Buffer.from('Content-type: te');
    const gadget = Buffer.from('Content-type: ht');
    for (let i = 0; i < 16; i++) der[iv + i] = (der[iv + i] as number) ^ (wanted[i] as number) ^ (gadget[i] as number);
    const opened = await decryptContent({ der, keys: [bob.key] });
    // Whoever takes what opens for what was sent is fooled: nothing failed.
    const naive = opened.content.length > 0;
    expect(naive).toBe(true);
    expect(Buffer.from(opened.content).toString()).toContain('Content-type: htxt/plain');
    expect(opened.authenticated).toBe(false);
  });

  it('the same in GCM fails', async () => {
    const der = Buffer.from(await encryptContent({ content, recipients: [bob.certificate], cipher: 'aes-256-gcm' }));
    expect((await decryptContent({ der, keys: [bob.key] })).authenticated).toBe(true);
    const at = der.length - 40;
    der[at] = (der[at] as number) ^ 1;
    await expect(decryptContent({ der, keys: [bob.key] })).rejects.toMatchObject({ code: 'decryption-failed' });
  });
});

/** Offset of the IV: it follows the cipher's identifier and the header of its OCTET STRING. */
function ivOf(der: Buffer, cipher: 'aes-256-cbc'): number {
  const identifier = Buffer.from({ 'aes-256-cbc': '060960864801650304012a' }[cipher], 'hex');
  const at = der.indexOf(identifier);
  if (at < 0) throw new Error('the cipher identifier does not stand in the object');
  return at + identifier.length + 2;
}
