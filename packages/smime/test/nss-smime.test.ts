/** What OpenSSL encrypted for NSS to read: OAEP with every hash, mask and label, ECDH with every hash of the key derivation. */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { decryptContent, localDecrypter, parseCertificate, readPkcs12 } from '../src/index.ts';
import { describeCorpus } from './corpora.ts';

describeCorpus('nss-smime', 'NSS: messages that OpenSSL encrypted', (corpus) => {
  const names = corpus.names('interop-openssl', /\.env$/);
  it('are 17', () => expect(names).toHaveLength(17));

  const keysIn = async (bundle: string) =>
    (await readPkcs12(corpus.bytes(`interop-openssl/${bundle}`), 'nss')).keys.map(({ privateKey, certificate }) => ({
      decrypter: localDecrypter(createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })),
      ...(certificate && { certificate: parseCertificate(certificate) }),
    }));

  // One is encrypted with Triple DES.
  const legacy: readonly string[] = ['interop-openssl/fran-oaep_ossl.env'];
  it.each(names)('%s', async (name) => {
    const der = corpus.bytes(name);
    const keys = await keysIn(name.includes('fran-ec') ? 'Fran-ec.p12' : 'Fran.p12');
    const opened = await decryptContent({ der, keys, legacy: legacy.includes(name) });
    expect(Buffer.from(opened.content).toString()).toContain('This is a test message to Fran.');
    if (legacy.includes(name))
      await expect(decryptContent({ der, keys })).rejects.toMatchObject({ code: 'legacy-algorithm' });
  });

  it('the other key opens none of them', async () => {
    for (const name of names) {
      const keys = await keysIn(name.includes('fran-ec') ? 'Fran.p12' : 'Fran-ec.p12');
      await expect(decryptContent({ der: corpus.bytes(name), keys, legacy: true })).rejects.toMatchObject({
        code: 'no-matching-recipient',
      });
    }
  });
});
