/**
 * Project Wycheproof: edge cases of every primitive, each through the engine's own code. `acceptable` may go either way; a case
 * that goes otherwise than its result says is named in the test's exceptions with a reason.
 */
import { createPrivateKey } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  encodeElement,
  encodeExplicit,
  encodeImplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  readOnly,
} from '../src/asn1/der.ts';
import { openContent } from '../src/cms/content-encryption.ts';
import { keyWrapOf } from '../src/cms/recipients/key-wrap.ts';
import {
  type Decrypter,
  decryptContent,
  localDecrypter,
  oids,
  type RsaScheme,
  signatureAlgorithmFor,
} from '../src/index.ts';
import { parseSignatureAlgorithm, publicKeyOf, verifySignature } from '../src/keys/algorithms.ts';
import { type Corpus, describeCorpus } from './corpora.ts';
import { expectExceptions } from './score.ts';

/** All octets are hexadecimal. */
interface Case {
  readonly tcId: number;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly flags?: readonly string[];
  readonly key?: string;
  readonly iv?: string;
  readonly aad?: string;
  readonly msg?: string;
  readonly ct?: string;
  readonly tag?: string;
  readonly sig?: string;
  readonly label?: string;
  readonly public?: string;
  readonly private?: string;
  readonly shared?: string;
  readonly seed?: string;
  readonly c?: string;
  readonly K?: string;
}
interface Group {
  readonly tests: readonly Case[];
  readonly [field: string]: unknown;
}

const hex = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'hex');

/** Runs a file of cases through `passes`; those that went wrong by number and comment. */
async function wrong(
  corpus: Corpus,
  name: string,
  passes: (test: Case, group: Group) => boolean | Promise<boolean>,
): Promise<{ cases: number; names: string[] }> {
  const names: string[] = [];
  let cases = 0;
  for (const group of corpus.json<{ testGroups: Group[] }>(`${name}.json`).testGroups)
    for (const test of group.tests) {
      cases++;
      const passed = await passes(test, group);
      if (test.result !== 'acceptable' && passed !== (test.result === 'valid')) names.push(String(test.tcId));
    }
  return { cases, names };
}

/** True where the attempt gives these octets; an error is a refusal. */
async function gives(expected: Buffer, attempt: () => Uint8Array | Promise<Uint8Array>): Promise<boolean> {
  try {
    return expected.equals(await attempt());
  } catch {
    return false;
  }
}

describeCorpus('wycheproof', 'Wycheproof: signatures', (corpus) => {
  it.each([
    ['ecdsa_secp256r1_sha256_test', signatureAlgorithmFor('p256', 'sha256'), 484],
    ['ed25519_test', signatureAlgorithmFor('ed25519', 'sha512'), 151],
    ['rsa_signature_2048_sha256_test', signatureAlgorithmFor('rsa', 'sha256'), 259],
  ] as const)('%s', async (name, algorithm, count) => {
    const parsed = parseSignatureAlgorithm(algorithm);
    const { cases, names } = await wrong(corpus, name, ({ msg, sig }, { publicKeyDer }) =>
      verifySignature(parsed, publicKeyOf(hex(publicKeyDer as string)), hex(msg), hex(sig)),
    );
    expect(cases).toBe(count);
    expectExceptions(names, {});
  });

  it('mldsa_65_verify_test', async () => {
    const parsed = parseSignatureAlgorithm(signatureAlgorithmFor('ml-dsa-65', 'sha512'));
    const { cases, names } = await wrong(
      corpus,
      'mldsa_65_verify_test',
      ({ msg, sig }, { publicKeyDer, publicKey }) => {
        const key = hex(publicKey as string);
        // Keys of a wrong length come without DER; in a certificate they would look like this.
        const spki =
          publicKeyDer === undefined
            ? encodeSequence(encodeSequence(encodeOid(oids.mlDsa65)), encodeElement(0x03, Buffer.of(0), key))
            : hex(publicKeyDer as string);
        try {
          return verifySignature(parsed, publicKeyOf(spki), hex(msg), hex(sig));
        } catch {
          return false;
        }
      },
    );
    expect(cases).toBe(210);
    const context = 'certificates and CMS have no context (RFC 9881 section 2, RFC 9882 section 3)';
    expectExceptions(names, { 3: context, 4: context });
  });

  it('rsa_pss_misc_params_test: the parameters of the key are those of the signature', async () => {
    const { cases, names } = await wrong(corpus, 'rsa_pss_misc_params_test', ({ msg, sig }, { publicKeyDer }) => {
      const spki = hex(publicKeyDer as string);
      try {
        const algorithm = parseSignatureAlgorithm(readOnly(spki, 'the key').element());
        return verifySignature(algorithm, publicKeyOf(spki), hex(msg), hex(sig));
      } catch {
        return false;
      }
    });
    expect(cases).toBe(150);
    expectExceptions(names, {});
  });
});

describeCorpus('wycheproof', 'Wycheproof: RSA key transport', (corpus) => {
  const decrypterOf = (group: Group) =>
    localDecrypter(createPrivateKey({ key: hex(group.privateKeyPkcs8 as string), format: 'der', type: 'pkcs8' }));

  it.each([
    ['rsa_oaep_2048_sha256_mgf1sha256_test', 37],
    ['rsa_oaep_misc_test', 395],
  ] as const)('%s', async (name, count) => {
    const hashOf = (text: unknown): string => String(text).toLowerCase().replace('-', '');
    const { cases, names } = await wrong(corpus, name, ({ ct, msg, label }, group) => {
      const scheme = {
        padding: 'oaep',
        hash: hashOf(group.sha),
        mgf1Hash: hashOf(group.mgfSha),
        ...(label && { label: hex(label) }),
      } as RsaScheme;
      return gives(hex(msg), () => decrypterOf(group).unwrapRsa(hex(ct), scheme));
    });
    expect(cases).toBe(count);
    expectExceptions(names, {});
  });

  it.each([
    ['rsa_pkcs1_2048_test', 67],
    ['rsa_pkcs1_3072_test', 67],
  ] as const)('%s: bad padding is no error, and never the message', async (name, count) => {
    const { cases, names } = await wrong(corpus, name, ({ ct, msg }, group) =>
      gives(hex(msg), () => decrypterOf(group).unwrapRsa(hex(ct), { padding: 'pkcs1' })),
    );
    expect(cases).toBe(count);
    expectExceptions(names, {});
    // Implicit rejection: whatever the padding, octets come out, the same ones each time.
    for (const group of corpus.json<{ testGroups: Group[] }>(`${name}.json`).testGroups) {
      const decrypter = decrypterOf(group);
      for (const { ct, flags } of group.tests) {
        if (!flags?.includes('InvalidPkcs1Padding')) continue;
        const once = await decrypter.unwrapRsa(hex(ct), { padding: 'pkcs1' });
        expect(await decrypter.unwrapRsa(hex(ct), { padding: 'pkcs1' })).toEqual(once);
      }
    }
  });
});

describeCorpus('wycheproof', 'Wycheproof: key agreement and encapsulation', (corpus) => {
  const curves = { secp256r1: [oids.prime256v1, 32], secp384r1: [oids.secp384r1, 48] } as const;

  it.each([
    ['ecdh_secp256r1_test', 612],
    ['ecdh_secp384r1_test', 1047],
  ] as const)('%s', async (name, count) => {
    // A private key without its public half takes OpenSSL some 10 ms to load, and a few keys recur in all the cases.
    const decrypters = new Map<string, Decrypter>();
    const { cases, names } = await wrong(corpus, name, (test, group) => {
      const [curve, size] = curves[group.curve as keyof typeof curves];
      const scalar = String(test.private)
        .padStart(2 * size, '0')
        .slice(-2 * size);
      return gives(hex(test.shared), () => {
        const known = decrypters.get(scalar) ?? localDecrypter(createPrivateKey(ecKey(hex(scalar), curve)));
        decrypters.set(scalar, known);
        return known.agree(hex(test.public));
      });
    });
    expect(cases).toBe(count);
    expectExceptions(names, {});
  });

  /** RFC 5915, without the public half. */
  const ecKey = (scalar: Buffer, curve: string) => ({
    key: encodeSequence(encodeInteger(1), encodeOctetString(scalar), encodeExplicit(0, encodeOid(curve))),
    format: 'der' as const,
    type: 'sec1' as const,
  });

  it('x25519_asn_test', async () => {
    const { cases, names } = await wrong(corpus, 'x25519_asn_test', (test) =>
      gives(hex(test.shared), () =>
        localDecrypter(createPrivateKey({ key: hex(test.private), format: 'der', type: 'pkcs8' })).agree(
          hex(test.public),
        ),
      ),
    );
    expect(cases).toBe(537);
    expectExceptions(names, {});
  });

  it('mlkem_768_test', async () => {
    const { cases, names } = await wrong(corpus, 'mlkem_768_test', (test) => {
      // RFC 9935 6: the private key as its seed.
      const seed = encodeOctetString(encodeImplicit(0, hex(test.seed)));
      const key = encodeSequence(encodeInteger(0), encodeSequence(encodeOid(oids.mlKem768)), seed);
      return gives(hex(test.K), () =>
        localDecrypter(createPrivateKey({ key, format: 'der', type: 'pkcs8' })).decapsulate(hex(test.c)),
      );
    });
    expect(cases).toBe(193);
    expectExceptions(names, {});
  });
});

describeCorpus('wycheproof', 'Wycheproof: AES', (corpus) => {
  it.each([
    ['aes_wrap_test', 165, [oids.aes128Wrap, oids.aes192Wrap, oids.aes256Wrap]],
    ['aes_kwp_test', 254, [oids.aes128WrapPad, oids.aes192WrapPad, oids.aes256WrapPad]],
  ] as const)('%s', async (name, count, wraps) => {
    const { cases, names } = await wrong(corpus, name, ({ key, ct, msg }) => {
      const oid = wraps[(hex(key).length - 16) / 8] as string;
      return gives(hex(msg), () => keyWrapOf(encodeSequence(encodeOid(oid)), false).unwrap(hex(key), hex(ct)));
    });
    expect(cases).toBe(count);
    expectExceptions(names, {});
  });

  it('aes_cbc_pkcs5_test, as EncryptedData', async () => {
    const ciphers: Readonly<Record<number, string>> = { 16: oids.aes128Cbc, 24: oids.aes192Cbc, 32: oids.aes256Cbc };
    const { cases, names } = await wrong(corpus, 'aes_cbc_pkcs5_test', ({ key, iv, ct, msg }) => {
      const contentKey = hex(key);
      const info = encodeSequence(
        encodeOid(oids.data),
        encodeSequence(encodeOid(ciphers[contentKey.length] as string), encodeOctetString(hex(iv))),
        encodeImplicit(0, hex(ct)),
      );
      const data = encodeSequence(encodeInteger(0), info);
      const der = encodeSequence(encodeOid(oids.encryptedData), encodeExplicit(0, data));
      return gives(hex(msg), async () => (await decryptContent({ der, keys: [{ contentKey }] })).content);
    });
    expect(cases).toBe(216);
    expectExceptions(names, {});
  });

  it('aes_gcm_test', async () => {
    const { cases, names } = await wrong(corpus, 'aes_gcm_test', (test) => {
      const key = hex(test.key);
      const content = {
        contentType: oids.data,
        cipher: `aes-${key.length * 8}-gcm` as 'aes-256-gcm',
        keyLength: key.length,
        iv: hex(test.iv),
        tagLength: 16,
        octets: hex(test.ct),
      };
      return gives(hex(test.msg), () => openContent(content, key, hex(test.aad), hex(test.tag)));
    });
    expect(cases).toBe(316);
    const long = 'a nonce of 257 octets: OpenSSL takes 128 at most, and the engine fewer';
    expectExceptions(names, { 268: long, 272: long, 276: long });
  });
});
