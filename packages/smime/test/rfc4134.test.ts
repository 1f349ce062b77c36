/** The examples of RFC 4134: signed, encrypted and digested in the ways of 2005, with DSA, SHA-1, Triple DES and RC2. */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { readContentInfo } from '../src/cms/content-info.ts';
import {
  decryptContent,
  decryptMessage,
  inspectMessage,
  localDecrypter,
  oids,
  parseCertificate,
  verifyContent,
  verifyMessage,
} from '../src/index.ts';
import { describeCorpus } from './corpora.ts';
import { codes } from './office.ts';
import { signaturesOf } from './score.ts';

describeCorpus('rfc4134', 'RFC 4134: examples of S/MIME messages', (corpus) => {
  const content = corpus.bytes('ExContent.bin');
  const text = 'This is some sample content.';
  const carl = ['CarlDSSSelf.cer', 'CarlRSASelf.cer'].map((name) => parseCertificate(corpus.bytes(name)));
  const certificates = [
    'AliceDSSSignByCarlNoInherit.cer',
    'AliceRSASignByCarl.cer',
    'DianeDSSSignByCarlInherit.cer',
    'DianeRSASignByCarl.cer',
  ].map((name) => corpus.bytes(name));
  const privateKey = createPrivateKey({ key: corpus.bytes('BobPrivRSAEncrypt.pri'), format: 'der', type: 'pkcs8' });
  const bob = {
    decrypter: localDecrypter(privateKey),
    certificate: parseCertificate(corpus.bytes('BobRSASignByCarl.cer')),
  };
  const at = new Date('2003-01-01T00:00:00Z');

  it.each(['3.1.bin', '3.2.bin'])('%s is the content, in BER or in DER', (name) => {
    const info = readContentInfo(corpus.bytes(name));
    expect(info.contentType).toBe(oids.data);
    expect(info.content.octetString().equals(content)).toBe(true);
  });

  // In 4.6 Diane's DSA key has the parameters of Carl's.
  it.each([
    ['4.1.bin', 1],
    ['4.2.bin', 1],
    ['4.3.bin', 1],
    ['4.4.bin', 1],
    ['4.5.bin', 1],
    ['4.6.bin', 2],
    ['4.7.bin', 1],
    ['4.10.bin', 1],
  ])('%s: every signature is right, %i in number', async (name, count) => {
    const der = corpus.bytes(name);
    const detached = name === '4.3.bin' ? { content } : {};
    const valid = new Array(count).fill('valid');
    expect(await signaturesOf({ der, certificates, anchors: carl, ...detached })).toEqual(valid);
    const other = Buffer.from(content);
    other[0] = (other[0] ?? 0) ^ 1;
    if (name === '4.3.bin') {
      expect(await signaturesOf({ der, certificates, anchors: carl, content: other })).toEqual(['invalid']);
      return;
    }
    // In 4.5 the content stands in two pieces.
    const at = der.indexOf('sample content');
    expect(at).toBeGreaterThan(0);
    const altered = Buffer.from(der);
    altered[at] = (altered[at] ?? 0) ^ 1;
    expect(await signaturesOf({ der: altered, certificates, anchors: carl })).not.toContain('valid');
  });

  it('SHA-1 and DSA are refused by policy, and taken as legacy', async () => {
    const der = corpus.bytes('4.1.bin');
    const trust = { anchors: carl, intermediates: certificates.map(parseCertificate), at, revocation: 'none' } as const;
    const strict = await verifyContent({ der, ...trust });
    expect(strict.valid).toBe(false);
    expect(codes(strict.signers[0]?.problems ?? []).sort()).toEqual(['weak-digest', 'weak-signature-algorithm']);
    const lenient = await verifyContent({ der, ...trust, legacy: true });
    expect(lenient).toMatchObject({ valid: true, signers: [{ signature: 'valid', path: { valid: true } }] });
  });

  it('without Carl at hand Diane’s key has no parameters', async () => {
    expect(await signaturesOf({ der: corpus.bytes('4.6.bin'), certificates })).toEqual(['valid', 'unverifiable']);
  });

  it.each(['4.8.eml', '4.9.eml'])('%s: right mathematics, refused by policy', async (name) => {
    const report = await verifyMessage({ message: corpus.bytes(name), anchors: carl, at });
    expect(report.signers[0]?.signature).toBe('valid');
    expect(report.verdict).toBe('invalid');
    expect(codes(report.signers[0]?.problems ?? [])).toContain('weak-digest');
    const legacy = await verifyMessage({ message: corpus.bytes(name), anchors: carl, at, legacy: true });
    // The messages have no From.
    expect(legacy.signers[0]).toMatchObject({ signature: 'valid', path: { valid: true } });
  });

  it('4.11.bin carries certificates and a CRL, and no signer', async () => {
    const der = corpus.bytes('4.11.bin');
    expect(await signaturesOf({ der, content: Buffer.alloc(0) })).toEqual([]);
    const node = await inspectMessage({ message: der });
    expect(node.children.map(({ kind }) => kind).sort()).toEqual(['certificate', 'certificate', 'crl']);
  });

  it.each([
    ['5.1.bin', 'des-ede3-cbc'],
    ['5.2.bin', 'rc2-cbc'],
  ])('%s opens with Bob’s key, as legacy alone (%s)', async (name, cipher) => {
    const der = corpus.bytes(name);
    const opened = await decryptContent({ der, keys: [bob], legacy: true });
    expect(Buffer.from(opened.content)).toEqual(content);
    expect(opened).toMatchObject({ authenticated: false, cipher });
    await expect(decryptContent({ der, keys: [bob] })).rejects.toMatchObject({ code: 'legacy-algorithm' });
  });

  it('5.2.bin: the mailing list’s key is wrapped in RC2, which nothing here unwraps', async () => {
    const list = { keyEncryptionKey: Buffer.alloc(16), identifier: Buffer.from('MailListRC2') };
    await expect(decryptContent({ der: corpus.bytes('5.2.bin'), keys: [list], legacy: true })).rejects.toMatchObject({
      code: 'unsupported',
    });
  });

  it('5.3.eml opens as a message', async () => {
    const opened = await decryptMessage({ message: corpus.bytes('5.3.eml'), keys: [bob], legacy: true });
    expect(Buffer.from(opened.message).includes(text)).toBe(true);
  });

  it('6.0.bin: the digest matches', async () => {
    const digestOf = async (message: Uint8Array) =>
      (await inspectMessage({ message })).fields.find(({ label }) => label === 'Digest')?.value;
    const der = corpus.bytes('6.0.bin');
    expect(await digestOf(der)).toBe('SHA-1, matches');
    const altered = Buffer.from(der);
    altered[der.length - 1] = (altered[der.length - 1] ?? 0) ^ 1;
    expect(await digestOf(altered)).toBe('SHA-1, does not match');
  });

  // The text gives the key of 7.1; it is that of 7.2 as well.
  it.each(['7.1.bin', '7.2.bin'])('%s opens with the key of the content', async (name) => {
    const contentKey = Buffer.from('737c791f25ead0e04629254352f7dc6291e5cb26917ada32', 'hex');
    const der = corpus.bytes(name);
    const opened = await decryptContent({ der, keys: [{ contentKey }], legacy: true });
    expect(Buffer.from(opened.content)).toEqual(content);
    const wrong = [{ contentKey: Buffer.alloc(24) }];
    await expect(decryptContent({ der, keys: wrong, legacy: true })).rejects.toMatchObject({
      code: 'decryption-failed',
    });
    await expect(decryptContent({ der, keys: [{ contentKey }] })).rejects.toMatchObject({ code: 'legacy-algorithm' });
  });
});
