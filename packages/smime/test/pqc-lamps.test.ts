/** The examples of RFC 9881, 9882, 9935 and 9936: ML-DSA and ML-KEM keys in their three forms, certificates and CMS. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  decryptContent,
  encryptContent,
  localDecrypter,
  localSigner,
  parseCertificate,
  signContent,
  verifyCertificateSignature,
  verifyContent,
} from '../src/index.ts';
import { canSign, keyKindLabel } from '../src/keys/algorithms.ts';
import { describeCorpus } from './corpora.ts';
import { signaturesOf } from './score.ts';

describeCorpus('pqc-lamps', 'LAMPS: ML-DSA and ML-KEM', (corpus) => {
  const rooms = { 'ML-DSA': 'dilithium-certificates/examples', 'ML-KEM': 'kyber-certificates/example' } as const;
  const sets = ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87', 'ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024'].map(
    (name): [string, string] => [name, rooms[name.slice(0, 6) as keyof typeof rooms]],
  );
  const content = Buffer.from('Hello, world!');

  it.each(sets)('%s: one key in three forms, and its certificate', async (name, room) => {
    const certificate = parseCertificate(corpus.der(`${room}/${name}.crt`));
    expect(certificate.keyKind).toBe(name.toLowerCase());
    expect(corpus.der(`${room}/${name}.pub`).equals(Buffer.from(certificate.spki))).toBe(true);
    for (const form of ['seed', 'expanded', 'both']) {
      const privateKey = createPrivateKey(corpus.text(`${room}/${name}-${form}.priv`));
      const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
      expect(spki.equals(Buffer.from(certificate.spki)), form).toBe(true);
      if (certificate.keyKind && canSign(certificate.keyKind)) {
        const der = await signContent({ content, signers: [{ signer: localSigner(privateKey), certificate }] });
        const { signers } = await verifyContent({ der, anchors: [] });
        expect(signers).toMatchObject([{ signature: 'valid', signatureAlgorithm: keyKindLabel(certificate.keyKind) }]);
      } else {
        const der = await encryptContent({ content, recipients: [certificate], cipher: 'aes-256-gcm' });
        const opened = await decryptContent({ der, keys: [{ decrypter: localDecrypter(privateKey), certificate }] });
        expect(Buffer.from(opened.content).equals(content)).toBe(true);
      }
    }
  });

  it('keys whose parts contradict one another are not loaded', () => {
    const bad = Object.values(rooms).flatMap((room) => corpus.names(room, /^bad-.*\.priv$/));
    expect(bad).toHaveLength(7);
    for (const name of bad) expect(() => createPrivateKey(corpus.text(name)), name).toThrow();
  });

  it.each(['44', '65', '87'])('ML-DSA-%s signed the example of RFC 9882', async (set) => {
    const der = corpus.der(`cms-ml-dsa/examples/mldsa${set}-signed-attrs.pem`);
    const certificate = corpus.der(`dilithium-certificates/examples/ML-DSA-${set}.crt`);
    expect(await signaturesOf({ der, certificates: [certificate] })).toEqual(['valid']);
    const altered = Buffer.from(der);
    altered[der.length - 1] = (altered[der.length - 1] ?? 0) ^ 1;
    expect(await signaturesOf({ der: altered, certificates: [certificate] })).toEqual(['invalid']);
  });

  it.each(['seed', 'expanded', 'both'])('the example of RFC 9936 opens with the key as %s', async (form) => {
    const folder = 'cms-kyber/example';
    const certificate = parseCertificate(corpus.der(`${folder}/ML-KEM-512.pem`));
    const decrypter = localDecrypter(createPrivateKey(corpus.text(`${folder}/ML-KEM-512-${form}.priv`)));
    const der = corpus.der(`${folder}/ML-KEM-512.cms`);
    for (const key of [{ decrypter, certificate }, { decrypter }]) {
      const opened = await decryptContent({ der, keys: [key] });
      expect(Buffer.from(opened.content).toString()).toBe('Hello, world!');
      expect(opened).toMatchObject({ authenticated: true, cipher: 'aes-128-gcm' });
    }
    const issuer = parseCertificate(corpus.der(`${folder}/mldsa65RootCA.pem`));
    expect(verifyCertificateSignature(certificate, issuer)).toBe(true);
  });

  it('SLH-DSA is not implemented, and said to be so', () => {
    const certificate = parseCertificate(corpus.der('x509-slhdsa/id-slh-dsa-sha2-128s.pem'));
    expect(certificate.keyKind).toBeUndefined();
    expect(verifyCertificateSignature(certificate, certificate)).toBe(false);
  });
});
