/** PKCS#12 files that others made: each one listed with what is in it, so that a new file without a row fails too. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeInteger, encodeNull, encodeOctetString, encodeOid, encodeSequence } from '../src/asn1/der.ts';
import { oids } from '../src/asn1/oids.ts';
import { DerivationBudget } from '../src/pkcs12/derive.ts';
import { decryptWithPassword } from '../src/pkcs12/encryption.ts';
import { readPkcs12 } from '../src/pkcs12/read.ts';
import { parseCertificate } from '../src/x509/certificate.ts';
import { type Corpus, describeCorpus } from './corpora.ts';

interface Row {
  readonly password: string;
  /** Friendly names of the keys, `-` for one without. A `+` after it: with its certificate. */
  readonly keys: readonly string[];
  /** Friendly names of the certificates besides, `-` for one without, `J` after it where Java marks it as trusted. */
  readonly certificates: readonly string[];
}

const row = (password: string, keys: readonly string[], certificates: readonly string[]): Row => ({
  password,
  keys,
  certificates,
});

/** The families of pyca that differ only in their names, each with and without a password. */
function family(name: string, keys: readonly string[], certificates: readonly string[]): Record<string, Row> {
  return {
    [`${name}-pwd.p12`]: row('password', keys, certificates),
    [`${name}-no-pwd.p12`]: row('', keys, certificates),
  };
}

const pyca: Readonly<Record<string, Row>> = {
  'cert-aes256cbc-no-key.p12': row('cryptography', [], ['-']),
  'cert-key-aes256cbc.p12': row('cryptography', ['-+'], []),
  'cert-none-key-none.p12': row('cryptography', ['-+'], []),
  'cert-rc2-key-3des.p12': row('cryptography', ['-+'], []),
  'no-cert-key-aes256cbc.p12': row('cryptography', ['-'], []),
  'no-password.p12': row('', ['6BC162DA+'], []),
  'java-truststore.p12': row('', [], ['cert1 J', '- J']),
  ...family('no-name', ['-+'], ['-', '-']),
  ...family('name-1', ['name+'], ['-', '-']),
  ...family('name-2', ['-+'], ['name2', '-']),
  ...family('name-3', ['-+'], ['-', 'name3']),
  ...family('name-2-3', ['-+'], ['name2', 'name3']),
  ...family('name-all', ['name+'], ['name2', 'name3']),
  ...family('name-unicode', ['☺+'], ['ä', 'ç']),
  ...family('no-cert-no-name', [], ['-', '-']),
  ...family('no-cert-name-2', [], ['name2', '-']),
  ...family('no-cert-name-3', [], ['-', 'name3']),
  ...family('no-cert-name-all', [], ['name2', 'name3']),
  ...family('no-cert-name-unicode', [], ['☹', 'ï']),
};

describeCorpus('pyca-vectors', 'the PKCS#12 files of pyca/cryptography', (corpus) => {
  const names = corpus.names('pkcs12', /\.p12$/).map((name) => name.slice('pkcs12/'.length));

  it('are all listed', () => {
    expect(names).toEqual(Object.keys(pyca).sort());
  });

  it.each(Object.entries(pyca))('%s', async (name, expected) => {
    await opens(corpus, `pkcs12/${name}`, expected);
  });

  it('hold the key of the CA beside them', async () => {
    const ca = createPrivateKey(corpus.text('pkcs12/ca/ca_key.pem'));
    for (const name of ['cert-key-aes256cbc', 'cert-none-key-none', 'cert-rc2-key-3des', 'no-cert-key-aes256cbc']) {
      const { keys } = await readPkcs12(corpus.bytes(`pkcs12/${name}.p12`), 'cryptography');
      const [found] = keys.map(({ privateKey }) =>
        createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' }),
      );
      expect(found?.equals(ca), name).toBe(true);
    }
  });
});

describe('the PKCS#12 files of others', () => {
  describeCorpus('heimdal-hx509', 'Heimdal', (corpus) => {
    it.each([
      ['test.p12', row('foobar', ['friendlyname-test+'], ['ca'])],
      ['sub-cert.p12', row('foobar', ['friendlyname-sub-cert+'], ['sub-ca', 'ca'])],
      ['test-nopw.p12', row('foobar', ['friendlyname-cert+'], ['ca'])],
    ])('%s', (name, expected) => opens(corpus, name, expected));
  });

  describeCorpus('openssl-cms', 'OpenSSL: certificates under RC2-40 and 3DES', (corpus) => {
    it.each([
      ['test-certs/v3-certs-RC2.p12', row('v3-certs', [], ['-', '-'])],
      ['test-certs/v3-certs-TDES.p12', row('v3-certs', [], ['-', '-'])],
    ])('%s', (name, expected) => opens(corpus, name, expected));
  });

  describeCorpus('nss-smime', 'NSS', (corpus) => {
    it.each([
      ['interop-openssl/Fran.p12', row('nss', ['Fran+'], [])],
      ['interop-openssl/Fran-ec.p12', row('nss', ['Fran-ec+'], [])],
    ])('%s', (name, expected) => opens(corpus, name, expected));
  });

  describeCorpus('protected-headers', 'gpgsm, and GnuTLS with a PEM armour', (corpus) => {
    it.each([
      ['notmuch/smime/bob.p12', row('', ['GnuPG exported certificate 42bb2406+'], [])],
      ['notmuch/smime/0xE0972A47.p12', row('', ['GnuPG exported certificate e0972a47+'], [])],
      ['autocrypt/bob.p12', row('bob', ['bob+'], ['-'])],
    ])('%s', (name, expected) => opens(corpus, name, expected));
  });

  describeCorpus('embedded-cms-fixtures', 'RustCrypto: AES certificates, a key under RC2-40', (corpus) => {
    it('example.pfx', () =>
      opens(corpus, 'rustcrypto-cms/examples/example.pfx', row('hunter42', ['example.org+'], [])));
  });
});

/** Certificates that come out as they are and then cannot be parsed, by their place, and why. */
const unreadable: Readonly<Record<string, readonly [number, RegExp]>> = {
  // UTCTime in the zone +0800, which RFC 5280 4.1.2.5.1 forbids: a certificate of 1996.
  'test-certs/v3-certs-RC2.p12': [0, /expected a valid time in UTC with seconds/],
  'test-certs/v3-certs-TDES.p12': [0, /expected a valid time in UTC with seconds/],
};

/** With this password it holds what the row says and keys that fit their certificates; with another it does not open. */
async function opens(corpus: Corpus, name: string, expected: Row): Promise<void> {
  const der = corpus.der(name);
  const { keys, certificates } = await readPkcs12(der, expected.password);
  expect(keys.map((key) => `${key.friendlyName ?? '-'}${key.certificate ? '+' : ''}`)).toEqual(expected.keys);
  expect(certificates.map((one) => `${one.friendlyName ?? '-'}${one.javaTrusted ? ' J' : ''}`)).toEqual(
    expected.certificates,
  );
  for (const { privateKey, certificate } of keys) {
    const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
    if (certificate) expect(createPublicKey(key).equals(parseCertificate(certificate).publicKey)).toBe(true);
  }
  const [place, reason = /./] = unreadable[name] ?? [];
  for (const [index, { certificate }] of certificates.entries()) {
    if (index === place) expect(() => parseCertificate(certificate)).toThrow(reason);
    else parseCertificate(certificate);
  }
  await expect(readPkcs12(der, 'not the password')).rejects.toMatchObject({ code: 'wrong-password' });
}

interface PbeFile {
  readonly testGroups: readonly {
    readonly tests: readonly {
      readonly tcId: number;
      readonly password: string;
      readonly salt: string;
      readonly iterationCount: number;
      readonly iv: string;
      readonly msg: string;
      readonly ct: string;
      readonly result: 'valid' | 'invalid' | 'acceptable';
    }[];
  }[];
}

describeCorpus('wycheproof', 'PBES2 of Wycheproof', (corpus) => {
  const { testGroups } = corpus.json<PbeFile>('pbes2_hmacsha256_aes_256_test.json');
  const tests = testGroups.flatMap((group) => group.tests);
  const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

  it(`${tests.length} cases decrypt to what they should`, async () => {
    expect(tests.length).toBe(84);
    for (const { tcId, password, salt, iterationCount, iv, msg, ct, result } of tests) {
      const derivation = encodeSequence(
        encodeOctetString(bytes(salt)),
        encodeInteger(iterationCount),
        encodeSequence(encodeOid(oids.hmacSha256), encodeNull),
      );
      const algorithm = encodeSequence(
        encodeOid(oids.pbes2),
        encodeSequence(
          encodeSequence(encodeOid(oids.pbkdf2), derivation),
          encodeSequence(encodeOid(oids.aes256Cbc), encodeOctetString(bytes(iv))),
        ),
      );
      const forms = { pkcs12: [], pkcs5: [bytes(password)] };
      const found = await decryptWithPassword(algorithm, bytes(ct), forms, new DerivationBudget(), () => true);
      expect(found?.toString('hex'), `case ${tcId}`).toBe(result === 'invalid' ? undefined : msg);
    }
  });
});
