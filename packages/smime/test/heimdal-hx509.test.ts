/** Heimdal's test data: CMS that its own tool wrote, and certificates that were forged in 2006. */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  decryptContent,
  localDecrypter,
  parseCertificate,
  pemToDer,
  validatePath,
  verifyCertificateSignature,
  verifyContent,
} from '../src/index.ts';
import { describeCorpus } from './corpora.ts';
import { signaturesOf } from './score.ts';

describeCorpus('heimdal-hx509', 'Heimdal: its CMS and its forgeries', (corpus) => {
  const content = corpus.bytes('static-file');
  const certificateOf = (name: string) => parseCertificate(pemToDer(corpus.text(name), 'CERTIFICATE'));
  const ca = certificateOf('ca.crt');
  const leaf = certificateOf('test.crt');
  const at = new Date('2020-01-01T00:00:00Z');

  it.each([
    'test-signed-data',
    'test-signed-data-noattr',
    'test-signed-data-noattr-nocerts',
    'test-signed-sha-1',
    'test-signed-sha-256',
    'test-signed-sha-512',
  ])('%s', async (name) => {
    const der = corpus.bytes(name);
    const report = await verifyContent({ der, anchors: [ca], intermediates: [leaf], at, legacy: true });
    expect(Buffer.from(report.content ?? []).equals(content)).toBe(true);
    expect(report.signers).toMatchObject([{ signature: 'valid', path: { path: [leaf, ca] } }]);
    const altered = Buffer.from(der);
    const where = der.indexOf(content.subarray(0, 32));
    altered[where] = (altered[where] ?? 0) ^ 1;
    expect(await signaturesOf({ der: altered, certificates: [leaf.der] })).toEqual(['invalid']);
  });

  it('SHA-1 is refused by policy and not by mathematics; without its certificate nothing can be said', async () => {
    const strict = await verifyContent({ der: corpus.bytes('test-signed-sha-1'), anchors: [ca], at });
    expect(strict.signers).toMatchObject([
      { signature: 'valid', problems: [{ code: 'weak-digest', severity: 'error' }] },
    ]);
    expect(strict.valid).toBe(false);
    expect(await signaturesOf({ der: corpus.bytes('test-signed-data-noattr-nocerts') })).toEqual(['unverifiable']);
  });

  it.each([
    ['aes-128', 'aes-128-cbc'],
    ['aes-256', 'aes-256-cbc'],
    ['des', 'des-cbc'],
    ['des-ede3', 'des-ede3-cbc'],
    ['rc2-40', 'rc2-cbc'],
    ['rc2-64', 'rc2-cbc'],
    ['rc2-128', 'rc2-cbc'],
  ])('test-enveloped-%s opens', async (name, cipher) => {
    const der = corpus.bytes(`test-enveloped-${name}`);
    const keys = [{ decrypter: localDecrypter(createPrivateKey(corpus.text('test.key'))), certificate: leaf }];
    const opened = await decryptContent({ der, keys, legacy: true });
    expect(opened.cipher).toBe(cipher);
    expect(Buffer.from(opened.content).equals(content)).toBe(true);
    if (!cipher.startsWith('aes'))
      await expect(decryptContent({ der, keys })).rejects.toMatchObject({ code: 'legacy-algorithm' });
    const other = [{ decrypter: localDecrypter(createPrivateKey(corpus.text('test-ke-only.key'))), certificate: leaf }];
    await expect(decryptContent({ der, keys: other, legacy: true })).rejects.toMatchObject({
      code: 'decryption-failed',
    });
  });

  // Bleichenbacher, 2006: with the exponent 3 a cube root passes for a signature where somebody reads the padding loosely.
  it.each([
    ['bleichenbacher-good', 'bleichenbacher-good', true],
    ['yutaka-pad-ok-cert', 'yutaka-pad-ok-ca', true],
    ['yutaka-pad-ok-ca', 'yutaka-pad-ok-ca', true],
    ['bleichenbacher-bad', 'bleichenbacher-bad', false],
    ['yutaka-pad-broken-cert', 'yutaka-pad-broken-ca', false],
    ['yutaka-pad-broken-cert', 'yutaka-pad-ok-ca', false],
    // "Hacker", signed by Starfield: the padding is as long as it should be, and the garbage stands within the digest's name.
    ['bleichenbacher-sf-pad-correct', 'sf-class2-root', false],
  ])('%s signed by %s: %s', (name, by, expected) => {
    const [certificate, issuer] = [certificateOf(`${name}.pem`), certificateOf(`${by}.pem`)];
    expect(verifyCertificateSignature(certificate, issuer)).toBe(expected);
    const { valid } = validatePath({
      leaf: certificate,
      intermediates: [],
      anchors: [issuer],
      at: new Date(certificate.notBefore.getTime() + 86_400_000),
      purpose: 'any',
      revocation: 'none',
      legacy: true,
    });
    if (!expected && name !== by) expect(valid).toBe(false);
  });
});
