/** CMS that stands as constants in the tests of others: Bouncy Castle, three packages of Go, RustCrypto. BER, odd recipients, old algorithms. */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { DerReader, tag } from '../src/asn1/der.ts';
import { readCompressedData } from '../src/cms/compressed-data.ts';
import { readContentInfo } from '../src/cms/content-info.ts';
import { readEnvelopedData } from '../src/cms/enveloped-data.ts';
import { readSignerInfo } from '../src/cms/signed-data.ts';
import {
  decryptContent,
  inspectMessage,
  localDecrypter,
  type OpeningKey,
  parseCertificate,
  parseOcspRequest,
  parseOcspResponse,
  verifyContent,
} from '../src/index.ts';
import { describeCorpus } from './corpora.ts';
import { codes } from './office.ts';
import { signaturesOf } from './score.ts';

/** The same fixture stands in several of Bouncy Castle's tests, under other numbers. */
const bc = {
  oldKek: ['BcEnvelopedDataTest__013_oldKEK', 'NewEnvelopedDataTest__026_oldKEK', 'NewEnvelopedDataTest__065_oldKEK'],
  agree: ['BcEnvelopedDataTest__018', 'NewEnvelopedDataTest__031', 'NewEnvelopedDataTest__070'],
  bob: ['BcEnvelopedDataTest__019', 'NewEnvelopedDataTest__032', 'NewEnvelopedDataTest__071'],
} as const;

describeCorpus('embedded-cms-fixtures', 'fixtures of others: encrypted', (corpus) => {
  const keyIn = (name: string) => {
    const key = corpus.der(name);
    for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const)
      try {
        return createPrivateKey({ key, format: 'der', type });
      } catch {
        // Another form.
      }
    throw new Error(`no key in ${name}`);
  };
  const withKey = (name: string): OpeningKey => ({ decrypter: localDecrypter(keyIn(name)) });
  const open = async (name: string, key: OpeningKey, legacy = false) => {
    const opened = await decryptContent({ der: corpus.der(name), keys: [key], legacy });
    return Buffer.from(opened.content).toString();
  };

  const agreed = bc.agree.flatMap((key, index) => {
    const [test] = key.split('__') as [string];
    const first = [14, 27, 66][index] as number;
    return ['AES256', 'AES128', 'DESEDE'].map((name, offset): [string, string, string, boolean] => [
      `bcgit-bc-java/${test}__${String(first + offset).padStart(3, '0')}_ecKeyAgreeMsg${name}.der`,
      `bcgit-bc-java/${key}_ecKeyAgreeKey.der`,
      'PKI-C CMS EnvelopedData Sample',
      name === 'DESEDE',
    ]);
  });
  const ofRfc4134 = bc.bob.flatMap((key, index) => {
    const [test] = key.split('__') as [string];
    const first = [20, 33, 72][index] as number;
    return ['5_1', '5_2'].map((name, offset): [string, string, string, boolean] => [
      `bcgit-bc-java/${test}__${String(first + offset).padStart(3, '0')}_rfc4134ex${name}.der`,
      `bcgit-bc-java/${key}_bobPrivRsaEncrypt.der`,
      'This is some sample content.',
      true,
    ]);
  });
  it.each([
    ...agreed,
    ...ofRfc4134,
    [
      'bcgit-bc-java/AuthEnvelopedDataTest__011_Sample1.der',
      'bcgit-bc-java/AuthEnvelopedDataTest__012_Sample1Key.der',
      'auth-enveloped data',
      false,
    ],
    ...['digitorus', 'mozilla-services', 'smallstep'].map((who): [string, string, string, boolean] => [
      `${who}-pkcs7/decrypt_test__002_EncryptedTestFixture_PKCS7.der`,
      `${who}-pkcs7/decrypt_test__004_x_${who === 'smallstep' ? 'RSA_' : ''}PRIVATE_KEY.der`,
      'This is a test',
      true,
    ]),
    [
      'smallstep-pkcs7/decrypt_test__005_RSAPKCS1v15EncryptedTestFixture_PKCS7.der',
      'smallstep-pkcs7/decrypt_test__007_x_RSA_PRIVATE_KEY.der',
      'This is a test',
      false,
    ],
    [
      'smallstep-pkcs7/decrypt_test__008_RSAOAEPSHA1EncryptedTestFixture_PKCS7.der',
      'smallstep-pkcs7/decrypt_test__010_x_RSA_PRIVATE_KEY.der',
      'This is a test',
      false,
    ],
  ])('%s opens with %s', async (name, key, text, legacy) => {
    expect(await open(name, withKey(key), legacy)).toContain(text);
    if (legacy) await expect(open(name, withKey(key))).rejects.toMatchObject({ code: 'legacy-algorithm' });
  });

  it('with a key that is shared: explicit tags of old Bouncy Castle, and OpenSSL', async () => {
    const kek = {
      keyEncryptionKey: Buffer.from(Array.from({ length: 16 }, (_, i) => i + 1)),
      identifier: hex('0102030405'),
    };
    for (const name of bc.oldKek)
      expect(await open(`bcgit-bc-java/${name}.der`, kek, true)).toBe('WallaWallaWashington');
    const text = corpus.text('rustcrypto-cms/examples/data.txt');
    const ofOpenssl = { keyEncryptionKey: hex('0102030405060708090a0b0c0d0e0f00'), identifier: hex('deadbeef') };
    for (const name of ['kekri', 'multi'])
      expect(await open(`rustcrypto-cms/examples/enveloped_data_${name}.bin`, ofOpenssl)).toContain(text.trim());
  });

  it('with a password', async () => {
    const text = corpus.text('rustcrypto-cms/examples/data.txt');
    for (const name of ['pwri', 'multi']) {
      const file = `rustcrypto-cms/examples/enveloped_data_${name}.bin`;
      expect(await open(file, { password: 'password' })).toContain(text.trim());
      await expect(open(file, { password: 'Password' })).rejects.toMatchObject({ code: 'decryption-failed' });
    }
  });

  // Each does as its reason says, and no more.
  const closed: [name: string, key: string, code: string, reason: string][] = [
    ...bc.agree.map((key, index): [string, string, string, string] => {
      const [test] = key.split('__') as [string];
      const number = ['017', '030', '069'][index];
      return [
        `bcgit-bc-java/${test}__${number}_ecMQVKeyAgreeMsgAES128.der`,
        `bcgit-bc-java/${key}_ecKeyAgreeKey.der`,
        'unsupported',
        'ECMQV is not implemented: node:crypto has no primitive for it, and no mail client sends it',
      ];
    }),
    ...['035', '074'].map((number): [string, string, string, string] => [
      `bcgit-bc-java/NewEnvelopedDataTest__${number}_tooShort3DES.der`,
      `bcgit-bc-java/NewEnvelopedDataTest__0${Number(number) + 1}_tooShort3DESKey.der`,
      'decryption-failed',
      'the content key is too short for its cipher, as the test wants it refused',
    ]),
    [
      'smallstep-pkcs7/decrypt_test__011_RSAOAEPSHA256EncryptedTestFixture_PKCS7.der',
      'smallstep-pkcs7/decrypt_test__013_x_RSA_PRIVATE_KEY.der',
      'decryption-failed',
      'it leaves out the mask, which then is one with SHA-1 (RFC 4055 4.1), and was made with SHA-256',
    ],
    ...[
      '038_gost3410_2001_KeyTrans',
      '039_gost3410_2001_KeyAgree',
      '041_gost2001_Rand_Msg',
      '044_gost2001_Rand_Gen_Msg',
      '047_gost2012_Reci_Msg',
      '052_gost2012_512_Reci_Msg',
      '054_gost2012_KeyTrans_Msg',
      '055_github539_GostEnvData',
    ].map((name): [string, string, string, string] => [
      `bcgit-bc-java/NewEnvelopedDataTest__${name}.der`,
      'bcgit-bc-java/NewEnvelopedDataTest__032_bobPrivRsaEncrypt.der',
      'unsupported',
      'GOST is not implemented',
    ]),
    ...['kemri_auth', 'kemri_id-alg-hkdf-with-sha256', 'kemri_ukm'].map((name): [string, string, string, string] => [
      `rustcrypto-cms/examples/1.3.6.1.4.1.22554.5.6.1_ML-KEM-512-ipd_${name}.der`,
      'rustcrypto-cms/examples/rsa2048-priv.der',
      'no-matching-recipient',
      'ML-KEM of the draft of 2023, under an identifier of its own, and without its key',
    ]),
    ...[1, 2, 3, 4].map((number): [string, string, string, string] => [
      `rustcrypto-cms/examples/kms_ciphertext_for_recipient_${number}.ber`,
      'rustcrypto-cms/examples/rsa2048-priv.der',
      'decryption-failed',
      'AWS encrypted it to a key that is not there; its BER is read, and the recipient found',
    ]),
    [
      'rustcrypto-cms/examples/keyEncryptedData.bin',
      'rustcrypto-cms/examples/rsa2048-priv.der',
      'unsupported',
      'EncryptedData of PKCS#12, under a cipher that CMS does not know',
    ],
  ];
  it.each(closed)('%s stays closed to %s: %s (%s)', async (name, key, code) => {
    await expect(open(name, withKey(key), true)).rejects.toMatchObject({ code });
  });

  it('the OAEP message that leaves out its mask opens as soon as somebody says what it is', async () => {
    const der = corpus.der('smallstep-pkcs7/decrypt_test__011_RSAOAEPSHA256EncryptedTestFixture_PKCS7.der');
    const { recipients } = readEnvelopedData(readContentInfo(der).content);
    const [recipient] = recipients;
    if (recipient?.kind !== 'key-transport') throw new Error('no key transport');
    const decrypter = localDecrypter(keyIn('smallstep-pkcs7/decrypt_test__013_x_RSA_PRIVATE_KEY.der'));
    const scheme = { padding: 'oaep', hash: 'sha256', mgf1Hash: 'sha256' } as const;
    expect(await decrypter.unwrapRsa(recipient.encryptedKey, scheme)).toHaveLength(32);
  });
});

describeCorpus('embedded-cms-fixtures', 'fixtures of others: signed', (corpus) => {
  const ec2 = (who: string, number: string) =>
    [`${who}_EC2IdentityDocumentFixture_PKCS7.der`, `${who.split('__')[0]}__${number}_x_CERTIFICATE.der`] as const;
  it.each<readonly [string, string | undefined]>([
    ...['BcSignedDataTest__004', 'BcSignedDataTest__023', 'NewSignedDataTest__057'].map(
      (name) => [`bcgit-bc-java/${name}_xtraCounterSig.der`, undefined] as const,
    ),
    ['bcgit-bc-java/NewSignedDataTest__060_noAttrEncData.der', undefined],
    ['bcgit-bc-java/NewSignedDataTest__062_ecPublicKeyExample.der', undefined],
    ['bcgit-bc-java/NewSignedDataTest__063_wrongRSASHA1Message.der', undefined],
    ['bcgit-bc-java/NewSignedDataTest__064_wrongRSASHA1MessageWithAttributes.der', undefined],
    ...['digitorus', 'mozilla-services', 'smallstep'].map(
      (who) => [`${who}-pkcs7/ber_test__001_testPKCS7_PKCS7.der`, undefined] as const,
    ),
    ['digitorus-pkcs7/verify_test__009_SignedTestFixture_PKCS7.der', undefined],
    ['mozilla-services-pkcs7/verify_test__005_SignedTestFixture_PKCS7.der', undefined],
    ['smallstep-pkcs7/verify_test__018_SignedTestFixture_PKCS7.der', undefined],
    ['smallstep-pkcs7/verify_test__021_HashCalcSignedTestFixture_PKCS7.der', undefined],
    ['digitorus-pkcs7/verify_test__012_AppStoreReceiptFixture_PKCS7.der', undefined],
    ['mozilla-services-pkcs7/verify_test__008_AppStoreReceiptFixture_PKCS7.der', undefined],
    ['smallstep-pkcs7/verify_test__025_AppStoreReceiptFixture_PKCS7.der', undefined],
    ec2('digitorus-pkcs7/dsa_test__005', '006'),
    ec2('smallstep-pkcs7/verify_dsa_go1.15_test__015', '016'),
    ['rustcrypto-cms/examples/authroot.stl', undefined],
    ['rustcrypto-cms/examples/cms_ber.bin', undefined],
    ['rustcrypto-cms/examples/cms_der.bin', undefined],
    ['rustcrypto-cms/examples/scep_der.bin', undefined],
    ['rustcrypto-cms/examples/sd.cms', undefined],
  ])('%s verifies', async (name, certificate) => {
    const certificates = certificate === undefined ? [] : [corpus.der(certificate)];
    expect(await signaturesOf({ der: corpus.der(name), certificates })).toEqual(['valid']);
  });

  it('a counter-signature upon each of two is reported with its signer', async () => {
    const der = corpus.der('bcgit-bc-java/NewSignedDataTest__057_xtraCounterSig.der');
    const { signers } = await verifyContent({ der, anchors: [], legacy: true });
    expect(signers[0]?.counterSignatures).toMatchObject([{ signature: 'valid' }, { signature: 'valid' }]);
  });

  // Their content is not among the fixtures. What is signed are the attributes: these are as they were.
  it.each([
    ...['BcSignedDataTest__003', 'BcSignedDataTest__022', 'NewSignedDataTest__056'].map(
      (name) => `bcgit-bc-java/${name}_disorderedSet.der`,
    ),
    'digitorus-pkcs7/verify_test__014_FirefoxAddonFixture_PKCS7.der',
    'mozilla-services-pkcs7/verify_test__010_FirefoxAddonFixture_PKCS7.der',
    'smallstep-pkcs7/verify_test__027_FirefoxAddonFixture_PKCS7.der',
  ])('%s: all but the content is right', async (name) => {
    const { signers } = await verifyContent({
      der: corpus.der(name),
      content: Buffer.from('another content'),
      anchors: [],
      legacy: true,
    });
    const found = codes((signers[0]?.problems ?? []).filter(({ severity }) => severity === 'error'));
    expect(found).toEqual(['digest-mismatch']);
  });

  it.each([
    ['bcgit-bc-java/BcSignedDataTest__005_noSignedAttrSample2.der', ['invalid'], 'detached, without attributes'],
    ['bcgit-bc-java/BcSignedDataTest__024_noSignedAttrSample2.der', ['invalid'], 'detached, without attributes'],
    ['bcgit-bc-java/NewSignedDataTest__058_noSignedAttrSample2.der', ['invalid'], 'detached, without attributes'],
    ['digitorus-pkcs7/verify_test__013_ApkEcdsaFixture_PKCS7.der', ['invalid'], 'detached, without attributes'],
    ['mozilla-services-pkcs7/verify_test__009_ApkEcdsaFixture_PKCS7.der', ['invalid'], 'detached, without attributes'],
    ['smallstep-pkcs7/verify_test__026_ApkEcdsaFixture_PKCS7.der', ['invalid'], 'detached, without attributes'],
    ['bcgit-bc-java/NewSignedDataTest__059_rawGost.der', ['unverifiable'], 'GOST is not implemented'],
    ['rustcrypto-cms/examples/apple_mdm_signature_der.bin', ['unverifiable'], 'its certificate is not there'],
  ])('%s: %j (%s)', async (name, expected, reason) => {
    const detached = reason.startsWith('detached') ? { content: Buffer.from('another content') } : {};
    expect(await signaturesOf({ der: corpus.der(name), ...detached })).toEqual(expected);
  });

  it('certificates alone are read', async () => {
    for (const [name, count] of [
      ['pkits', 2],
      ['pkits_ee', 1],
    ] as const) {
      const tree = await inspectMessage({ message: corpus.der(`rustcrypto-cms/examples/${name}.p7b`) });
      expect(tree.children.map(({ kind }) => kind)).toEqual(new Array(count).fill('certificate'));
    }
  });

  it('SignerInfos under wrong tags are refused', () => {
    const malformed = expect.objectContaining({ code: 'malformed-asn1' });
    const read = (name: string) => () =>
      readSignerInfo(new DerReader(corpus.der(`rustcrypto-cms/examples/${name}.bin`)).enter(tag.set).enter());
    expect(read('signer_info_explicit_attrs')).toThrow(malformed);
    expect(read('signer_info_sequence_not_set')).toThrow(malformed);
  });
});

describeCorpus('embedded-cms-fixtures', 'fixtures of others: the rest', (corpus) => {
  it('compressed and digested data', async () => {
    const text = corpus.bytes('rustcrypto-cms/examples/data.txt');
    const compressed = readContentInfo(corpus.der('rustcrypto-cms/examples/compressed_data.bin'));
    expect(readCompressedData(compressed.content).content.equals(text)).toBe(true);
    for (const name of [
      'rustcrypto-cms/examples/digested_data.bin',
      'bcgit-bc-java/MiscDataStreamTest__025_digestedData.der',
    ]) {
      const { fields } = await inspectMessage({ message: corpus.der(name) });
      expect(fields.find(({ label }) => label === 'Digest')?.value).toMatch(/, matches$/);
    }
  });

  it('OCSP requests and responses are read; the one without a serial number is not', () => {
    const read = (name: string) => parseOcspResponse(corpus.der(`bcgit-bc-java/${name}.der`));
    for (const name of ['OCSPTest__001_signedReq', 'OCSPTest__008_irregReq'])
      expect(parseOcspRequest(corpus.der(`bcgit-bc-java/${name}.der`)).requests.length).toBeGreaterThan(0);
    for (const name of [
      'NewSignedDataTest__061_successResp',
      'OCSPTest__002_response',
      'OCSPTest__006_testResp1',
      'OCSPTest__007_testResp2',
      'OCSPTest__010_emptyExtResp',
    ])
      expect(read(name)).toMatchObject({ status: 'successful' });
    expect(() => read('OCSPTest__009_invalidResp')).toThrow(expect.objectContaining({ code: 'malformed-asn1' }));
  });

  it('every certificate parses', () => {
    const names = corpus.everyFile().filter((name) => /(CERTIFICATE|Cert|\.crt|cert|GoodCACert\.pem)[^/]*$/.test(name));
    const refused: string[] = [];
    for (const name of names) {
      try {
        parseCertificate(corpus.der(name));
      } catch {
        refused.push(name);
      }
    }
    expect(names.length).toBeGreaterThan(30);
    expect(refused).toEqual(['rustcrypto-cms/examples/certData.bin']);
  });
});

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
