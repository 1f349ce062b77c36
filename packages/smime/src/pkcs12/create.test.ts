import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { issue } from '../../test/test-authority.ts';
import {
  DerReader,
  encodeImplicit,
  encodeInteger,
  encodeOctetString,
  encodeSequence,
  readOnly,
  tag,
} from '../asn1/der.ts';
import { SmimeError } from '../errors.ts';
import { signatureAlgorithmFor } from '../keys/algorithms.ts';
import { assembleSigned, buildTbsCertificate } from '../x509/certificate.ts';
import { buildName } from '../x509/name.ts';
import { createPkcs12, type Pkcs12Input } from './create.ts';
import { readPkcs12 } from './read.ts';

const ca = await issue({ name: 'CA' });
const first = await issue({ email: 'a@example.com' }, ca);
const second = await issue({ email: 'b@example.com' }, ca);
const pkcs8 = (party: typeof first): Buffer => party.key.export({ format: 'der', type: 'pkcs8' });
const entry = (party: typeof first) => ({ privateKey: pkcs8(party), certificate: party.certificate.der });
const password = 'correct horse';

describe('a PKCS#12 file that we write', () => {
  for (const profile of ['modern', 'pbmac1', 'compat'] as const) {
    it(`${profile}: holds several keys, their names and the chain`, async () => {
      const der = await createPkcs12({
        entries: [{ ...entry(first), friendlyName: 'Größe 😀' }, entry(second)],
        chain: [ca.certificate.der, first.certificate.der, ca.certificate.der],
        password,
        profile,
      });
      const content = await readPkcs12(der, password);
      expect(content.keys.map(({ friendlyName }) => friendlyName)).toEqual(['Größe 😀', undefined]);
      for (const [index, party] of [first, second].entries()) {
        expect(Buffer.from(content.keys[index]?.privateKey ?? [])).toEqual(pkcs8(party));
        expect(Buffer.from(content.keys[index]?.certificate ?? [])).toEqual(Buffer.from(party.certificate.der));
      }
      expect(content.certificates.map(({ certificate }) => Buffer.from(certificate))).toEqual([
        Buffer.from(ca.certificate.der),
      ]);
      expect(content.skipped).toEqual([]);
      await expect(readPkcs12(der, 'Correct horse')).rejects.toMatchObject({ code: 'wrong-password' });
      await expect(readPkcs12(der, '')).rejects.toMatchObject({ code: 'wrong-password' });
      const altered = Buffer.from(der);
      altered[200] = (altered[200] ?? 0) ^ 1;
      await expect(readPkcs12(altered, password)).rejects.toThrow(SmimeError);
    });

    // OpenSSL reads PBMAC1 from 3.4 on; Node.js 24 has 3.5.
    it.skipIf(profile === 'pbmac1' && /^3\.[0-3]\./.test(process.versions.openssl))(
      `${profile}: the OpenSSL inside Node.js opens it with this password and no other`,
      async () => {
        const pfx = Buffer.from(
          await createPkcs12({ ...entry(first), chain: [ca.certificate.der], password, profile, friendlyName: 'A' }),
        );
        expect(() => createSecureContext({ pfx, passphrase: password })).not.toThrow();
        expect(() => createSecureContext({ pfx, passphrase: 'wrong' })).toThrow(/mac verify failure/i);
      },
    );
  }

  it('is not the same twice, and never holds the key in the clear', async () => {
    const input: Pkcs12Input = { ...entry(first), password, profile: 'modern' };
    const [a, b] = [await createPkcs12(input), await createPkcs12(input)];
    expect(Buffer.from(a).equals(Buffer.from(b))).toBe(false);
    expect(Buffer.from(a).includes(pkcs8(first).subarray(-40))).toBe(false);
  });

  it('is refused where key and certificate do not belong together, or the password is none', async () => {
    const base = { ...entry(first), password, profile: 'modern' } as const;
    const refused = expect.objectContaining({ code: 'invalid-argument' });
    await expect(createPkcs12({ ...base, privateKey: pkcs8(second) })).rejects.toEqual(refused);
    await expect(createPkcs12({ ...base, privateKey: Buffer.from('3000', 'hex') })).rejects.toEqual(refused);
    await expect(createPkcs12({ ...base, password: '' })).rejects.toEqual(refused);
    await expect(createPkcs12({ ...base, password: 'pässword' })).rejects.toThrow(/must be ASCII and not empty/);
    await expect(createPkcs12({ entries: [], password, profile: 'modern' })).rejects.toEqual(refused);
  });

  it('cut short anywhere is an SmimeError', async () => {
    const der = await createPkcs12({ ...entry(first), password, profile: 'compat' });
    for (let length = 0; length < der.length; length += 7)
      await expect(readPkcs12(der.subarray(0, length), password)).rejects.toThrow(SmimeError);
  });
});

/** Also for keys that no request is signed with: the CA's word is enough. */
async function certify(publicKey: KeyObject): Promise<Uint8Array> {
  const algorithm = signatureAlgorithmFor('p256', 'sha256');
  const tbs = buildTbsCertificate({
    serialNumber: '77',
    signatureAlgorithm: algorithm,
    issuer: ca.certificate.subject,
    subject: buildName([{ type: 'commonName', value: 'Key of some kind' }]),
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2027-01-01T00:00:00Z'),
    spki: publicKey.export({ format: 'der', type: 'spki' }),
    extensions: [],
  });
  return assembleSigned(tbs, algorithm, await ca.signer.sign(tbs, 'sha256'));
}

/** A PKCS#8 with the other two forms of an ML-DSA or ML-KEM key (RFC 9881 6, RFC 9935 6), out of the one with both. */
function otherForms(both: Buffer): { seed: Buffer; expanded: Buffer } {
  const info = readOnly(both, 'PKCS#8');
  info.skip(tag.integer);
  const algorithm = info.element();
  const pair = new DerReader(info.octetString()).enter();
  const [seed, expanded] = [pair.octetString(), pair.octetString()];
  const wrap = (key: Uint8Array) => encodeSequence(encodeInteger(0), algorithm, encodeOctetString(key));
  return { seed: wrap(encodeImplicit(0, seed)), expanded: wrap(encodeOctetString(expanded)) };
}

describe('keys of every kind', () => {
  const round = async (privateKey: Uint8Array): Promise<void> => {
    const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
    const certificate = await certify(createPublicKey(key));
    const der = await createPkcs12({ privateKey, certificate, password, profile: 'pbmac1' });
    const { keys, certificates } = await readPkcs12(der, password);
    expect(certificates).toEqual([]);
    expect(Buffer.from(keys[0]?.privateKey ?? []).equals(privateKey)).toBe(true);
    expect(Buffer.from(keys[0]?.certificate ?? []).equals(certificate)).toBe(true);
  };
  const made = (pair: { privateKey: KeyObject }): Buffer => pair.privateKey.export({ format: 'der', type: 'pkcs8' });

  it.each<[string, () => { privateKey: KeyObject }]>([
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
    [
      'RSASSA-PSS',
      () =>
        generateKeyPairSync('rsa-pss', {
          modulusLength: 2048,
          hashAlgorithm: 'sha256',
          mgf1HashAlgorithm: 'sha256',
        }),
    ],
    ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
    ['Ed25519', () => generateKeyPairSync('ed25519')],
    ['Ed448', () => generateKeyPairSync('ed448')],
    ['X25519', () => generateKeyPairSync('x25519')],
    ['X448', () => generateKeyPairSync('x448')],
  ])('%s', async (_, generate) => {
    await round(made(generate()));
  });

  it.each<[string, () => { privateKey: KeyObject }]>([
    ['ML-DSA-44', () => generateKeyPairSync('ml-dsa-44')],
    ['ML-DSA-65', () => generateKeyPairSync('ml-dsa-65')],
    ['ML-DSA-87', () => generateKeyPairSync('ml-dsa-87')],
    ['ML-KEM-512', () => generateKeyPairSync('ml-kem-512')],
    ['ML-KEM-768', () => generateKeyPairSync('ml-kem-768')],
    ['ML-KEM-1024', () => generateKeyPairSync('ml-kem-1024')],
  ])('%s, as seed, as expanded key and as both', async (_, generate) => {
    const both = made(generate());
    const { seed, expanded } = otherForms(both);
    expect(new Set([seed.length, expanded.length, both.length]).size).toBe(3);
    for (const form of [both, seed, expanded]) await round(form);
  });
});
