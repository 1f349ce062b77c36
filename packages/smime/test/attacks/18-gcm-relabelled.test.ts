import { beforeAll, describe, expect, it } from 'vitest';
import {
  DerReader,
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../../src/asn1/der.ts';
import { oids } from '../../src/asn1/oids.ts';
import { decryptContent, encryptContent } from '../../src/index.ts';
import { type Holder, issue } from '../office.ts';

describe('attack 18: GCM relabelled as CBC, and short tags', () => {
  let bob: Holder;
  let pieces: { recipients: Buffer; nonce: Buffer; ciphertext: Buffer; mac: Buffer };
  beforeAll(async () => {
    bob = await issue({ email: 'bob@example.org', kind: 'rsa' }, await issue({ ca: true }));
    const der = await encryptContent({
      content: Buffer.alloc(64, 'secret'),
      recipients: [bob.certificate],
      cipher: 'aes-256-gcm',
    });
    const info = new DerReader(der).enter();
    info.oid();
    const data = info.enter(0xa0).enter();
    data.skip();
    const recipients = data.element();
    const content = data.enter();
    content.skip();
    const algorithm = content.enter();
    algorithm.skip();
    pieces = {
      recipients,
      nonce: algorithm.enter().octetString(),
      ciphertext: content.content(),
      mac: data.octetString(),
    };
  });

  const encryptedInfo = (cipher: string, parameters: Uint8Array): Buffer =>
    encodeSequence(
      encodeOid(oids.data),
      encodeSequence(encodeOid(cipher), parameters),
      encodeElement(0x80, pieces.ciphertext),
    );
  const authEnveloped = (info: Uint8Array, mac: Uint8Array): Buffer =>
    encodeSequence(
      encodeOid(oids.authEnvelopedData),
      encodeExplicit(0, encodeSequence(encodeInteger(0), pieces.recipients, info, encodeOctetString(mac))),
    );
  const enveloped = (info: Uint8Array): Buffer =>
    encodeSequence(
      encodeOid(oids.envelopedData),
      encodeExplicit(0, encodeSequence(encodeInteger(0), pieces.recipients, info)),
    );
  const decrypt = (der: Uint8Array) => decryptContent({ der, keys: [bob.key] });
  const failed = { code: 'decryption-failed', message: 'the message could not be decrypted' };
  const gcm = (tagLength: number) =>
    encryptedInfo(oids.aes256Gcm, encodeSequence(encodeOctetString(pieces.nonce), encodeInteger(tagLength)));

  it('the control opens', async () => {
    expect((await decrypt(authEnveloped(gcm(16), pieces.mac))).authenticated).toBe(true);
  });

  it('as CBC, in either kind of object, it is at best garbage that is called unauthenticated', async () => {
    const cbc = encryptedInfo(oids.aes256Cbc, encodeOctetString(Buffer.alloc(16)));
    await expect(decrypt(authEnveloped(cbc, pieces.mac))).rejects.toMatchObject(failed);
    const outcome = await decrypt(enveloped(cbc)).catch((error: unknown) => error);
    if (outcome instanceof Error) expect(outcome).toMatchObject(failed);
    else expect(outcome).toMatchObject({ authenticated: false });
  });

  it('GCM without its tag, in EnvelopedData, is refused', async () => {
    await expect(decrypt(enveloped(gcm(16)))).rejects.toMatchObject(failed);
  });

  for (const length of [0, 1, 4, 8, 11]) {
    it(`a tag of ${length} octets, though right, is refused`, async () => {
      // Compares as many octets as came: of none all are right, and of one each 256th guess is.
      const naive = (mac: Buffer): boolean => pieces.mac.subarray(0, mac.length).equals(mac);
      expect(naive(pieces.mac.subarray(0, length))).toBe(true);
      await expect(decrypt(authEnveloped(gcm(length), pieces.mac.subarray(0, length)))).rejects.toMatchObject(failed);
    });
  }

  it('a tag shorter or longer than the parameters say is refused', async () => {
    await expect(decrypt(authEnveloped(gcm(16), pieces.mac.subarray(0, 12)))).rejects.toMatchObject(failed);
    await expect(decrypt(authEnveloped(gcm(12), pieces.mac))).rejects.toMatchObject(failed);
  });
});
