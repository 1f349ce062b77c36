import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Holder, issue, mail, now } from '../../test/office.ts';
import { decryptMessage, encryptMessage, scanMessage, signMessage, verifyMessage } from '../index.ts';
import type { ContentCipher } from '../keys/algorithms.ts';

let root: Holder;
let holders: Record<'rsa' | 'p256' | 'p384' | 'p521' | 'ed25519', Holder>;

beforeAll(async () => {
  root = await issue({ ca: true });
  const kinds = ['rsa', 'p256', 'p384', 'p521', 'ed25519'] as const;
  const made = await Promise.all(
    kinds.map(async (kind) => [kind, await issue({ email: 'alice@example.org', kind }, root)] as const),
  );
  holders = Object.fromEntries(made) as typeof holders;
});

describe('sign and verify', () => {
  for (const kind of ['rsa', 'p256', 'p384', 'p521', 'ed25519'] as const) {
    for (const form of ['clear', 'opaque'] as const) {
      it(`${kind}, ${form}`, async () => {
        const { signer, certificate } = holders[kind];
        const signed = await signMessage({
          message: mail(),
          signers: [{ signer, certificate }],
          form,
          signingTime: now,
        });
        const report = await verifyMessage({ message: signed, anchors: [root.certificate], at: now });
        expect(report).toMatchObject({ verdict: 'valid', covers: 'whole', from: ['alice@example.org'], problems: [] });
        expect(report.signers[0]).toMatchObject({
          signature: 'valid',
          identity: 'match',
          signingTime: now,
          problems: [],
        });
        expect(Buffer.from(report.content ?? []).toString()).toBe(
          'Content-Type: text/plain; charset=utf-8\r\n\r\nThe meeting is on Friday.\r\n',
        );
      });
    }
  }

  it('keeps the outer fields outside and the Content fields inside', async () => {
    const { signer, certificate } = holders.p256;
    const signed = await signMessage({
      message: mail({ headers: ['X-Mark: kept', 'Content-Language: en'] }),
      signers: [{ signer, certificate }],
      form: 'clear',
      signingTime: now,
    });
    const [content] = scanMessage(signed).parts;
    expect(scanMessage(signed).headers.map(({ name }) => name)).toEqual([
      'from',
      'to',
      'subject',
      'date',
      'message-id',
      'x-mark',
      'mime-version',
      'content-type',
    ]);
    expect(content?.headers.map(({ name }) => name)).toEqual(['content-language', 'content-type']);
  });

  it('makes multipart/signed where no form is asked for', async () => {
    const { signer, certificate } = holders.p256;
    const signed = await signMessage({ message: mail(), signers: [{ signer, certificate }], signingTime: now });
    expect(scanMessage(signed).contentType.type).toBe('multipart/signed');
    expect((await verifyMessage({ message: signed, anchors: [root.certificate], at: now })).verdict).toBe('valid');
  });

  it('names the right micalg', async () => {
    const { signer, certificate } = holders.p384;
    const signed = await signMessage({
      message: mail(),
      signers: [{ signer, certificate }],
      form: 'clear',
      signingTime: now,
    });
    expect(scanMessage(signed).contentType.parameters.get('micalg')).toBe('sha-384');
  });

  it('verifies a message that lost its CRs in a Unix file', async () => {
    const { signer, certificate } = holders.p256;
    const signed = await signMessage({
      message: mail(),
      signers: [{ signer, certificate }],
      form: 'clear',
      signingTime: now,
    });
    const unix = Buffer.from(Buffer.from(signed).toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
    expect((await verifyMessage({ message: unix, anchors: [root.certificate], at: now })).verdict).toBe('valid');
  });

  it('refuses a key that is not the certificate’s', async () => {
    const attempt = signMessage({
      message: mail(),
      signers: [{ signer: holders.rsa.signer, certificate: holders.p256.certificate }],
      form: 'clear',
    });
    await expect(attempt).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  it('tells the correspondent which certificate to encrypt to', async () => {
    const { signer, certificate } = holders.p256;
    const encryptionCertificate = holders.rsa.certificate;
    const signed = await signMessage({
      message: mail(),
      signers: [{ signer, certificate }],
      form: 'clear',
      signingTime: now,
      encryptionCertificate,
    });
    const report = await verifyMessage({ message: signed, anchors: [root.certificate], at: now });
    expect(report.signers[0]?.encryptionCertificate?.serialNumber).toBe(encryptionCertificate.serialNumber);
    expect(report.signers[0]?.capabilities?.map(({ algorithm }) => algorithm)).toContain('2.16.840.1.101.3.4.1.42');
  });

  it('says of an unsigned message that it is unsigned', async () => {
    const report = await verifyMessage({ message: mail(), anchors: [root.certificate], at: now });
    expect(report).toMatchObject({ verdict: 'unsigned', covers: 'none', signers: [], problems: [] });
  });
});

describe('encrypt and decrypt', () => {
  const ciphers: ContentCipher[] = [
    'aes-256-cbc',
    'aes-256-gcm',
    'aes-128-cbc',
    'aes-128-gcm',
    'aes-192-cbc',
    'aes-192-gcm',
  ];
  for (const kind of ['rsa', 'p256', 'p384', 'p521'] as const) {
    for (const cipher of ciphers) {
      it(`${kind}, ${cipher}`, async () => {
        const encrypted = await encryptMessage({
          message: mail(),
          recipients: [holders[kind].certificate, holders.p256.certificate],
          cipher,
        });
        expect(Buffer.from(encrypted).includes('Friday')).toBe(false);
        const opened = await decryptMessage({ message: encrypted, keys: [holders[kind].key] });
        expect(opened).toMatchObject({ cipher, authenticated: cipher.endsWith('gcm') });
        expect(opened.recipients).toHaveLength(2);
        // The fields outside go first when a message is taken apart; nothing else changes.
        expect(Buffer.from(opened.message).toString()).toBe(mail().toString());
      });
    }
  }

  it('OAEP, and a key without its certificate', async () => {
    const encrypted = await encryptMessage({
      message: mail(),
      recipients: [holders.rsa.certificate],
      keyTransport: 'oaep',
    });
    const opened = await decryptMessage({ message: encrypted, keys: [{ decrypter: holders.rsa.key.decrypter }] });
    expect(Buffer.from(opened.message).includes('Friday')).toBe(true);
  });

  it('signed, then encrypted: what comes out is what was signed', async () => {
    const { signer, certificate, key } = holders.rsa;
    const signed = await signMessage({
      message: mail({ body: 'Grüße  \nFrom here\n' }),
      signers: [{ signer, certificate }],
      form: 'clear',
      signingTime: now,
    });
    const encrypted = await encryptMessage({ message: signed, recipients: [certificate] });
    const { message } = await decryptMessage({ message: encrypted, keys: [key] });
    expect(createHash('sha256').update(message).digest('hex')).toBe(createHash('sha256').update(signed).digest('hex'));
    expect((await verifyMessage({ message, anchors: [root.certificate], at: now })).verdict).toBe('valid');
  });

  it('refuses no recipients, and recipients who cannot decrypt', async () => {
    await expect(encryptMessage({ message: mail(), recipients: [] })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    await expect(encryptMessage({ message: mail(), recipients: [holders.ed25519.certificate] })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});
