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
import { openStepByStep } from './naive.ts';

const xored = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((octet, at) => octet ^ (b[at] as number)));

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

  const encryptedInfo = (cipher: string, parameters: Uint8Array, ciphertext = pieces.ciphertext): Buffer =>
    encodeSequence(
      encodeOid(oids.data),
      encodeSequence(encodeOid(cipher), parameters),
      encodeElement(0x80, ciphertext),
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

  /**
   * Whoever knows 16 octets of the text knows what the key makes of a counter, and so one block that CBC opens to whatever the IV
   * is made for: 15 octets of the attacker's under a key that he does not have (the attack behind RFC 9709).
   */
  function relabelled(text: string): Buffer {
    const known = Buffer.alloc(16, 'secret');
    const keystream = xored(known, pieces.ciphertext);
    const counter = Buffer.concat([pieces.nonce, Buffer.from([0, 0, 0, 2])]);
    const wanted = Buffer.alloc(16, 16 - text.length);
    wanted.write(text, 'latin1');
    return encryptedInfo(oids.aes256Cbc, encodeOctetString(xored(wanted, counter)), keystream);
  }

  it('as CBC, in either kind of object, it is at best called unauthenticated', async () => {
    const cbc = relabelled('Pay Mallory.');
    // Opens whatever cipher is named with the key that is there, and asks for a tag where the cipher has one.
    expect(openStepByStep(authEnveloped(cbc, pieces.mac), bob).toString()).toBe('Pay Mallory.');
    expect(openStepByStep(enveloped(cbc), bob).toString()).toBe('Pay Mallory.');
    await expect(decrypt(authEnveloped(cbc, pieces.mac))).rejects.toMatchObject(failed);
    expect(await decrypt(enveloped(cbc))).toMatchObject({ authenticated: false });
  });

  it('the whole ciphertext as CBC is garbage, and never authenticated', async () => {
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
