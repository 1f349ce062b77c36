/** Every way to sign, read back: kinds of key, hashes, paddings, several signers, signatures upon signatures, what is said beside. */
import { beforeAll, describe, expect, it } from 'vitest';
import { contextConstructed, encodeElement, encodeInteger, encodeOctetString, encodeOid } from '../src/asn1/der.ts';
import { encodeAttribute } from '../src/cms/attributes.ts';
import { readContentInfo } from '../src/cms/content-info.ts';
import { encodeIssuerAndSerial } from '../src/cms/identifier.ts';
import { encodeSignerInfo, readSignedData } from '../src/cms/signed-data.ts';
import {
  type Capability,
  type HashName,
  type KeyKind,
  oids,
  type SignerInput,
  scanMessage,
  signContent,
  signMessage,
  verifyContent,
  verifyMessage,
} from '../src/index.ts';
import { attributes, clear, digestOf, signedData, signerInfo, text } from './forge.ts';
import { codes, type Holder, issue, mail, now } from './office.ts';

const content = Buffer.from('Pay 10 euros to Bob.');
const kinds: readonly KeyKind[] = [
  'rsa',
  'rsa-pss',
  'p256',
  'p384',
  'p521',
  'ed25519',
  'ed448',
  'ml-dsa-44',
  'ml-dsa-65',
  'ml-dsa-87',
];
const hashes: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

let root: Holder;
const holders = new Map<KeyKind, Holder>();
const holder = (kind: KeyKind): Holder => holders.get(kind) as Holder;
beforeAll(async () => {
  root = await issue({ ca: true });
  for (const kind of kinds) holders.set(kind, await issue({ kind, email: 'alice@example.org' }, root));
});

const sign = (...signers: readonly SignerInput[]) => signContent({ content, signers, signingTime: now });
const judge = (der: Uint8Array, legacy = false) => verifyContent({ der, anchors: [root.certificate], at: now, legacy });

describe.each(kinds)('a %s key', (kind) => {
  it('signs, with the hash that fits it', async () => {
    const report = await judge(await sign(holder(kind)));
    expect(report).toMatchObject({ valid: true, problems: [] });
    expect(report.signers).toMatchObject([{ signature: 'valid', problems: [] }]);
    const digests: Partial<Record<KeyKind, string>> = { rsa: 'SHA-256', 'rsa-pss': 'SHA-256', p256: 'SHA-256' };
    const other = kind === 'p384' ? 'SHA-384' : kind === 'ed448' ? 'SHAKE256' : 'SHA-512';
    expect(report.signers[0]?.digestAlgorithm).toBe(digests[kind] ?? other);
  });

  it('signs with the hash that is asked for, or refuses', async () => {
    const tooWeak = { 'ml-dsa-65': ['sha256'], 'ml-dsa-87': ['sha256', 'sha384'] } as Partial<
      Record<KeyKind, string[]>
    >;
    for (const hash of hashes) {
      const attempt = sign({ ...holder(kind), hash });
      if (tooWeak[kind]?.includes(hash)) await expect(attempt).rejects.toMatchObject({ code: 'invalid-argument' });
      else expect(await judge(await attempt)).toMatchObject({ valid: true, problems: [] });
    }
  });

  it('does not vouch for another content, nor for other attributes', async () => {
    const der = Buffer.from(await sign(holder(kind)));
    const at = der.indexOf(content);
    der[at] = (der[at] ?? 0) ^ 1;
    expect((await judge(der)).signers[0]).toMatchObject({ signature: 'invalid' });
    der[at] = (der[at] ?? 0) ^ 1;
    expect((await judge(der)).signers[0]).toMatchObject({ signature: 'valid' });
    const time = der.indexOf(Buffer.from('260615120000Z'));
    der[time + 1] = 0x37;
    expect((await judge(der)).signers[0]).toMatchObject({ signature: 'invalid' });
  });
});

describe('RSASSA-PSS', () => {
  it.each(hashes)('with %s, named by its parameters', async (hash) => {
    for (const kind of ['rsa', 'rsa-pss'] as const) {
      const report = await judge(await sign({ ...holder(kind), hash, padding: 'pss' }));
      expect(report).toMatchObject({ valid: true });
      expect(report.signers[0]?.signatureAlgorithm).toBe(`RSA-PSS with ${hash.replace('sha', 'SHA-')}`);
    }
  });
});

describe('several signers', () => {
  it('a dual signature: classical and post-quantum, both in one message', async () => {
    const [classical, postQuantum] = [holder('p256'), holder('ml-dsa-65')];
    for (const form of ['clear', 'opaque'] as const) {
      const message = await signMessage({
        message: mail(),
        signers: [classical, postQuantum],
        form,
        signingTime: now,
      });
      const report = await verifyMessage({ message, anchors: [root.certificate], at: now });
      expect(report).toMatchObject({ verdict: 'valid', problems: [] });
      expect(report.signers.map(({ signatureAlgorithm }) => signatureAlgorithm).sort()).toEqual([
        'ECDSA with SHA-256',
        'ML-DSA-65',
      ]);
      if (form === 'clear') expect(scanMessage(message).contentType.parameters.get('micalg')).toBe('sha-256,sha-512');
    }
  });

  it('each with hash, padding and chain of its own; a certificate is carried once', async () => {
    const der = await sign(
      { ...holder('rsa'), padding: 'pss', hash: 'sha512', chain: [root.certificate] },
      { ...holder('rsa'), chain: [root.certificate] },
      { ...holder('p384'), chain: [root.certificate] },
    );
    expect(await judge(der)).toMatchObject({ valid: true });
    const data = readSignedData(readContentInfo(der).content);
    expect(data.certificates).toHaveLength(3);
    expect(data.signers).toHaveLength(3);
    expect([...data.digestAlgorithms].sort()).toEqual([oids.sha256, oids.sha384, oids.sha512].sort());
  });

  it('one that is wrong makes the whole invalid', async () => {
    const good = await signerInfo(holder('p256'), attributes(text));
    const bad = await signerInfo(holder('p256'), attributes('Content-Type: text/plain\r\n\r\nanother'));
    const report = await judge(signedData([good, bad], [holder('p256')], text));
    expect(report.valid).toBe(false);
    expect(report.signers.map(({ signature }) => signature).sort()).toEqual(['invalid', 'valid']);
  });

  it('none, and a key that is not the certificate’s', async () => {
    await expect(sign()).rejects.toMatchObject({ code: 'invalid-argument' });
    const mixed = { signer: holder('p256').signer, certificate: holder('p384').certificate };
    await expect(sign(holder('p256'), mixed)).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

describe('signatures upon a signature', () => {
  /** A SignerInfo by a P-256 holder over the octets of another's signature. */
  const upon = async (signature: Uint8Array, by: Holder, own: readonly Uint8Array[] = []): Promise<Buffer> => {
    const list = [encodeAttribute(oids.messageDigest, encodeOctetString(digestOf(signature)))];
    return signerInfo(by, list, own.length === 0 ? {} : { unsigned: counterSigned(own) });
  };
  const counterSigned = (infos: readonly Uint8Array[]): Buffer =>
    encodeElement(
      contextConstructed(1),
      encodeElement(0x30, encodeOid(oids.counterSignature), encodeElement(0x31, ...infos)),
    );
  const signatureOf = (info: Uint8Array): Buffer => {
    const [first] = readSignedData(readContentInfo(signedData([info], [])).content).signers;
    return first?.signature ?? Buffer.alloc(0);
  };
  /** The same message, with what the second argument makes of its signature upon it. */
  async function message(by: Holder, make: (signature: Buffer) => Promise<readonly Uint8Array[]>): Promise<Buffer> {
    // A deterministic scheme would sign the same again; ECDSA does not, so the SignerInfo is put together by hand.
    const plain = await signerInfo(by, attributes(text));
    const unsigned = counterSigned(await make(signatureOf(plain)));
    const body = plain.subarray(plain[1] === 0x81 ? 3 : plain[1] === 0x82 ? 4 : 2);
    return clear(text, signedData([encodeElement(0x30, body, unsigned)], [by, holder('ed25519'), second]));
  }
  let second: Holder;
  beforeAll(async () => {
    second = await issue({ email: 'notary@example.org' }, root);
  });
  const verify = (bytes: Uint8Array) => verifyMessage({ message: bytes, anchors: [root.certificate], at: now });

  it('is reported with its signer, and nothing follows from it', async () => {
    const alice = holder('p256');
    const report = await verify(await message(alice, async (signature) => [await upon(signature, second)]));
    expect(report.verdict).toBe('valid');
    const [counter] = report.signers[0]?.counterSignatures ?? [];
    expect(counter).toMatchObject({ signature: 'valid', path: { valid: true }, problems: [] });
    expect(Buffer.from(counter?.certificate?.der ?? []).equals(Buffer.from(second.certificate.der))).toBe(true);
  });

  it('over another signature it is invalid, and the signer is as good as before', async () => {
    const report = await verify(await message(holder('p256'), async () => [await upon(Buffer.from('other'), second)]));
    expect(report.verdict).toBe('valid');
    expect(report.signers[0]?.counterSignatures?.[0]).toMatchObject({ signature: 'invalid' });
    expect(codes(report.signers[0]?.counterSignatures?.[0]?.problems ?? [])).toContain('digest-mismatch');
  });

  it('one upon another is read too', async () => {
    const report = await verify(
      await message(holder('p256'), async (signature) => {
        const first = await upon(signature, second);
        const nested = await upon(signatureOf(first), holder('p256'));
        const body = first.subarray(first[1] === 0x81 ? 3 : 4);
        return [encodeElement(0x30, body, counterSigned([nested]))];
      }),
    );
    expect(report.signers[0]?.counterSignatures).toMatchObject([
      { signature: 'valid', counterSignatures: [{ signature: 'valid' }] },
    ]);
  });

  it('garbage is a warning, and so are more than the budget', async () => {
    const garbage = await verify(await message(holder('p256'), async () => [encodeInteger(1)]));
    expect(garbage.verdict).toBe('valid');
    expect(codes(garbage.signers[0]?.problems ?? [])).toEqual(['counter-signature-unreadable']);
    const many = await verify(
      await message(holder('p256'), async (signature) => new Array(40).fill(await upon(signature, second))),
    );
    expect(many.verdict).toBe('valid');
    expect(many.signers[0]?.counterSignatures).toHaveLength(8);
    expect(codes(many.signers[0]?.problems ?? [])).toEqual(['counter-signatures-too-many']);
  });
});

describe('what is said beside the signature', () => {
  it('capabilities as they are chosen, with their parameters', async () => {
    const capabilities: readonly Capability[] = ['aes-256-gcm', 'rsa-oaep-sha384', 'ecdh-hkdf-sha256', 'ml-kem-768'];
    const der = await signContent({ content, signers: [holder('p256')], signingTime: now, capabilities });
    const { signers } = await judge(der);
    expect(signers[0]?.capabilities?.map(({ algorithm, parameters }) => [algorithm, parameters !== undefined])).toEqual(
      [
        [oids.aes256Gcm, false],
        [oids.rsaOaep, true],
        [oids.dhSinglePassStdDhHkdfSha256, true],
        [oids.dhSinglePassStdDhHkdfSha256, true],
        [oids.mlKem768, false],
      ],
    );
  });

  it('the algorithms themselves, so that none can be exchanged (RFC 6211)', async () => {
    const der = Buffer.from(await sign({ ...holder('rsa'), padding: 'pss' }));
    expect((await judge(der)).valid).toBe(true);
    // Inside the signature the parameters say a salt of 32; outside somebody says 31.
    const at = der.lastIndexOf(Buffer.from('a203020120', 'hex'));
    der[at + 4] = 31;
    const [report] = (await judge(der)).signers;
    expect(report?.signature).toBe('invalid');
    expect(codes(report?.problems ?? [])).toContain('algorithm-protection-mismatch');
  });
});

describe('legacy', () => {
  it('a short key is an error unless the caller says legacy: then it is a warning', async () => {
    const short = await issue({ kind: 'rsa', bits: 1024, email: 'alice@example.org' }, root);
    const der = await sign(short);
    const strict = await judge(der);
    expect(strict.valid).toBe(false);
    expect(strict.signers[0]).toMatchObject({ signature: 'valid', path: { valid: false } });
    expect(strict.signers[0]?.problems).toMatchObject([{ code: 'weak-key', severity: 'error' }]);
    const lenient = await judge(der, true);
    expect(lenient.valid).toBe(true);
    expect(lenient.signers[0]?.problems).toMatchObject([{ code: 'weak-key', severity: 'warning' }]);
  });

  it('a digest too short for ML-DSA is a warning', async () => {
    const by = holder('ml-dsa-87');
    const list = [
      encodeAttribute(oids.contentType, encodeOid(oids.data)),
      encodeAttribute(oids.messageDigest, encodeOctetString(digestOf(text))),
    ];
    const set = encodeElement(0x31, ...list.sort(Buffer.compare));
    const info = encodeSignerInfo({
      issuerAndSerial: encodeIssuerAndSerial(by.certificate),
      digestAlgorithm: encodeElement(0x30, encodeOid(oids.sha256)),
      signedAttributes: set,
      signatureAlgorithm: encodeElement(0x30, encodeOid(oids.mlDsa87)),
      signature: await by.signer.sign(set, 'sha512'),
    });
    const report = await judge(signedData([info], [by], text));
    expect(report.valid).toBe(true);
    expect(codes(report.signers[0]?.problems ?? [])).toEqual(['digest-too-short']);
  });
});
