/** What Bouncy Castle brought to the IETF hackathons: every algorithm that somebody proposed. Pure ML-DSA and ML-KEM are standards. */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  decryptContent,
  localDecrypter,
  parseCertificate,
  SmimeError,
  verifyCertificateSignature,
} from '../src/index.ts';
import { describeCorpus } from './corpora.ts';
import { signaturesOf } from './score.ts';

/** Pure ML-DSA and ML-KEM, and the classical half of certificates that carry a second signature in an extension. */
const standard = /^(ml-dsa-(44|65|87)-2|ml-kem-(512|768|1024)-2)/;
const twofold = /^(catalyst|chameleon)_/;

describeCorpus('pqc-certificates', 'hackathon: Bouncy Castle’s artefacts', (corpus) => {
  const cms = 'providers/bc/artifacts_cms_v3/artifacts_cms_v3';
  const content = corpus.bytes(`${cms}/expected_plaintext.txt`);
  const file = (name: string) => name.slice(name.lastIndexOf('/') + 1);

  const sealed = corpus.names(cms, /_kemri_.*\.der$/);
  const opens = async (name: string): Promise<boolean | string> => {
    const base = name.slice(0, name.indexOf('_kemri'));
    const certificate = parseCertificate(corpus.bytes(`${base}_ee.der`));
    try {
      const key = createPrivateKey({ key: corpus.bytes(`${base}_priv.der`), format: 'der', type: 'pkcs8' });
      const keys = [{ decrypter: localDecrypter(key), certificate }];
      return content.equals((await decryptContent({ der: corpus.bytes(name), keys })).content);
    } catch (error) {
      return error instanceof SmimeError ? error.code : 'key';
    }
  };
  const mlKem = sealed.filter((name) => standard.test(file(name)));
  it('ML-KEM messages are 12: three sizes, with and without authentication and keying material', () =>
    expect(mlKem).toHaveLength(12));
  it.each(mlKem)('%s opens', async (name) => expect(await opens(name)).toBe(true));

  it('the others are for keys that node:crypto does not know: composites, FrodoKEM, NTRU', async () => {
    const others = sealed.filter((name) => !standard.test(file(name)));
    expect(others.length).toBeGreaterThan(60);
    for (const name of others) {
      expect(file(name)).toMatch(/^(MLKEM\d+-|e?frodokem|ntru)/);
      expect(await opens(name), name).toBe('key');
    }
  });

  const signed = corpus.names(cms, /_signed_attrs\.der$/);
  const mlDsa = signed.filter((name) => standard.test(file(name)));
  it('ML-DSA signatures are 3', () => expect(mlDsa).toHaveLength(3));
  it.each(mlDsa)('%s verifies', async (name) =>
    expect(await signaturesOf({ der: corpus.bytes(name) })).toEqual(['valid']),
  );

  it('the others are signed in ways that are not implemented: composites, pre-hashed, SLH-DSA, Falcon', async () => {
    const others = signed.filter((name) => !standard.test(file(name)));
    expect(others.length).toBeGreaterThan(24);
    for (const name of others) {
      expect(file(name)).toMatch(/^(Hash)?MLDSA|with-sha|^slh-dsa|^falcon|^composite/);
      expect(await signaturesOf({ der: corpus.bytes(name) }), name).toEqual(['unverifiable']);
    }
  });

  it('of the trust anchors those verify whose outer signature is a standard, and no others', () => {
    for (const folder of ['providers/bc/artifacts_certs_r4', 'providers/bc/artifacts_certs_r5/artifacts']) {
      const verified: string[] = [];
      const anchors = corpus.names(folder, /_ta\.der$/);
      for (const name of anchors) {
        const certificate = parseCertificate(corpus.bytes(name));
        if (verifyCertificateSignature(certificate, certificate)) verified.push(file(name));
      }
      expect(verified).toEqual(anchors.map(file).filter((name) => standard.test(name) || twofold.test(name)));
      expect(verified).toHaveLength(9);
    }
  });

  it('ML-KEM certificates come with a ciphertext, and each form of the key gives its secret', async () => {
    const folder = 'providers/bc/artifacts_certs_r5/artifacts';
    const names = corpus.names(folder, /^ml-kem-.*_ciphertext\.bin$/);
    expect(names).toHaveLength(3);
    for (const name of names) {
      const base = name.slice(0, -'_ciphertext.bin'.length);
      for (const form of ['seed', 'expandedkey', 'both']) {
        const key = createPrivateKey({ key: corpus.bytes(`${base}_${form}_priv.der`), format: 'der', type: 'pkcs8' });
        const secret = await localDecrypter(key).decapsulate(corpus.bytes(name));
        expect(Buffer.from(secret).equals(corpus.bytes(`${base}_ss.bin`)), `${base} ${form}`).toBe(true);
      }
    }
  });
});
