/** Every kind of recipient, written and read: who is named opens the message, who is not does not, and no failure says why. */
import { createCipheriv, createHash, diffieHellman, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  encodeExplicit,
  encodeImplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from '../src/asn1/der.ts';
import { readAuthEnvelopedData } from '../src/cms/auth-enveloped-data.ts';
import { readContentInfo } from '../src/cms/content-info.ts';
import { readEnvelopedData } from '../src/cms/enveloped-data.ts';
import { encodeIssuerAndSerial, names } from '../src/cms/identifier.ts';
import {
  type ContentCipher,
  decryptContent,
  encryptContent,
  type KeyKind,
  limits,
  oids,
  type RecipientInput,
} from '../src/index.ts';
import { type Holder, issue } from './office.ts';

const content = Buffer.from('The meeting is on Friday.');
const kinds: readonly KeyKind[] = [
  'rsa',
  'p256',
  'p384',
  'p521',
  'x25519',
  'x448',
  'ml-kem-512',
  'ml-kem-768',
  'ml-kem-1024',
];
const ciphers: readonly ContentCipher[] = ['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'aes-128-gcm', 'aes-256-gcm'];
const hashes = ['sha256', 'sha384', 'sha512'] as const;

describe('recipients', () => {
  let root: Holder;
  const holders = new Map<KeyKind, Holder>();
  const holder = (kind: KeyKind): Holder => holders.get(kind) as Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    for (const kind of kinds) holders.set(kind, await issue({ kind, email: `${kind}@example.org` }, root));
  });

  const encrypt = (recipients: readonly RecipientInput[], cipher: ContentCipher = 'aes-256-cbc') =>
    encryptContent({ content, recipients, cipher });
  const open = async (der: Uint8Array, ...keys: Parameters<typeof decryptContent>[0]['keys']) =>
    Buffer.from((await decryptContent({ der, keys })).content).toString();
  const text = content.toString();

  describe.each(kinds)('by a %s key', (kind) => {
    it.each(ciphers)('with %s', async (cipher) => {
      const { certificate, key } = holder(kind);
      const der = await encrypt([certificate], cipher);
      const opened = await decryptContent({ der, keys: [key] });
      expect(Buffer.from(opened.content).toString()).toBe(text);
      expect(opened).toMatchObject({ cipher, authenticated: cipher.endsWith('-gcm') });
      // Without a certificate the kind of key is enough.
      expect(await open(der, { decrypter: key.decrypter })).toBe(text);
    });

    it('with every hash, named in either way', async () => {
      const { certificate, key } = holder(kind);
      for (const identifiedBy of ['issuer-and-serial-number', 'key-identifier'] as const)
        for (const hash of hashes)
          for (const extra of [{ derivationHash: hash }, { keyTransport: { hash, label: Buffer.from('label') } }])
            expect(await open(await encrypt([{ certificate, identifiedBy, ...extra }]), key)).toBe(text);
    });

    it('nobody else opens it, and no octet can be altered', async () => {
      const { certificate, key } = holder(kind);
      const other = await issue({ kind, email: 'other@example.org' }, root);
      const der = Buffer.from(await encrypt([certificate], 'aes-128-gcm'));
      await expect(open(der, other.key)).rejects.toMatchObject({ code: 'no-matching-recipient' });
      // The right certificate with another's key: tried, and refused without a reason.
      const failed = { code: 'decryption-failed', message: 'the message could not be decrypted' };
      await expect(open(der, { ...other.key, certificate })).rejects.toMatchObject(failed);
      const { recipients } = readEnvelope(der);
      const [recipient] = recipients;
      if (recipient === undefined || !('encryptedKey' in recipient)) throw new Error('no encrypted key');
      const at = der.indexOf(recipient.encryptedKey);
      for (const offset of [at, at + recipient.encryptedKey.length - 1, der.length - 1]) {
        const altered = Buffer.from(der);
        altered[offset] = (altered[offset] ?? 0) ^ 1;
        await expect(open(altered, key)).rejects.toMatchObject(failed);
      }
    });
  });

  it('RSA with PKCS#1 v1.5 and OAEP for all, or for one', async () => {
    const { certificate, key } = holder('rsa');
    for (const keyTransport of ['pkcs1', 'oaep', { hash: 'sha512' }] as const) {
      expect(await open(await encryptContent({ content, recipients: [certificate], keyTransport }), key)).toBe(text);
      expect(await open(await encrypt([{ certificate, keyTransport }]), key)).toBe(text);
    }
  });

  it('one ephemeral key for all recipients on a curve, another in the next message', async () => {
    const second = await issue({ kind: 'p256', email: 'second@example.org' }, root);
    const people = [holder('p256'), second, holder('p384'), holder('x25519')];
    const make = () => encrypt(people.map(({ certificate }) => certificate));
    const originators = (der: Uint8Array) =>
      people.map(({ certificate }) => {
        const entries = readEnvelopedData(readContentInfo(der).content).recipients;
        const own = entries.find((entry) => entry.kind === 'key-agreement' && names(entry.identifier, certificate));
        return own?.kind === 'key-agreement' && Buffer.isBuffer(own.originator) ? own.originator.toString('hex') : '';
      });
    const der = await make();
    const [first, other, third, fourth] = originators(der);
    expect(first).toBe(other);
    expect(new Set([first, third, fourth]).size).toBe(3);
    expect(originators(await make())).not.toContain(first);
    for (const { key } of people) expect(await open(der, key)).toBe(text);
    // The same ephemeral key, and yet one recipient's entry opens with the other's key no more than any stranger's.
    // And yet an entry is for its own recipient alone.
    await expect(open(der, { ...holder('p256').key, certificate: second.certificate })).rejects.toMatchObject({
      code: 'decryption-failed',
    });
  });

  it('by a key that both sides have', async () => {
    for (const length of [16, 24, 32]) {
      const shared = { keyEncryptionKey: randomBytes(length), identifier: Buffer.from('2026-06') };
      const der = await encrypt([shared]);
      expect(await open(der, shared)).toBe(text);
      await expect(open(der, { ...shared, keyEncryptionKey: randomBytes(length) })).rejects.toMatchObject({
        code: 'decryption-failed',
      });
      await expect(open(der, { ...shared, identifier: Buffer.from('2026-07') })).rejects.toMatchObject({
        code: 'no-matching-recipient',
      });
    }
    await expect(encrypt([{ keyEncryptionKey: randomBytes(8), identifier: content }])).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('by a password', async () => {
    const der = await encrypt([{ password: 'Grüße', iterations: 1_000 }], 'aes-256-gcm');
    expect(await open(der, { password: 'Grüße' })).toBe(text);
    await expect(open(der, { password: 'Gruesse' })).rejects.toMatchObject({ code: 'decryption-failed' });
    await expect(open(der, holder('rsa').key)).rejects.toMatchObject({ code: 'no-matching-recipient' });
    await expect(encrypt([{ password: 'x', iterations: 0 }])).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  it('more iterations than the budget allows are not done', async () => {
    const der = Buffer.from(await encrypt([{ password: 'x', iterations: 0x1000 }]));
    const at = der.indexOf(Buffer.from('02021000', 'hex'));
    const salt = der.subarray(at - 16, at);
    // 10,000,001 iterations in the place of 4,096: the salt gives way.
    const bomb = Buffer.from(der);
    Buffer.concat([Buffer.from('040e', 'hex'), salt.subarray(0, 14), Buffer.from('020400989681', 'hex')]).copy(
      bomb,
      at - 18,
    );
    expect(limits.passwordIterations).toBeLessThan(0x989681);
    const start = performance.now();
    await expect(open(bomb, { password: 'x' })).rejects.toMatchObject({ code: 'decryption-failed' });
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('all kinds in one message, each of which opens it alone', async () => {
    const shared = { keyEncryptionKey: randomBytes(32), identifier: Buffer.from('list') };
    const password = { password: 'between us', iterations: 1_000 };
    const certificates = kinds.map((kind) => holder(kind).certificate);
    const der = await encrypt([...certificates, shared, password], 'aes-256-gcm');
    for (const kind of kinds) expect(await open(der, holder(kind).key)).toBe(text);
    expect(await open(der, shared)).toBe(text);
    expect(await open(der, password)).toBe(text);
    const { recipients } = await decryptContent({ der, keys: [shared] });
    expect(recipients).toHaveLength(kinds.length + 2);
    expect(recipients).toContain('whoever knows a password');
  });

  it('have the version that goes with them (RFC 5652 section 6.1)', async () => {
    const rsa = holder('rsa').certificate;
    const versions: [readonly RecipientInput[], number][] = [
      [[rsa], 0],
      [[{ certificate: rsa, identifiedBy: 'key-identifier' }], 2],
      [[rsa, holder('p256').certificate], 2],
      [[{ keyEncryptionKey: randomBytes(16), identifier: content }], 2],
      [[rsa, holder('ml-kem-768').certificate], 3],
      [[{ password: 'x', iterations: 1 }, rsa], 3],
    ];
    for (const [recipients, version] of versions) {
      const reader = readContentInfo(await encrypt(recipients)).content.enter();
      expect(reader.smallInteger()).toBe(version);
    }
  });

  it('nothing is encrypted to nobody, nor to a key that only signs', async () => {
    await expect(encrypt([])).rejects.toMatchObject({ code: 'invalid-argument' });
    for (const kind of ['ed25519', 'ed448', 'ml-dsa-65', 'rsa-pss'] as const)
      await expect(encrypt([(await issue({ kind }, root)).certificate])).rejects.toMatchObject({
        code: 'invalid-argument',
      });
  });

  it('a sender who names the key of a certificate is found among those at hand', async () => {
    // Static-static: the message names the sender's certificate where the ephemeral key would stand.
    const [sender, reader] = [await issue({ email: 'sender@example.org' }, root), holder('p256')];
    const forged = await staticStatic(sender, reader);
    expect(
      Buffer.from(
        (await decryptContent({ der: forged, keys: [reader.key], originators: [sender.certificate] })).content,
      ).toString(),
    ).toBe(text);
    await expect(decryptContent({ der: forged, keys: [reader.key] })).rejects.toMatchObject({ code: 'unsupported' });
  });
});

const readEnvelope = (der: Uint8Array) => readAuthEnvelopedData(readContentInfo(der).content);

/** RFC 5753 3.1 with the sender's own key in the place of an ephemeral one: X9.63 with SHA-256, AES-128 for wrap and content. */
async function staticStatic(sender: Holder, reader: Holder): Promise<Buffer> {
  const wrapAlgorithm = encodeSequence(encodeOid(oids.aes128Wrap));
  const info = encodeSequence(wrapAlgorithm, encodeExplicit(2, encodeOctetString(Buffer.from([0, 0, 0, 128]))));
  const shared = diffieHellman({ privateKey: sender.privateKey, publicKey: reader.certificate.publicKey });
  const kek = createHash('sha256')
    .update(shared)
    .update(Buffer.from([0, 0, 0, 1]))
    .update(info)
    .digest()
    .subarray(0, 16);
  const contentKey = randomBytes(16);
  const wrap = createCipheriv('id-aes128-wrap', kek, Buffer.alloc(8, 0xa6));
  const encryptedKey = Buffer.concat([wrap.update(contentKey), wrap.final()]);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-128-cbc', contentKey, iv);
  const recipient = encodeExplicit(
    1,
    encodeInteger(3),
    encodeExplicit(0, encodeIssuerAndSerial(sender.certificate)),
    encodeSequence(encodeOid(oids.dhSinglePassStdDhSha256Kdf), wrapAlgorithm),
    encodeSequence(encodeSequence(encodeIssuerAndSerial(reader.certificate), encodeOctetString(encryptedKey))),
  );
  const encrypted = encodeSequence(
    encodeOid(oids.data),
    encodeSequence(encodeOid(oids.aes128Cbc), encodeOctetString(iv)),
    encodeImplicit(0, Buffer.concat([cipher.update(content), cipher.final()])),
  );
  const data = encodeSequence(encodeInteger(2), encodeSetOf([recipient]), encrypted);
  return encodeSequence(encodeOid(oids.envelopedData), encodeExplicit(0, data));
}
