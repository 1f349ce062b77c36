/** The PKCS#7 of pyca/cryptography's vectors, and certificates that name their algorithms oddly. */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { decryptContent, inspectMessage, localDecrypter, parseCertificate } from '../src/index.ts';
import { parseSignatureAlgorithm } from '../src/keys/algorithms.ts';
import { describeCorpus } from './corpora.ts';

describeCorpus('pyca-vectors', 'pyca: PKCS#7', (corpus) => {
  const decrypter = localDecrypter(createPrivateKey(corpus.text('x509/custom/ca/rsa_key.pem')));

  it.each([
    ['enveloped-rsa-oaep.pem', 'Hello, world!', false],
    ['enveloped-triple-des.pem', 'Hello, World!', true],
  ] as const)('%s opens', async (name, text, legacy) => {
    const der = corpus.der(`pkcs7/${name}`);
    const opened = await decryptContent({ der, keys: [{ decrypter }], legacy });
    expect(Buffer.from(opened.content).toString().trim()).toBe(text);
    if (legacy)
      await expect(decryptContent({ der, keys: [{ decrypter }] })).rejects.toMatchObject({ code: 'legacy-algorithm' });
  });

  it('one without content, and one for others, stay closed in the same way', async () => {
    for (const name of ['enveloped-no-content.der', 'enveloped.pem'])
      await expect(
        decryptContent({ der: corpus.der(`pkcs7/${name}`), keys: [{ decrypter }], legacy: true }),
      ).rejects.toMatchObject({
        code: 'decryption-failed',
      });
  });

  it.each([
    ['amazon-roots.der', 2],
    ['amazon-roots.p7b', 2],
    ['isrg.pem', 1],
  ] as const)('%s carries %i certificates', async (name, count) => {
    const tree = await inspectMessage({ message: corpus.der(`pkcs7/${name}`) });
    expect(tree.children.map(({ kind }) => kind)).toEqual(new Array(count).fill('certificate'));
  });

  it('the identifier of OIW for RSA with SHA-1 is read', () => {
    const certificate = parseCertificate(corpus.der('x509/custom/alternate-rsa-sha1-oid.der'));
    expect(parseSignatureAlgorithm(certificate.signatureAlgorithm)).toMatchObject({ digest: 'sha1', weak: true });
  });
});
