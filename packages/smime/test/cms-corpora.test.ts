import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { checkSigner, contentAtHand } from '../src/cms/check-signer.ts';
import { readContentInfo } from '../src/cms/content-info.ts';
import { readSignedData } from '../src/cms/signed-data.ts';
import {
  decryptContent,
  decryptMessage,
  encryptMessage,
  inspectMessage,
  localDecrypter,
  localSigner,
  parseCertificate,
  readPkcs12,
  SmimeError,
  signMessage,
  verifyContent,
  verifyMessage,
} from '../src/index.ts';
import { type Corpus, describeCorpus } from './corpora.ts';
import { codes, mail, now } from './office.ts';

/** The mathematics of every signer, apart from trust. */
function signaturesOf(der: Uint8Array, detached: Uint8Array | undefined, extra: readonly Uint8Array[]): string[] {
  const data = readSignedData(readContentInfo(der).content);
  const certificates = [...data.certificates, ...extra].map((one) => parseCertificate(one));
  const content = contentAtHand(data.contentType, data.content ?? detached ?? Buffer.alloc(0));
  return data.signers.map((info) => checkSigner(info, content, certificates, false).signature);
}

describeCorpus('rfc4134', 'RFC 4134: examples of S/MIME messages', (corpus) => {
  const content = corpus.bytes('ExContent.bin');
  const extra = [
    'AliceDSSSignByCarlNoInherit.cer',
    'AliceRSASignByCarl.cer',
    'DianeDSSSignByCarlInherit.cer',
    'DianeRSASignByCarl.cer',
    'CarlDSSSelf.cer',
  ].map((name) => corpus.bytes(name));
  const expected: [string, string[]][] = [
    ['4.1.bin', ['valid']],
    ['4.2.bin', ['valid']],
    ['4.3.bin', ['valid']],
    ['4.4.bin', ['valid']],
    ['4.5.bin', ['valid']],
    // The second signer's certificate inherits its DSA parameters from its issuer, which node:crypto cannot express.
    ['4.6.bin', ['valid', 'unverifiable']],
    ['4.7.bin', ['valid']],
    ['4.10.bin', ['valid']],
    ['4.11.bin', []],
  ];
  for (const [name, signatures] of expected) {
    it(name, () => {
      expect(signaturesOf(corpus.bytes(name), content, extra)).toEqual(signatures);
      if (signatures.length > 0) expect(signaturesOf(corpus.bytes(name), content, extra)).toContain('valid');
    });
  }

  for (const name of ['4.8.eml', '4.9.eml']) {
    it(`${name}: right mathematics, refused by policy`, async () => {
      const anchors = [parseCertificate(corpus.bytes('CarlDSSSelf.cer'))];
      const report = await verifyMessage({
        message: corpus.bytes(name),
        anchors,
        at: new Date('2003-01-01T00:00:00Z'),
      });
      expect(report.signers[0]?.signature).toBe('valid');
      expect(report.verdict).toBe('invalid');
      expect(codes(report.signers[0]?.problems ?? [])).toContain('weak-digest');
    });
  }

  it('5.1.bin opens with Bob’s key: Triple DES, which is only read', async () => {
    const {
      content: opened,
      authenticated,
      cipher,
    } = await decryptContent({ der: corpus.bytes('5.1.bin'), keys: [bobOf(corpus)], legacy: true });
    expect(Buffer.from(opened)).toEqual(content);
    expect({ authenticated, cipher }).toEqual({ authenticated: false, cipher: 'des-ede3-cbc' });
  });

  it('5.2.bin opens too: RC2 with 40 bits', async () => {
    const opened = await decryptContent({ der: corpus.bytes('5.2.bin'), keys: [bobOf(corpus)], legacy: true });
    expect(Buffer.from(opened.content)).toEqual(content);
    expect(opened.cipher).toBe('rc2-cbc');
  });

  it.each(['5.1.bin', '5.2.bin'])('%s is refused where legacy was not asked for', async (name) => {
    await expect(decryptContent({ der: corpus.bytes(name), keys: [bobOf(corpus)] })).rejects.toMatchObject({
      code: 'legacy-algorithm',
    });
  });

  it('5.3.eml opens as a message', async () => {
    const opened = await decryptMessage({ message: corpus.bytes('5.3.eml'), keys: [bobOf(corpus)], legacy: true });
    expect(Buffer.from(opened.message).includes('This is some sample content.')).toBe(true);
  });
});

function bobOf(corpus: Corpus) {
  const privateKey = createPrivateKey({ key: corpus.bytes('BobPrivRSAEncrypt.pri'), format: 'der', type: 'pkcs8' });
  return { decrypter: localDecrypter(privateKey), certificate: parseCertificate(corpus.bytes('BobRSASignByCarl.cer')) };
}

describeCorpus('rfc9216', 'RFC 9216: sample people', (corpus) => {
  const anchors = ['ca.rsa.crt', 'ca.25519.crt'].map((name) => parseCertificate(corpus.der(name)));
  const at = new Date('2026-06-15T12:00:00Z');
  for (const person of ['alice', 'bob', 'carlos', 'dana']) {
    it(`${person} signs`, async () => {
      const certificate = parseCertificate(corpus.der(`${person}.sign.crt`));
      const signer = localSigner(createPrivateKey(corpus.text(`${person}.sign.key`)));
      const message = await signMessage({
        message: mail({ from: `${person}@smime.example` }),
        signers: [{ signer, certificate }],
        form: 'clear',
        signingTime: now,
      });
      const report = await verifyMessage({ message, anchors, at });
      expect(report).toMatchObject({ verdict: 'valid', from: [`${person}@smime.example`] });
    });
    it(`${person} reads`, async () => {
      const certificate = parseCertificate(corpus.der(`${person}.encrypt.crt`));
      const decrypter = localDecrypter(createPrivateKey(corpus.text(`${person}.encrypt.key`)));
      const message = await encryptMessage({ message: mail(), recipients: [certificate] });
      const opened = await decryptMessage({ message, keys: [{ decrypter, certificate }] });
      expect(Buffer.from(opened.message).includes('Friday')).toBe(true);
    });
  }
});

describeCorpus('nss-smime', 'NSS: messages that OpenSSL encrypted', (corpus) => {
  for (const name of corpus.names('interop-openssl', /\.env$/)) {
    it(name, async () => {
      const bundle = corpus.bytes(
        name.includes('fran-ec') ? 'interop-openssl/Fran-ec.p12' : 'interop-openssl/Fran.p12',
      );
      const keys = (await readPkcs12(bundle, 'nss')).keys.map(({ privateKey, certificate }) => ({
        decrypter: localDecrypter(createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })),
        ...(certificate && { certificate: parseCertificate(certificate) }),
      }));
      const opened = await decryptContent({ der: corpus.bytes(name), keys, legacy: true });
      expect(Buffer.from(opened.content).toString()).toContain('This is a test message to Fran.');
    });
  }
});

describeCorpus('fuzz-openssl', 'fuzzed CMS: errors of our own and no others', (corpus) => {
  it('every seed', async () => {
    const key = { decrypter: localDecrypter(someKey) };
    let read = 0;
    const files = corpus.everyFile().filter((name) => /^(cms|smime)\//.test(name));
    expect(files.length).toBeGreaterThan(1_000);
    for (const name of files) {
      const bytes = corpus.bytes(name);
      await verifyContent({ der: bytes, anchors: [], at: now }).then(() => read++, onlyOurs(name));
      await decryptContent({ der: bytes, keys: [key] }).catch(onlyOurs(name));
      // Never throws at all.
      await inspectMessage({ message: bytes, at: now });
      await verifyMessage({ message: bytes, anchors: [], at: now });
    }
    // Of 747 seeds that begin like SignedData OpenSSL reads about 50; most are cut short or garbled.
    expect(read).toBeGreaterThan(10);
  });
});

const onlyOurs = (name: string) => (error: unknown) => {
  if (!(error instanceof SmimeError)) throw new Error(`${name}: ${String(error)}`, { cause: error });
};

const someKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
