import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  attribute,
  bag,
  certificateBag,
  encryptedSafe,
  indefinite,
  keyBag,
  pbes2,
  pfx,
  pfxWith,
  pfxWithMac,
  pfxWithPbmac1,
  plainSafe,
  scryptScheme,
  shroudedKeyBag,
  tripleDes,
} from '../../test/forge-pkcs12.ts';
import { issue } from '../../test/test-authority.ts';
import {
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeUtf8String,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { bmpPassword } from './password.ts';
import { readPkcs12 } from './read.ts';

const ca = await issue({ name: 'CA' });
const anna = await issue({ email: 'anna@example.com' }, ca);
const ben = await issue({ email: 'ben@example.com' }, ca);
const pkcs8 = ({ key }: typeof anna): Buffer => key.export({ format: 'der', type: 'pkcs8' });
const bmp = (text: string): Buffer => encodeElement(tag.bmpString, Buffer.from(text, 'utf16le').swap16());
const named = (text: string): Buffer => attribute(oids.friendlyName, bmp(text));
const labelled = (octets: string): Buffer => attribute(oids.localKeyId, encodeOctetString(Buffer.from(octets)));
const hex = (octets: Uint8Array | undefined): string => Buffer.from(octets ?? []).toString('hex');
const ofAnna = [keyBag(pkcs8(anna)), certificateBag(anna.certificate.der)] as const;

describe('bags and their attributes', () => {
  it('secrets, CRLs, SDSI certificates and unknown bags are left aside by name, what stands between them is read', async () => {
    const { keys, certificates, skipped } = await readPkcs12(
      pfx(
        plainSafe(
          bag(
            oids.secretBag,
            encodeSequence(encodeOid(oids.aes256Cbc), encodeExplicit(0, encodeOctetString(Buffer.of(1)))),
          ),
          ...ofAnna,
          bag(oids.crlBag, encodeSequence(encodeOid('1.2.840.113549.1.9.23.1'), encodeExplicit(0, encodeNull))),
          bag('1.3.6.1.4.1.1', encodeNull),
          bag(oids.certBag, encodeSequence(encodeOid('1.2.840.113549.1.9.22.2'), encodeExplicit(0, encodeNull))),
          bag(oids.secretBag, encodeNull),
          certificateBag(ca.certificate.der, named('the root')),
        ),
      ),
      '',
    );
    expect(keys.length).toBe(1);
    expect(hex(keys[0]?.certificate)).toBe(hex(anna.certificate.der));
    expect(certificates.map(({ friendlyName }) => friendlyName)).toEqual(['the root']);
    expect(skipped).toEqual(['secretBag', 'crlBag', '1.3.6.1.4.1.1', '1.2.840.113549.1.9.22.2']);
  });

  it('attributes of Microsoft and Java do not get in the way', async () => {
    const microsoft = [
      attribute('1.3.6.1.4.1.311.17.1', bmp('Microsoft Software Key Storage Provider')),
      // The mark of a machine's key has no value at all.
      attribute('1.3.6.1.4.1.311.17.2'),
      labelled('\x01\0\0\0'),
    ];
    const java = [attribute(oids.javaTrustedKeyUsage, encodeOid(oids.anyExtendedKeyUsage)), named('trusted')];
    const { keys, certificates } = await readPkcs12(
      pfx(
        plainSafe(
          keyBag(pkcs8(anna), named('te-0b\0'), ...microsoft),
          certificateBag(anna.certificate.der, labelled('\x01\0\0\0')),
        ),
        plainSafe(certificateBag(ca.certificate.der, ...java)),
      ),
      '',
    );
    expect(keys.map(({ friendlyName }) => friendlyName)).toEqual(['te-0b']);
    expect(certificates).toMatchObject([{ friendlyName: 'trusted', javaTrusted: true }]);
  });

  it('a name may be of another string type, and is that of the certificate where the key has none', async () => {
    const utf8 = attribute(oids.friendlyName, encodeUtf8String('Añna'));
    const { keys } = await readPkcs12(
      pfx(plainSafe(keyBag(pkcs8(anna)), certificateBag(anna.certificate.der, utf8))),
      '',
    );
    expect(keys[0]?.friendlyName).toBe('Añna');
  });

  it('SafeContents may be nested, but not without end', async () => {
    const nested = (depth: number): Buffer =>
      depth === 0 ? ofAnna[0] : bag(oids.safeContentsBag, encodeSequence(nested(depth - 1), ofAnna[1]));
    expect((await readPkcs12(pfx(plainSafe(nested(2))), '')).keys.length).toBe(1);
    await expect(readPkcs12(pfx(plainSafe(nested(limits.pkcs12Depth + 1))), '')).rejects.toMatchObject({
      code: 'limit-exceeded',
    });
  });

  it('of bags there may be so many', async () => {
    const many = pfx(
      plainSafe(...Array.from({ length: limits.pkcs12Bags + 1 }, () => certificateBag(Buffer.of(5, 0)))),
    );
    await expect(readPkcs12(many, '')).rejects.toMatchObject({ code: 'limit-exceeded' });
  });
});

describe('which certificate belongs to which key', () => {
  const read = (...bags: Buffer[]) => readPkcs12(pfx(plainSafe(...bags)), '');

  it('is decided by the public key, whatever the labels say', async () => {
    const { keys } = await read(
      keyBag(pkcs8(anna), labelled('1')),
      keyBag(pkcs8(ben), labelled('2')),
      certificateBag(anna.certificate.der, labelled('2')),
      certificateBag(ben.certificate.der, labelled('1')),
    );
    expect(keys.map(({ certificate }) => hex(certificate))).toEqual([
      hex(anna.certificate.der),
      hex(ben.certificate.der),
    ]);
  });

  it('among several of one key by the label', async () => {
    const renewed = await issue({ email: 'anna@example.com', of: anna }, ca);
    const { keys, certificates } = await read(
      certificateBag(anna.certificate.der, labelled('old')),
      certificateBag(renewed.certificate.der, labelled('new')),
      keyBag(pkcs8(anna), labelled('new')),
    );
    expect(hex(keys[0]?.certificate)).toBe(hex(renewed.certificate.der));
    expect(certificates.map(({ certificate }) => hex(certificate))).toEqual([hex(anna.certificate.der)]);
  });

  it('by the label alone where a key or a certificate cannot be loaded', async () => {
    const strange = encodeSequence(
      encodeInteger(0),
      encodeSequence(encodeOid('1.3.6.1.4.1.1')),
      encodeOctetString(Buffer.of(1)),
    );
    const { keys, certificates } = await read(
      certificateBag(anna.certificate.der, labelled('other')),
      certificateBag(Buffer.from('3003020101', 'hex'), labelled('it')),
      keyBag(strange, labelled('it')),
      keyBag(pkcs8(ben), labelled('it')),
    );
    expect(keys.map(({ certificate }) => hex(certificate))).toEqual(['3003020101', '']);
    expect(certificates.length).toBe(1);
  });

  it('and a key may have none', async () => {
    const { keys, certificates } = await read(
      keyBag(pkcs8(anna), labelled('1')),
      certificateBag(ca.certificate.der, labelled('1')),
    );
    expect(keys.map(({ certificate }) => certificate)).toEqual([undefined]);
    expect(certificates.length).toBe(1);
  });
});

describe('passwords', () => {
  const protectedBy = async (octets: Buffer): Promise<Buffer> => {
    const scheme = await tripleDes(octets);
    return pfxWithMac(octets, [
      encryptedSafe(scheme, encodeSequence(ofAnna[1])),
      plainSafe(shroudedKeyBag(scheme, pkcs8(anna))),
    ]);
  };

  it('none may be two zero octets or no octet', async () => {
    for (const octets of [Buffer.alloc(2), Buffer.alloc(0)]) {
      const der = await protectedBy(octets);
      expect((await readPkcs12(der, '')).keys[0]?.certificate).toBeDefined();
      await expect(readPkcs12(der, 'x')).rejects.toMatchObject({ code: 'wrong-password' });
    }
  });

  it('beyond ASCII are UTF-16, or octets of UTF-8 widened as OpenSSL once did', async () => {
    for (const octets of [bmpPassword('Größe €'), bmpPassword(Buffer.from('Größe €').toString('latin1'))]) {
      const der = await protectedBy(octets);
      expect((await readPkcs12(der, 'Größe €')).keys.length).toBe(1);
      await expect(readPkcs12(der, 'Grösse €')).rejects.toMatchObject({ code: 'wrong-password' });
    }
  });

  it('of PBES2 are UTF-8, or UTF-16 as NSS once did, or Latin-1', async () => {
    for (const octets of [Buffer.from('Größe'), bmpPassword('Größe'), Buffer.from('Größe', 'latin1')]) {
      const scheme = await pbes2(octets);
      const safes = [encryptedSafe(scheme, encodeSequence(...ofAnna))];
      expect((await readPkcs12(await pfxWithMac(bmpPassword('Größe'), safes), 'Größe')).keys.length).toBe(1);
      expect((await readPkcs12(pfx(...safes), 'Größe')).keys.length).toBe(1);
    }
  });

  it('that are wrong never show as anything else where there is no MAC', async () => {
    for (const scheme of [await pbes2(Buffer.from('right')), await tripleDes(bmpPassword('right'))]) {
      const der = pfx(encryptedSafe(scheme, encodeSequence(...ofAnna)));
      expect((await readPkcs12(der, 'right')).keys.length).toBe(1);
      const codes = new Set<string>();
      for (let n = 0; n < 800; n++)
        codes.add(await readPkcs12(der, `wrong ${n}`).then(String, (error: SmimeError) => error.code));
      expect([...codes]).toEqual(['wrong-password']);
    }
  });

  it('of a file under scrypt open it', async () => {
    const scheme = await scryptScheme('right');
    const der = pfx(encryptedSafe(scheme, encodeSequence(...ofAnna)));
    expect((await readPkcs12(der, 'right')).keys.length).toBe(1);
    await expect(readPkcs12(der, 'wrong')).rejects.toMatchObject({ code: 'wrong-password' });
  });
});

describe('PBMAC1', () => {
  const safes = [plainSafe(...ofAnna)];

  it('holds or does not', async () => {
    const der = await pfxWithPbmac1('right', safes, { keyLength: 32 });
    expect((await readPkcs12(der, 'right')).keys.length).toBe(1);
    await expect(readPkcs12(der, 'wrong')).rejects.toMatchObject({ code: 'wrong-password' });
    expect((await readPkcs12(await pfxWithPbmac1('right', safes, { keyLength: 64 }), 'right')).keys.length).toBe(1);
  });

  it('has a key whose length is said and no joke (RFC 9879 9)', async () => {
    const refused = expect.objectContaining({ code: 'unexpected-structure' });
    expect((await readPkcs12(await pfxWithPbmac1('right', safes, { keyLength: 20 }), 'right')).keys.length).toBe(1);
    await expect(readPkcs12(await pfxWithPbmac1('right', safes, { keyLength: 19 }), 'right')).rejects.toEqual(refused);
    await expect(readPkcs12(await pfxWithPbmac1('right', safes, { keyLength: 1 }), 'right')).rejects.toEqual(refused);
    const unsaid = await pfxWithPbmac1('right', safes, { keyLength: 32, unsaid: true });
    await expect(readPkcs12(unsaid, 'right')).rejects.toEqual(refused);
  });
});

describe('BER', () => {
  const pieces = (octets: Uint8Array): Buffer[] => [
    encodeOctetString(octets.subarray(0, 100)),
    indefinite(tag.octetString, encodeOctetString(octets.subarray(100, 101)), encodeOctetString(octets.subarray(101))),
  ];
  const berBag = (type: string, value: Uint8Array): Buffer =>
    indefinite(0x30, encodeOid(type), indefinite(0xa0, value));

  it('is read wherever it may stand: outside, in the ciphertext and in what was encrypted', async () => {
    const scheme = await tripleDes(bmpPassword('right'));
    const contents = indefinite(
      0x30,
      berBag(
        oids.certBag,
        indefinite(
          0x30,
          encodeOid(oids.x509CertificateBag),
          indefinite(0xa0, indefinite(tag.octetString, ...pieces(anna.certificate.der))),
        ),
      ),
      berBag(oids.shroudedKeyBag, indefinite(0x30, scheme.algorithm, encodeOctetString(scheme.encrypt(pkcs8(anna))))),
    );
    const encrypted = indefinite(
      0x30,
      encodeInteger(0),
      indefinite(0x30, encodeOid(oids.data), scheme.algorithm, indefinite(0xa0, ...pieces(scheme.encrypt(contents)))),
    );
    const safes = indefinite(0x30, indefinite(0x30, encodeOid(oids.encryptedData), indefinite(0xa0, encrypted)));
    const content = indefinite(tag.octetString, ...pieces(safes));
    const der = indefinite(0x30, encodeInteger(3), indefinite(0x30, encodeOid(oids.data), indefinite(0xa0, content)));
    const { keys } = await readPkcs12(der, 'right');
    expect(hex(keys[0]?.privateKey)).toBe(hex(pkcs8(anna)));
    expect(hex(keys[0]?.certificate)).toBe(hex(anna.certificate.der));
  });
});

describe('what is not opened', () => {
  const other = (type: string): Buffer => encodeSequence(encodeOid(type), encodeExplicit(0, encodeSequence()));

  it('files protected with a key instead of a password, by name', async () => {
    await expect(readPkcs12(pfx(other(oids.envelopedData)), '')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('public-key privacy mode'),
    });
    await expect(readPkcs12(encodeSequence(encodeInteger(3), other(oids.signedData)), '')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('public-key integrity mode'),
    });
    for (const der of [pfx(other(oids.digestedData)), encodeSequence(encodeInteger(3), other(oids.digestedData))])
      await expect(readPkcs12(der, '')).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('ciphers, derivations and MACs we do not have, by their identifiers', async () => {
    const shrouded = (...algorithm: Uint8Array[]) =>
      pfx(
        plainSafe(
          bag(oids.shroudedKeyBag, encodeSequence(encodeSequence(...algorithm), encodeOctetString(Buffer.alloc(16)))),
        ),
      );
    const mac = encodeSequence(
      encodeSequence(encodeSequence(encodeOid('1.2.3.4'), encodeNull), encodeOctetString(Buffer.alloc(8))),
      encodeOctetString(Buffer.alloc(8)),
    );
    const aes = encodeSequence(encodeOid(oids.aes256Cbc), encodeOctetString(Buffer.alloc(16)));
    for (const [der, identifier] of [
      [
        shrouded(encodeOid(oids.pbeSha1Rc4128), encodeSequence(encodeOctetString(Buffer.alloc(8)), encodeInteger(1))),
        oids.pbeSha1Rc4128,
      ],
      [shrouded(encodeOid(oids.pbes2), encodeSequence(encodeSequence(encodeOid('1.2.3.4')), aes)), '1.2.3.4'],
      [
        shrouded(encodeOid(oids.pbes2), encodeSequence(encodeSequence(), encodeSequence(encodeOid('1.2.3.5')))),
        '1.2.3.5',
      ],
      [pfxWith(encodeSequence(), mac), '1.2.3.4'],
    ] as const)
      await expect(readPkcs12(der, 'x')).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining(` ${identifier} `),
      });
  });

  it('other versions, and what is no PKCS#12 at all', async () => {
    await expect(readPkcs12(encodeSequence(encodeInteger(1)), '')).rejects.toMatchObject({ code: 'unsupported' });
    for (const bytes of [
      Buffer.alloc(0),
      encodeSequence(),
      encodeElement(0x30, Buffer.alloc(50, 0x30)),
      anna.certificate.der,
    ])
      await expect(readPkcs12(bytes, '')).rejects.toThrow(SmimeError);
  });
});

describe('bombs', () => {
  const refused = expect.objectContaining({ code: 'limit-exceeded' });
  const quickly = async (work: () => Promise<unknown>): Promise<void> => {
    const start = performance.now();
    await expect(work()).rejects.toEqual(refused);
    expect(performance.now() - start).toBeLessThan(1_000);
  };

  it('absurd iteration counts are not begun', async () => {
    const key = pkcs8(anna);
    const octets = bmpPassword('x');
    const stated = encodeSequence(
      encodeSequence(encodeSequence(encodeOid(oids.sha256), encodeNull), encodeOctetString(Buffer.alloc(32))),
      encodeOctetString(Buffer.alloc(8)),
      encodeInteger(2_000_000_000),
    );
    await quickly(() => readPkcs12(pfxWith(encodeSequence(), stated), 'x'));
    for (const scheme of [
      await pbes2(Buffer.from('x'), 2_000_000_000),
      await tripleDes(octets, 2_000_000_000),
      await scryptScheme('x', { N: 2 ** 30, r: 8, p: 1 }),
      await scryptScheme('x', { N: 2 ** 14, r: 8, p: 2 ** 20 }),
    ])
      await quickly(() => readPkcs12(pfx(plainSafe(shroudedKeyBag(scheme, key))), 'x'));
  });

  it('nor many that are small one by one', async () => {
    const scheme = await tripleDes(bmpPassword('x'), 2);
    const dear = await tripleDes(bmpPassword('x'), 300_000);
    const cheap = Array.from({ length: 200 }, () => shroudedKeyBag(scheme, pkcs8(anna)));
    expect((await readPkcs12(pfx(plainSafe(...cheap)), 'x')).keys.length).toBe(200);
    await expect(readPkcs12(pfx(plainSafe(shroudedKeyBag(dear, pkcs8(anna)))), 'x', { work: 100_000 })).rejects.toEqual(
      refused,
    );
    await expect(readPkcs12(pfx(plainSafe(...cheap)), 'x', { work: 1_000 })).rejects.toEqual(refused);
  });

  it('a count of nothing is no derivation', async () => {
    const algorithm = encodeSequence(
      encodeOid(oids.pbeSha1TripleDes),
      encodeSequence(encodeOctetString(Buffer.alloc(8)), encodeInteger(0)),
    );
    const none = { algorithm, encrypt: () => Buffer.alloc(16) };
    await expect(readPkcs12(pfx(plainSafe(shroudedKeyBag(none, pkcs8(anna)))), 'x')).rejects.toMatchObject({
      code: 'unexpected-structure',
    });
  });

  it('thousands of certificates and hundreds of keys are not compared each with each', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = keyBag(privateKey.export({ format: 'der', type: 'pkcs8' }), labelled('same'));
    const certificate = certificateBag(anna.certificate.der, labelled('same'));
    const bags = (keys: number): Buffer[] =>
      Array.from({ length: limits.pkcs12Bags - 1 }, (_, n) => (n < keys ? key : certificate));
    const start = performance.now();
    const { keys, certificates } = await readPkcs12(pfx(plainSafe(...bags(limits.pkcs12Keys))), '');
    expect(performance.now() - start).toBeLessThan(20_000);
    expect([keys.length, certificates.length]).toEqual([256, 1743]);
    await expect(readPkcs12(pfx(plainSafe(...bags(limits.pkcs12Keys + 1))), '')).rejects.toEqual(refused);
  });
});
