import { deflateSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { codes, type Holder, issue, mail, now, replaced } from '../../test/office.ts';
import {
  contextConstructed,
  DerReader,
  encodeElement,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../asn1/der.ts';
import {
  certsOnly,
  decryptContent,
  encryptContent,
  encryptMessage,
  limits,
  oids,
  signContent,
  signMessage,
  verifyMessage,
  verifyObject,
} from '../index.ts';
import { encodeBase64Lines } from '../mime/transfer-encoding.ts';

let root: Holder;
let alice: Holder;
let bob: Holder;
let list: Holder;
beforeAll(async () => {
  root = await issue({ ca: true });
  [alice, bob, list] = await Promise.all([
    issue({ email: 'alice@example.org', kind: 'rsa' }, root),
    issue({ email: 'bob@example.org', kind: 'rsa' }, root),
    issue({ email: 'list@example.org' }, root),
  ]);
});

const sign = (message: Uint8Array, by: Holder = alice, form: 'clear' | 'opaque' = 'clear') =>
  signMessage({ signers: [by], message, form, signingTime: now });
const encrypt = (message: Uint8Array, cipher: 'aes-256-cbc' | 'aes-256-gcm' = 'aes-256-cbc') =>
  encryptMessage({ message, recipients: [bob.certificate], cipher });
const verify = (message: Uint8Array, keys = [bob.key]) =>
  verifyMessage({ message, anchors: [root.certificate], at: now, keys });
const kinds = (report: { layers: readonly { kind: string }[] }): string[] => report.layers.map(({ kind }) => kind);

/** CompressedData (RFC 3274) in its ContentInfo. */
function compressed(content: Uint8Array): Buffer {
  const data = encodeSequence(
    encodeInteger(0),
    encodeSequence(encodeOid(oids.zlibCompress)),
    encodeSequence(encodeOid(oids.data), encodeElement(contextConstructed(0), encodeOctetString(deflateSync(content)))),
  );
  return encodeSequence(encodeOid(oids.compressedData), encodeElement(contextConstructed(0), data));
}

function compress(message: Uint8Array): Buffer {
  const text = Buffer.from(message).toString('latin1');
  const at = text.search(/^(MIME-Version|Content-Type):/m);
  const body = encodeBase64Lines(compressed(Buffer.from(text.slice(at), 'latin1'))).toString('latin1');
  return Buffer.from(
    `${text.slice(0, at)}MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=compressed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}`,
    'latin1',
  );
}

describe('layers', () => {
  for (const cipher of ['aes-256-cbc', 'aes-256-gcm'] as const) {
    for (const form of ['clear', 'opaque'] as const) {
      it(`signed, then encrypted: ${form}, ${cipher}`, async () => {
        const report = await verify(await encrypt(await sign(mail(), alice, form), cipher));
        expect(report).toMatchObject({ verdict: 'valid', covers: 'whole', from: ['alice@example.org'] });
        expect(report.layers).toMatchObject([
          { opened: true, cipher, authenticated: cipher === 'aes-256-gcm', recipients: [expect.any(String)] },
          { kind: form === 'clear' ? 'clear-signed' : 'signed-data', verdict: 'valid' },
        ]);
        expect(report.signers[0]).toMatchObject({ signature: 'valid', identity: 'match' });
        expect(Buffer.from(report.content ?? []).toString()).toContain('The meeting is on Friday.');
      });
    }
  }

  it('triple wrapping (RFC 2634): the signature within counts, the one outside is reported', async () => {
    const report = await verify(await sign(await encrypt(await sign(mail())), list));
    expect(report).toMatchObject({ verdict: 'valid', covers: 'whole', from: ['alice@example.org'] });
    expect(kinds(report)).toEqual(['clear-signed', 'enveloped-data', 'clear-signed']);
    expect(report.layers[0]).toMatchObject({
      verdict: 'valid',
      signers: [{ identity: 'unknown', emails: ['list@example.org'] }],
    });
    expect(report.signers[0]?.emails).toEqual(['alice@example.org']);
  });

  it('a broken signature outside spoils the whole', async () => {
    const message = await sign(await encrypt(await sign(mail())), list);
    const report = await verify(
      replaced(
        message,
        'Content-Disposition: attachment; filename="smime.p7m"',
        'Content-Disposition: attachment; filename="smime.xxx"',
      ),
    );
    expect(report.verdict).toBe('invalid');
    expect(report.layers[0]).toMatchObject({ verdict: 'invalid' });
    expect(report.layers[2]).toMatchObject({ verdict: 'valid' });
  });

  it('a stranger’s signature outside spoils the whole', async () => {
    const stranger = await issue({ email: 'alice@example.org' }, await issue({ ca: true, name: 'Another root' }));
    const report = await verify(await sign(await encrypt(await sign(mail())), stranger));
    expect(report).toMatchObject({
      verdict: 'invalid',
      signers: [{ emails: ['alice@example.org'], identity: 'match' }],
    });
    expect(report.layers.map((layer) => 'verdict' in layer && layer.verdict)).toEqual(['invalid', false, 'valid']);
  });

  it('encrypted and unsigned is unsigned, whatever the cipher', async () => {
    for (const cipher of ['aes-256-cbc', 'aes-256-gcm'] as const) {
      const report = await verify(await encrypt(mail(), cipher));
      expect(report).toMatchObject({ verdict: 'unsigned', covers: 'none', signers: [], content: undefined });
      expect(codes(report.problems)).toEqual(cipher === 'aes-256-cbc' ? ['unauthenticated-cipher'] : []);
    }
  });

  it('without a key nothing is said about what is within', async () => {
    for (const message of [await encrypt(await sign(mail())), await sign(await encrypt(await sign(mail())))]) {
      const report = await verify(message, []);
      expect(report).toMatchObject({ verdict: 'unsigned', covers: 'none', signers: [] });
      expect(report.layers.at(-1)).toMatchObject({ kind: 'enveloped-data', opened: false, cipher: 'aes-256-cbc' });
      expect(codes(report.layers.at(-1)?.problems ?? [])).toEqual(['no-key']);
    }
  });

  it('with another’s key it stays closed', async () => {
    const report = await verify(await encrypt(await sign(mail())), [alice.key]);
    expect(report.verdict).toBe('unsigned');
    expect(codes(report.problems)).toEqual(['no-matching-recipient']);
  });

  it('a ciphertext that was altered is invalid', async () => {
    const der = Buffer.from(
      await encryptContent({ content: await sign(mail()), recipients: [bob.certificate], cipher: 'aes-256-gcm' }),
    );
    der[der.length - 60] = (der[der.length - 60] as number) ^ 1;
    const report = await verifyObject({ der, anchors: [root.certificate], at: now, keys: [bob.key] });
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toEqual(['decryption-failed']);
  });

  it('compressed within signed, signed within compressed, and both within encrypted', async () => {
    const inner = compress(await sign(mail()));
    expect(await verify(inner)).toMatchObject({
      verdict: 'valid',
      layers: [{ kind: 'compressed-data', opened: true }, {}],
    });
    const outer = await sign(compress(mail()));
    expect(await verify(outer)).toMatchObject({
      verdict: 'valid',
      layers: [{}, { kind: 'compressed-data', opened: true }],
    });
    expect((await verify(await encrypt(inner))).verdict).toBe('valid');
    expect(kinds(await verify(await encrypt(outer)))).toEqual(['enveloped-data', 'clear-signed', 'compressed-data']);
  });

  it('compressed content that does not expand is not valid', async () => {
    const damaged = compressed(Buffer.from('Content-Type: text/plain\r\n\r\nHello\r\n'));
    damaged[damaged.length - 2] = (damaged[damaged.length - 2] as number) ^ 0xff;
    const message = Buffer.from(
      `From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=compressed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n${damaged.toString('base64')}\r\n`,
    );
    const report = await verify(await sign(message));
    expect(report.verdict).toBe('invalid');
    expect(report.layers[1]).toMatchObject({ kind: 'compressed-data', opened: false });
  });

  it('no more layers are opened than the budget allows', async () => {
    let message: Uint8Array = await sign(mail());
    for (let layer = 0; layer < limits.layers; layer++) message = await encrypt(message);
    const report = await verify(message);
    expect(report.verdict).not.toBe('valid');
    expect(report.layers).toHaveLength(limits.layers);
    expect(codes(report.problems)).toContain('too-many-layers');
  });

  it('a message that says it is S/MIME and holds something else is invalid', async () => {
    const message = replaced(await sign(mail(), alice, 'opaque'), /\r\n\r\nMI[\s\S]*/, '\r\n\r\nMIIABC==\r\n');
    const report = await verify(message);
    expect(report).toMatchObject({ verdict: 'invalid', layers: [], covers: 'none' });
    expect(codes(report.problems)).toEqual(['unknown-object']);
    expect((await verify(await sign(message))).verdict).toBe('valid');
  });

  it('what is signed within, and partly, is partly signed', async () => {
    const signed = Buffer.from(await sign(mail())).toString('latin1');
    const part = signed.slice(signed.indexOf('Content-Type: multipart/signed'));
    const mixed = mail({
      contentType: 'multipart/mixed; boundary="outer"',
      body: `--outer\r\n${part}\r\n--outer\r\nContent-Type: text/plain\r\n\r\nPay Mallory.\r\n--outer--\r\n`,
    });
    const report = await verify(await encrypt(mixed));
    expect(report).toMatchObject({ verdict: 'invalid', covers: 'part' });
    expect(kinds(report)).toEqual(['enveloped-data', 'clear-signed']);
    // The whole of it signed once more vouches for both parts.
    expect(await verify(await encrypt(await sign(mixed)))).toMatchObject({ verdict: 'valid', covers: 'whole' });
  });

  it('an ambiguity within opaque content is an ambiguity of the message', async () => {
    const twice = mail({ headers: ['Content-Type: text/html'] });
    for (const form of ['clear', 'opaque'] as const)
      expect((await verify(await sign(twice, alice, form))).verdict).toBe('ambiguous');
  });
});

describe('objects without a message', () => {
  const judge = (der: Uint8Array, keys = [bob.key]) =>
    verifyObject({ der, anchors: [root.certificate], at: now, keys });
  const content = Buffer.from('\0 any octets \xff, and no MIME', 'latin1');

  it('signed data: whose it is is not known', async () => {
    const report = await judge(await signContent({ signers: [alice], content, signingTime: now }));
    expect(report).toMatchObject({ verdict: 'valid', from: [], covers: 'whole', signers: [{ identity: 'unknown' }] });
    expect(Buffer.from(report.content ?? []).equals(content)).toBe(true);
    expect(
      await verifyObject({
        der: await signContent({ signers: [alice], content, signingTime: now }),
        anchors: [root.certificate],
        at: now,
        expectFrom: 'bob@example.org',
      }),
    ).toMatchObject({
      verdict: 'invalid',
      signers: [{ identity: 'mismatch' }],
    });
  });

  it('a detached signature without its content is invalid', async () => {
    const report = await judge(await signContent({ signers: [alice], content, signingTime: now, detached: true }));
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toEqual(['content-missing']);
  });

  it('certificates alone are unsigned', async () => {
    expect(await judge(certsOnly([alice.certificate]))).toMatchObject({ verdict: 'unsigned', covers: 'none' });
  });

  it('signed data within encrypted data, with and without MIME between them', async () => {
    const signed = await signContent({ signers: [alice], content, signingTime: now });
    const direct = await encryptContent({ content: signed, recipients: [bob.certificate] });
    // The content type says data, and the octets are no MIME: they are shown as they are.
    expect(await judge(direct)).toMatchObject({ verdict: 'unsigned', layers: [{ opened: true }] });
    const message = await encryptContent({ content: await sign(mail()), recipients: [bob.certificate] });
    expect(await judge(message)).toMatchObject({ verdict: 'valid', signers: [{ identity: 'unknown' }] });
    expect(Buffer.from((await decryptContent({ der: direct, keys: [bob.key] })).content).equals(signed)).toBe(true);
  });

  it('CMS directly within CMS, as RFC 5652 has it', async () => {
    const signed = new DerReader(await signContent({ signers: [alice], content, signingTime: now })).enter();
    signed.oid();
    const signedData = signed.enter(contextConstructed(0)).element();
    const der = Buffer.from(await encryptContent({ content: signedData, recipients: [bob.certificate] }));
    // EncryptedContentInfo says what is within: id-signedData instead of id-data.
    const type = der.lastIndexOf(encodeOid(oids.data));
    encodeOid(oids.signedData).copy(der, type);
    const report = await judge(der);
    expect(report).toMatchObject({ verdict: 'valid', layers: [{ kind: 'enveloped-data' }, { kind: 'signed-data' }] });
    expect(Buffer.from(report.content ?? []).equals(content)).toBe(true);
  });

  it('what is no CMS at all is not valid', async () => {
    for (const der of [Buffer.alloc(0), Buffer.from('hello'), Buffer.from('3003020100', 'hex'), alice.certificate.der])
      expect(await judge(der)).toMatchObject({
        verdict: 'invalid',
        problems: [{ code: 'unknown-object', severity: 'error' }],
      });
  });
});
