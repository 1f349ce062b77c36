import { createCipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { berify } from '../../test/berify.ts';
import { type Holder, issue, mail, replaced } from '../../test/office.ts';
import { pieceSizes, randomMessage } from '../../test/random-message.ts';
import { sourceOf } from '../../test/streams.ts';
import {
  contextConstructed,
  encodeElement,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { encodeAttribute } from '../cms/attributes.ts';
import { makeRecipients } from '../cms/recipients/recipient.ts';
import {
  type DecryptMessageStreamInput,
  decryptMessage,
  decryptStream,
  type EffectiveHeader,
  encryptContent,
  encryptMessage,
  limits,
  scanMessage,
} from '../index.ts';
import { decodeBody } from '../mime/entity.ts';
import { encodeBase64Lines } from '../mime/transfer-encoding.ts';

let alice: Holder;
let bob: Holder;

beforeAll(async () => {
  const root = await issue({ ca: true });
  alice = await issue({ email: 'alice@example.org' }, root);
  bob = await issue({ email: 'bob@example.org', kind: 'rsa' }, root);
});

/** What came out before an error, if there was one, and its code. */
async function openStream(
  input: Omit<DecryptMessageStreamInput, 'keys'> & Partial<DecryptMessageStreamInput>,
): Promise<{ message: Buffer; authenticated?: boolean; header?: EffectiveHeader; error?: string }> {
  const pieces: Buffer[] = [];
  try {
    const opened = await decryptStream({ keys: [alice.key, bob.key], ...input });
    try {
      for await (const piece of opened.message) pieces.push(Buffer.from(piece));
      const { authenticated, header } = opened;
      return { message: Buffer.concat(pieces), authenticated, ...(header && { header }) };
    } catch (error) {
      const { code } = error as { code: string };
      return { message: Buffer.concat(pieces), authenticated: opened.authenticated, error: code };
    }
  } catch (error) {
    return { message: Buffer.alloc(0), error: (error as { code: string }).code };
  }
}

const openWhole = (
  message: Uint8Array,
  header: 'protected' | 'delivered' = 'protected',
): Promise<{ message: string; header?: EffectiveHeader; error?: string }> =>
  decryptMessage({ message, keys: [alice.key, bob.key], header }).then(
    (opened) => ({
      message: Buffer.from(opened.message).toString('latin1'),
      ...(opened.header && { header: opened.header }),
    }),
    (error: { code: string }) => ({ message: '', error: error.code }),
  );

describe('decryptStream', () => {
  const ciphers = fc.constantFrom('aes-256-cbc', 'aes-128-gcm', 'aes-256-gcm');

  it('opens what decryptMessage opens, however the source is cut and read', async () => {
    await fc.assert(
      fc.asyncProperty(
        randomMessage,
        pieceSizes,
        ciphers,
        fc.boolean(),
        fc.constantFrom('base64', 'binary', 'ber'),
        async (text, sizes, cipher, twice, form) => {
          const recipients = [twice ? alice.certificate : bob.certificate];
          let message: Buffer = Buffer.from(
            await encryptMessage({ message: Buffer.from(text, 'latin1'), recipients, cipher }),
          );
          if (form !== 'base64') message = recoded(message, form);
          const source = sourceOf(message, sizes);
          const header = twice ? 'protected' : 'delivered';
          const found = twice
            ? await openStream({ source })
            : await openStream({ source: source(), unverifiedChunks: true, header });
          const whole = await openWhole(message, header);
          expect(found.message.toString('latin1')).toBe(whole.message);
          expect(found.error).toBe(whole.error);
          expect(found.header).toEqual(whole.header);
          if (!whole.error) expect(found.authenticated).toBe(twice && cipher !== 'aes-256-cbc');
        },
      ),
      { numRuns: 300 },
    );
  });

  /** The object as octets and not as base64, in DER or BER. */
  function recoded(message: Buffer, form: 'binary' | 'ber'): Buffer {
    const root = scanMessage(message);
    const der = Buffer.from(decodeBody(message, root));
    // A header so odd that the object is not found within.
    if (root.contentType.type !== 'application/pkcs7-mime' || root.transferEncoding !== 'base64') return message;
    let turn = 0;
    const object = form === 'ber' ? berify(der, (below) => (turn++ * 7) % below, true) : der;
    const header = message.subarray(0, root.bodyStart).toString('latin1').replace(': base64', ': binary');
    return Buffer.concat([Buffer.from(header, 'latin1'), object]);
  }

  it('reads an authenticated message twice, and says so where that cannot be', async () => {
    const recipients = [alice.certificate];
    const message = await encryptMessage({ message: mail(), recipients, cipher: 'aes-256-gcm' });
    let readings = 0;
    const source = () => {
      readings++;
      return sourceOf(message)();
    };
    expect((await openStream({ source })).authenticated).toBe(true);
    expect(readings).toBe(2);
    expect(await openStream({ source: source() })).toMatchObject({ error: 'source-read-once' });
  });

  it('an altered octet, wherever it is: nothing is ever handed out as authenticated but what was encrypted', async () => {
    const message = Buffer.from(
      await encryptMessage({ message: mail(), recipients: [alice.certificate], cipher: 'aes-256-gcm' }),
    );
    const right = (await openWhole(message)).message;
    const { bodyStart } = scanMessage(message);
    for (let at = bodyStart; at < message.length; at += 3) {
      const altered = Buffer.from(message);
      altered[at] = (altered[at] as number) ^ 1;
      const { message: out, authenticated, error } = await openStream({ source: sourceOf(altered) });
      if (error)
        expect([out.length, error]).toEqual([
          0,
          expect.stringMatching(/^(decryption-failed|no-matching-recipient|unsupported)$/),
        ]);
      else expect([authenticated, out.toString('latin1')]).toEqual([true, right]);
      expect(error).toBe((await openWhole(altered)).error);
    }
  });

  it('every truncation fails, before anything is handed out', async () => {
    const message = Buffer.from(
      await encryptMessage({ message: mail(), recipients: [alice.certificate], cipher: 'aes-256-gcm' }),
    );
    for (let length = 0; length < message.length - 2; length += 13) {
      const cut = message.subarray(0, length);
      const found = await openStream({ source: sourceOf(cut) });
      expect(found).toMatchObject({ error: expect.any(String) });
      expect(found.message).toHaveLength(0);
    }
  });

  it('unverified chunks come at once, and end in an error where the tag is wrong', async () => {
    const body = `${'x'.repeat(70)}\r\n`;
    const message = Buffer.from(
      await encryptMessage({
        message: mail({ body: body.repeat(5_000) }),
        recipients: [alice.certificate],
        cipher: 'aes-256-gcm',
      }),
    );
    const at = message.length - 1_000;
    message[at] = message[at] === 0x41 ? 0x42 : 0x41;
    expect(await openStream({ source: sourceOf(message) })).toEqual({
      message: Buffer.alloc(0),
      error: 'decryption-failed',
    });
    const early = await openStream({ source: sourceOf(message)(), unverifiedChunks: true });
    expect(early).toMatchObject({ authenticated: false, error: 'decryption-failed' });
    expect(early.message.length).toBeGreaterThan(300_000);
  });

  it('CBC: a wrong padding and a wrong key are the same error at the end', async () => {
    const message = Buffer.from(await encryptMessage({ message: mail(), recipients: [bob.certificate] }));
    const root = scanMessage(message);
    const der = Buffer.from(decodeBody(message, root));
    const rebuilt = (object: Buffer): Buffer =>
      Buffer.concat([message.subarray(0, root.bodyStart), encodeBase64Lines(object)]);
    const outcomes = new Set<string>();
    for (let value = 1; value < 256; value++) {
      const altered = Buffer.from(der);
      altered[der.length - 1] = (der[der.length - 1] as number) ^ value;
      const { authenticated, error } = await openStream({ source: sourceOf(rebuilt(altered)) });
      // The garbage that comes out ends like a padding once in 256 times: then it is garbage, and no error.
      if (error) outcomes.add(`${authenticated} ${error}`);
    }
    expect([...outcomes]).toEqual(['false decryption-failed']);
    const other = await issue({ email: 'bob@example.org', kind: 'rsa' });
    const keys = [{ decrypter: other.key.decrypter, certificate: bob.certificate }];
    const wrongKey = await openStream({ source: sourceOf(message), keys });
    expect(wrongKey).toMatchObject({ authenticated: false, error: 'decryption-failed' });
  });

  it('a source that changes between the readings: nothing of the change is handed out', async () => {
    const body = `${'x'.repeat(70)}\r\n`.repeat(20_000);
    const message = Buffer.from(
      await encryptMessage({ message: mail({ body }), recipients: [alice.certificate], cipher: 'aes-256-gcm' }),
    );
    const right = (await openWhole(message)).message;
    for (const change of [0.3, 0.6, 0.9999]) {
      const altered = Buffer.from(message);
      const at = Math.floor(message.length * change) - 20;
      altered[at] = altered[at] === 0x41 ? 0x42 : 0x41;
      let readings = 0;
      const source = () => sourceOf(readings++ === 0 ? message : altered)();
      const { message: out, error } = await openStream({ source });
      expect(error).toBe('source-changed');
      expect(right.startsWith(out.toString('latin1'))).toBe(true);
    }
    let readings = 0;
    const cut = () => sourceOf(readings++ === 0 ? message : message.subarray(0, message.length / 2))();
    expect((await openStream({ source: cut })).error).toBe('source-changed');
  });

  it('a key without its certificate, among recipients of the same kind', async () => {
    for (const cipher of ['aes-256-cbc', 'aes-256-gcm'] as const) {
      const recipients = [(await issue({ email: 'carol@example.org', kind: 'rsa' })).certificate, bob.certificate];
      const message = await encryptMessage({ message: mail(), recipients, cipher });
      const keys = [{ decrypter: bob.key.decrypter }];
      const found = await openStream({ source: sourceOf(message), keys });
      expect(found.message.includes('Friday')).toBe(true);
    }
  });

  it('attributes that are authenticated stand after the ciphertext, and count', async () => {
    const content = Buffer.from('Content-Type: text/plain\r\n\r\nauthenticated with attributes\r\n');
    const build = async (change = 0): Promise<Buffer> => {
      const key = randomBytes(32);
      const nonce = randomBytes(12);
      const attributes = encodeSetOf([encodeAttribute(oids.contentType, encodeOid(oids.data))]);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      cipher.setAAD(attributes);
      const ciphertext = Buffer.concat([cipher.update(content), cipher.final()]);
      const { set } = await makeRecipients([alice.certificate], key, 'pkcs1');
      const shown = Buffer.from(attributes);
      shown[0] = contextConstructed(1);
      shown[shown.length - 1] = (shown[shown.length - 1] as number) ^ change;
      const parameters = encodeSequence(encodeOctetString(nonce), encodeInteger(16));
      const info = encodeSequence(
        encodeOid(oids.data),
        encodeSequence(encodeOid(oids.aes256Gcm), parameters),
        encodeElement(0x80, ciphertext),
      );
      const data = encodeSequence(encodeInteger(0), set, info, shown, encodeOctetString(cipher.getAuthTag()));
      const der = encodeSequence(encodeOid(oids.authEnvelopedData), encodeElement(0xa0, data));
      return Buffer.concat([
        Buffer.from(
          'From: a@example.org\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n',
        ),
        encodeBase64Lines(der),
      ]);
    };
    const message = await build();
    expect((await openWhole(message)).message).toContain('with attributes');
    for (const found of [
      await openStream({ source: sourceOf(message, [50]) }),
      await openStream({ source: sourceOf(message)(), unverifiedChunks: true }),
    ]) {
      expect(found.error).toBeUndefined();
      expect(found.message.toString('latin1')).toBe((await openWhole(message)).message);
    }
    const altered = await build(1);
    expect((await openWhole(altered)).error).toBe('decryption-failed');
    expect(await openStream({ source: sourceOf(altered) })).toEqual({
      message: Buffer.alloc(0),
      error: 'decryption-failed',
    });
  });

  it('a hidden From behind a header too large to look through is not delivered', async () => {
    const hidden = `${'X-Pad: y\r\n'.repeat(limits.headerFields + 1)}From: mallory@example.org\r\n`;
    const inner = Buffer.concat([Buffer.from(`Content-Type: text/plain\r\n${hidden}\r\nbody\r\n`)]);
    const der = Buffer.from(await encryptContent({ content: inner, recipients: [alice.certificate] }));
    const message = Buffer.concat([
      Buffer.from(
        'From: alice@example.org\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n',
      ),
      encodeBase64Lines(der),
    ]);
    expect((await openWhole(message)).error).toBe('limit-exceeded');
    expect((await openStream({ source: sourceOf(message) })).error).toBe('limit-exceeded');
  });

  it('closes the source, whatever happens', async () => {
    let open = 0;
    const counting = (message: Uint8Array) =>
      async function* () {
        open++;
        try {
          yield* sourceOf(message, [100])();
        } finally {
          open--;
        }
      };
    const recipients = [alice.certificate];
    for (const cipher of ['aes-256-cbc', 'aes-256-gcm'] as const) {
      const message = Buffer.from(await encryptMessage({ message: mail(), recipients, cipher }));
      await openStream({ source: counting(message) });
      await openStream({ source: counting(message), keys: [bob.key] });
      await openStream({ source: counting(replaced(message, 'pkcs7-mime', 'pkcs8-mime')) });
      await openStream({ source: counting(message)() });
      const opened = await decryptStream({ source: counting(message), keys: [alice.key] });
      for await (const _ of opened.message) break;
      expect(open).toBe(0);
    }
  });
});
