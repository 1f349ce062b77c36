/** OpenSSL's own test data: attributes that are wrong, DER that is none, certificates of many kinds. */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { DerReader } from '../src/asn1/der.ts';
import {
  decryptContent,
  decryptMessage,
  encryptContent,
  inspectMessage,
  localDecrypter,
  localSigner,
  parseCertificate,
  pemToDer,
  signContent,
  verifyMessage,
} from '../src/index.ts';
import { readGeneralNames } from '../src/x509/general-names.ts';
import { describeCorpus } from './corpora.ts';
import { signaturesOf } from './score.ts';

describeCorpus('openssl-cms', 'OpenSSL: its CMS test data', (corpus) => {
  const holder = (name: string) => {
    const text = corpus.text(`smime-certs/${name}.pem`);
    const certificate = parseCertificate(pemToDer(text, 'CERTIFICATE'));
    return { certificate, privateKey: () => createPrivateKey(text) };
  };
  const content = corpus.bytes('smcont.txt');

  it.each([
    ['bad_signtime_attr.cms', 'a signing time that is not signed'],
    ['ct_multiple_attr.cms', 'two content types'],
    ['no_ct_attr.cms', 'no content type'],
    ['no_md_attr.cms', 'no message digest'],
  ])('%s: %s', async (name) => {
    expect(await signaturesOf({ der: corpus.bytes(`recipes/80-test_cms_data/${name}`) })).toEqual(['invalid']);
  });

  it('MD4 is not known, and said to be so', async () => {
    const der = corpus.der('recipes/80-test_cms_data/pkcs7-md4.pem');
    expect(await signaturesOf({ der })).toEqual(['unverifiable']);
  });

  it('a ContentInfo without content is malformed', async () => {
    const der = corpus.der('recipes/25-test_pkcs7_data/malformed.pkcs7');
    expect(await signaturesOf({ der })).toEqual(['malformed-asn1']);
  });

  it('ciphertext_from_1_1_1.cms opens by key agreement and Triple DES, as legacy alone', async () => {
    const { certificate, privateKey } = holder('smec3');
    const message = corpus.bytes('recipes/80-test_cms_data/ciphertext_from_1_1_1.cms');
    const keys = [{ decrypter: localDecrypter(privateKey()), certificate }];
    const opened = await decryptMessage({ message, keys, legacy: true });
    expect(Buffer.from(opened.content).equals(content)).toBe(true);
    await expect(decryptMessage({ message, keys })).rejects.toMatchObject({ code: 'legacy-algorithm' });
  });

  it('encryptedData.der is read, and does not open with a key of zeros', async () => {
    const der = corpus.bytes('recipes/80-test_cmsapi_data/encryptedData.der');
    await expect(decryptContent({ der, keys: [{ contentKey: Buffer.alloc(32) }] })).rejects.toMatchObject({
      code: 'decryption-failed',
    });
    await expect(decryptContent({ der, keys: [] })).rejects.toMatchObject({ code: 'no-matching-recipient' });
  });

  const usable = ['smec1', 'smec3', 'smroot', 'smrsa1', 'smrsa1024', 'smrsa2', 'smrsa3'];
  it.each(usable)('%s signs and reads', async (name) => {
    const { certificate, privateKey } = holder(name);
    const der = await encryptContent({ content, recipients: [certificate] });
    const opened = await decryptContent({ der, keys: [{ decrypter: localDecrypter(privateKey()), certificate }] });
    expect(Buffer.from(opened.content).equals(content)).toBe(true);
    const signed = await signContent({ content, signers: [{ signer: localSigner(privateKey()), certificate }] });
    expect(await signaturesOf({ der: signed })).toEqual(['valid']);
  });

  it.each([
    ['smdh', 'a key for X9.42 Diffie-Hellman'],
    ['smdsa1', 'a DSA key'],
    ['smdsa2', 'a DSA key'],
    ['smdsa3', 'a DSA key'],
    ['smec2', 'a key on a binary curve'],
    ['badrsa', 'an RSA key that is none'],
  ])('%s: nothing is encrypted to %s', async (name) => {
    const { certificate } = holder(name);
    await expect(encryptContent({ content, recipients: [certificate] })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('what is no DER is refused, by the reader that it is for', async () => {
    const integer = (name: string) => new DerReader(corpus.bytes(`d2i-tests/${name}.der`)).integerContent();
    const malformed = expect.objectContaining({ code: 'malformed-asn1' });
    for (const name of ['bad-int-pad0', 'bad-int-padminus1', 'high_tag'])
      expect(() => integer(name)).toThrow(malformed);
    expect(['int0', 'int1', 'intminus1'].map((name) => integer(name).readInt8())).toEqual([0, 1, -1]);
    expect(() => parseCertificate(corpus.bytes('d2i-tests/bad_cert.der'))).toThrow(malformed);
    expect(() => new DerReader(corpus.bytes('d2i-tests/bad_bio.der')).enter()).toThrow(malformed);
    expect(() => readGeneralNames(new DerReader(corpus.bytes('d2i-tests/bad_generalname.der')))).toThrow(malformed);
    await expect(decryptContent({ der: corpus.bytes('d2i-tests/bad-cms.der'), keys: [] })).rejects.toMatchObject({
      code: 'decryption-failed',
    });
  });

  it('the signed message of a policy test has a right signature, and no path without its anchor', async () => {
    const message = corpus.bytes('smime-eml/SignedInvalidMappingFromanyPolicyTest7.eml');
    const report = await verifyMessage({ message, anchors: [], at: new Date('2015-01-01T00:00:00Z') });
    expect(report.verdict).toBe('invalid');
    expect(report.signers[0]).toMatchObject({ signature: 'valid', identity: 'mismatch', path: { valid: false } });
    const tree = await inspectMessage({ message });
    expect(tree.verdict).toBe('invalid');
  });
});
