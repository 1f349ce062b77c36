import { beforeAll, describe, expect, it } from 'vitest';
import { readContentInfo } from '../../src/cms/content-info.ts';
import { readEnvelopedData } from '../../src/cms/enveloped-data.ts';
import { type Decrypter, decryptContent, encryptContent } from '../../src/index.ts';
import { type Holder, issue } from '../office.ts';

describe('attack 20: recipients are chosen strictly by identifier', () => {
  let bob: Holder;
  let carol: Holder;
  let bobElsewhere: Holder;
  beforeAll(async () => {
    const root = await issue({ ca: true });
    bob = await issue({ email: 'bob@example.org', kind: 'rsa' }, root);
    carol = await issue({ email: 'carol@example.org', kind: 'rsa' }, root);
    bobElsewhere = await issue({ email: 'bob@example.org', kind: 'p256' }, root);
  });

  function counted(holder: Holder): { keys: Holder['key'][]; calls: () => number } {
    let calls = 0;
    const count = <T>(value: T): T => {
      calls++;
      return value;
    };
    const decrypter: Decrypter = {
      ...holder.key.decrypter,
      unwrapRsa: (key, scheme) => count(holder.key.decrypter.unwrapRsa(key, scheme)),
      agree: (peer) => count(holder.key.decrypter.agree(peer)),
    };
    return { keys: [{ certificate: holder.certificate, decrypter }], calls: () => calls };
  }

  it('a key that is not named is never used', async () => {
    const der = await encryptContent({
      content: Buffer.from('secret'),
      recipients: [carol.certificate, bobElsewhere.certificate],
    });
    const { keys, calls } = counted(bob);
    // Tries its key on whatever there is: the private key works for whoever asks.
    const [key] = keys;
    for (const entry of readEnvelopedData(readContentInfo(der).content).recipients)
      if ('encryptedKey' in entry && key)
        await key.decrypter.unwrapRsa(entry.encryptedKey, { kind: 'pkcs1', keyLength: 32 } as never).catch(() => {});
    const naive = calls();
    expect(naive).toBeGreaterThan(0);
    await expect(decryptContent({ der, keys })).rejects.toMatchObject({ code: 'no-matching-recipient' });
    expect(calls()).toBe(naive);
  });

  it('a named key is used once, among many that are not', async () => {
    const der = await encryptContent({
      content: Buffer.from('secret'),
      recipients: [carol.certificate, bob.certificate, bobElsewhere.certificate],
    });
    const { keys, calls } = counted(bob);
    expect(Buffer.from((await decryptContent({ der, keys })).content).toString()).toBe('secret');
    expect(calls()).toBe(1);
  });

  it('without a certificate no more entries are tried than the budget allows', async () => {
    const others = new Array(40).fill(carol.certificate);
    const der = await encryptContent({ content: Buffer.from('secret'), recipients: others });
    const { keys, calls } = counted(bob);
    const withoutCertificate = keys.map(({ decrypter }) => ({ decrypter }));
    await decryptContent({ der, keys: withoutCertificate }).catch(() => undefined);
    expect(calls()).toBe(8);
  });
});
