import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { describeCorpus } from '../../test/corpora.ts';
import { issue } from '../../test/test-authority.ts';
import {
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  readOnly,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { createPkcs12, type Pkcs12Input } from './create.ts';
import { derivePkcs12, purpose } from './derive.ts';
import { bmpPassword } from './password.ts';
import { decryptRc2Cbc } from './rc2.ts';
import { readPkcs12 } from './read.ts';

const ca = await issue({ name: 'CA' });
const first = await issue({ email: 'a@example.com' }, ca);
const second = await issue({ email: 'b@example.com' }, ca);
const pkcs8 = (party: typeof first): Buffer => party.key.export({ format: 'der', type: 'pkcs8' });
const entry = (party: typeof first) => ({ privateKey: pkcs8(party), certificate: party.certificate.der });
const password = 'correct horse';

describe('PKCS#12', () => {
  for (const profile of ['modern', 'compat'] as const) {
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
      await expect(readPkcs12(der, 'Correct horse')).rejects.toMatchObject({ code: 'wrong-password' });
      await expect(readPkcs12(der, '')).rejects.toMatchObject({ code: 'wrong-password' });
      const altered = Buffer.from(der);
      altered[200] = (altered[200] ?? 0) ^ 1;
      await expect(readPkcs12(altered, password)).rejects.toThrow(SmimeError);
    });
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
    await expect(createPkcs12({ ...base, password: 'pässword' })).rejects.toEqual(refused);
    await expect(createPkcs12({ entries: [], password, profile: 'modern' })).rejects.toEqual(refused);
  });

  it('throws SmimeError for every prefix', async () => {
    const der = await createPkcs12({ ...entry(first), password, profile: 'compat' });
    for (let length = 0; length < der.length; length += 7)
      await expect(readPkcs12(der.subarray(0, length), password)).rejects.toThrow(SmimeError);
  });

  it('does not start on absurd iteration counts', async () => {
    const mac = (iterations: number): Buffer =>
      encodeSequence(
        encodeSequence(encodeSequence(encodeOid(oids.sha256), encodeNull), encodeOctetString(Buffer.alloc(32))),
        encodeOctetString(Buffer.alloc(8)),
        encodeInteger(iterations),
      );
    const pfx = (iterations: number): Buffer =>
      encodeSequence(
        encodeInteger(3),
        encodeSequence(encodeOid(oids.data), encodeExplicit(0, encodeOctetString(encodeSequence()))),
        mac(iterations),
      );
    await expect(readPkcs12(pfx(2_000_000_000), password)).rejects.toMatchObject({ code: 'limit-exceeded' });
    await expect(readPkcs12(pfx(0), password)).rejects.toMatchObject({ code: 'unexpected-structure' });
    await expect(readPkcs12(pfx(1), password)).rejects.toMatchObject({ code: 'wrong-password' });
  });

  it('is read in BER with indefinite lengths as well', async () => {
    const der = await createPkcs12({ ...entry(first), password, profile: 'modern' });
    const outer = readOnly(der, 'pfx');
    const version = outer.element();
    const safe = readOnly(outer.element(), 'safe');
    const type = safe.element();
    const content = readOnly(safe.element(), 'content', 0xa0).octetString();
    const chunks = [encodeOctetString(content.subarray(0, 100)), encodeOctetString(content.subarray(100))];
    const end = Buffer.alloc(2);
    const open = (tag: number) => Buffer.of(tag, 0x80);
    const ber = Buffer.concat([
      open(0x30),
      version,
      open(0x30),
      type,
      open(0xa0),
      open(0x24),
      ...chunks,
      end,
      end,
      end,
      outer.element(),
      end,
    ]);
    expect((await readPkcs12(ber, password)).keys.length).toBe(1);
  });

  it('takes RSA and Ed25519 keys as well', async () => {
    for (const { privateKey } of [
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      generateKeyPairSync('ed25519'),
    ]) {
      const party = await issue({ email: 'k@example.com', of: { ...first, key: privateKey } }, ca);
      const content = await readPkcs12(await createPkcs12({ ...entry(party), password, profile: 'modern' }), password);
      const found = createPrivateKey({
        key: Buffer.from(content.keys[0]?.privateKey ?? []),
        format: 'der',
        type: 'pkcs8',
      });
      expect(found.equals(privateKey)).toBe(true);
    }
  });
});

describe('the primitives of old', () => {
  it('RC2 decrypts the vectors of RFC 2268 section 5', () => {
    for (const [key, bits, plain, cipher] of [
      ['0000000000000000', 63, '0000000000000000', 'ebb773f993278eff'],
      ['ffffffffffffffff', 64, 'ffffffffffffffff', '278b27e42e2f0d49'],
      ['3000000000000000', 64, '1000000000000001', '30649edf9be7d2c2'],
      ['88bca90e90875a', 64, '0000000000000000', '6ccf4308974c267f'],
      ['88bca90e90875a7f0f79c384627bafb2', 64, '0000000000000000', '1a807d272bbe5db1'],
      ['88bca90e90875a7f0f79c384627bafb2', 128, '0000000000000000', '2269552ab0f85ca6'],
    ] as const) {
      // One block has no padding of its own: an IV that turns the plain block into eight times 08 shows whether it decrypts.
      const iv = Buffer.from(Buffer.from(plain, 'hex').map((octet) => octet ^ 8));
      expect(decryptRc2Cbc(Buffer.from(key, 'hex'), bits, iv, Buffer.from(cipher, 'hex'))?.length, cipher).toBe(0);
    }
    expect(decryptRc2Cbc(Buffer.alloc(5, 1), 40, Buffer.alloc(8), Buffer.alloc(7))).toBeUndefined();
  });

  it('the derivation of RFC 7292 B.2 gives the known values', async () => {
    const derive = (text: string, salt: string, iterations: number, length: number, use: number) =>
      derivePkcs12(bmpPassword(text), Buffer.from(salt, 'hex'), iterations, length, use, 'sha1').then((key) =>
        key.toString('hex'),
      );
    expect(await derive('smeg', '0a58cf64530d823f', 1, 24, purpose.key)).toBe(
      '8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3',
    );
    expect(await derive('smeg', '0a58cf64530d823f', 1, 8, purpose.iv)).toBe('79993dfe048d3b76');
    expect(await derive('queeg', '05dec959acff72f7', 1000, 24, purpose.key)).toBe(
      'ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4',
    );
    expect(await derive('queeg', '05dec959acff72f7', 1000, 8, purpose.iv)).toBe('11dedad7758d4860');
  });
});

describeCorpus('pyca-vectors', 'PKCS#12 files that others made', (corpus) => {
  const passwordOf = (name: string): string =>
    /no-pwd|no-password|truststore/.test(name) ? '' : /pwd/.test(name) ? 'password' : 'cryptography';
  const names = corpus.names('pkcs12', /\.p12$/);

  it.each(names)('%s opens', async (name) => {
    const content = await readPkcs12(corpus.bytes(name), passwordOf(name));
    const expectedKeys = /truststore|no-key|no-cert-name|no-cert-no-name/.test(name) ? 0 : 1;
    expect(content.keys.length).toBe(expectedKeys);
    expect(content.keys.length + content.certificates.length).toBeGreaterThan(0);
    for (const { privateKey } of content.keys)
      createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
    const broken = await readPkcs12(corpus.bytes(name), 'not the password').catch((error: unknown) => error);
    expect(broken).toMatchObject({ code: 'wrong-password' });
  });

  it('there are enough of them', () => {
    expect(names.length).toBeGreaterThanOrEqual(30);
  });

  it('keep their names', async () => {
    const content = await readPkcs12(corpus.bytes('pkcs12/name-unicode-pwd.p12'), 'password');
    expect(content.keys[0]?.friendlyName).toBe('☺');
  });
});

describe('what is no PKCS#12', () => {
  it('is refused with SmimeError', async () => {
    for (const bytes of [
      Buffer.alloc(0),
      encodeSequence(),
      encodeSequence(encodeInteger(1)),
      encodeElement(0x30, Buffer.alloc(50, 0x30)),
    ]) {
      await expect(readPkcs12(bytes, password)).rejects.toThrow(SmimeError);
    }
  });
});
