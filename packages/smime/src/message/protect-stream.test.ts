import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Holder, issue, mail, now } from '../../test/office.ts';
import { pieceSizes, randomMessage } from '../../test/random-message.ts';
import { collect, sourceOf, withoutChance } from '../../test/streams.ts';
import {
  decryptMessage,
  encryptMessage,
  encryptStream,
  limits,
  type SignInput,
  signMessage,
  signStream,
  verifyMessage,
} from '../index.ts';

let root: Holder;
let alice: Holder;
let bob: Holder;
let signature: Omit<SignInput, 'message' | 'form'>;

beforeAll(async () => {
  root = await issue({ ca: true });
  alice = await issue({ email: 'alice@example.org', kind: 'ed25519' }, root);
  bob = await issue({ email: 'bob@example.org' }, root);
  signature = { signers: [alice], signingTime: now };
});

const forms = ['clear', 'opaque'] as const;

describe('signStream', () => {
  it('makes the message that signMessage makes, however the source is cut', async () => {
    await fc.assert(
      fc.asyncProperty(randomMessage, pieceSizes, fc.constantFrom(...forms), async (text, sizes, form) => {
        const message = Buffer.from(text, 'latin1');
        const streamed = await collect(signStream({ ...signature, source: sourceOf(message, sizes), form }));
        expect(withoutChance(streamed)).toBe(withoutChance(await signMessage({ ...signature, message, form })));
      }),
      { numRuns: 400 },
    );
  });

  it('protects the header that signMessage and encryptMessage protect, or refuses it as they do', async () => {
    const outcome = (make: Promise<Uint8Array>): Promise<string> =>
      make.then(withoutChance, (error: { code: string }) => error.code);
    await fc.assert(
      fc.asyncProperty(
        randomMessage,
        pieceSizes,
        fc.constantFrom(...forms),
        fc.constantFrom('clear', 'baseline', 'shy', 'no-confidentiality'),
        fc.boolean(),
        async (text, sizes, form, headerProtection, legacyDisplay) => {
          const message = Buffer.from(
            `From: A <alice@example.org>\r\nSubject: Gr\xfc\xdfe\r\nKeywords: a\r\n${text}`,
            'latin1',
          );
          const how = { ...signature, form, headerProtection, legacyDisplay };
          const streamed = await outcome(collect(signStream({ ...how, source: sourceOf(message, sizes) })));
          expect(streamed).toBe(await outcome(signMessage({ ...how, message })));
          if (headerProtection === 'clear') return;
          const recipients = [bob.certificate];
          const open = async (make: Promise<Uint8Array>): Promise<Buffer> => {
            const opened = await decryptMessage({ message: await make, keys: [bob.key] });
            return Buffer.concat([opened.message, opened.content]);
          };
          const encrypted = open(
            collect(encryptStream({ recipients, headerProtection, legacyDisplay, source: sourceOf(message, sizes) })),
          );
          expect(await outcome(encrypted)).toBe(
            await outcome(open(encryptMessage({ recipients, headerProtection, legacyDisplay, message }))),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('several pieces of 64 KB, with attachments to be re-encoded', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `${i}: Gr\xfc\xdfe \r\n`).join('');
    const binary = Buffer.alloc(300_000, 'binary\n\r\0').toString('latin1');
    const message = mail({
      contentType: 'multipart/mixed; boundary=m',
      body: `--m\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n${lines}\r\n--m\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n${binary}\r\n--m--\r\n`,
    });
    const latin = Buffer.from(message.toString('utf8'), 'latin1');
    for (const form of forms) {
      const streamed = await collect(signStream({ ...signature, source: sourceOf(latin), form }));
      expect(withoutChance(streamed)).toBe(withoutChance(await signMessage({ ...signature, message: latin, form })));
      const report = await verifyMessage({ message: streamed, anchors: [root.certificate], at: now });
      expect(report.verdict).toBe('valid');
    }
  });

  it('a stream that can be read once serves for the clear form of a message that travels as it is', async () => {
    const once = signStream({ ...signature, source: sourceOf(mail(), [7])(), form: 'clear' });
    expect(withoutChance(await collect(once))).toBe(
      withoutChance(await signMessage({ ...signature, message: mail(), form: 'clear' })),
    );
    const refused = { code: 'source-read-once' };
    const trailing = mail({ body: 'white space \r\n' });
    await expect(
      collect(signStream({ ...signature, source: sourceOf(trailing, [7])(), form: 'clear' })),
    ).rejects.toMatchObject(refused);
    await expect(
      collect(signStream({ ...signature, source: sourceOf(mail())(), form: 'opaque' })),
    ).rejects.toMatchObject(refused);
  });

  it('a header alone, read once', async () => {
    const message = Buffer.from('From: alice@example.org\r\nSubject: x');
    const once = signStream({ ...signature, source: sourceOf(message, [5])(), form: 'clear' });
    expect(withoutChance(await collect(once))).toBe(
      withoutChance(await signMessage({ ...signature, message, form: 'clear' })),
    );
  });

  it('notices a source that changes between two readings', async () => {
    for (const other of ['The meeting is on Friday!\r\n', 'The meeting is on Sunday.\r\n\r\n']) {
      let readings = 0;
      const source = () => sourceOf(readings++ === 0 ? mail() : mail({ body: other }))();
      await expect(collect(signStream({ ...signature, source, form: 'opaque' }))).rejects.toMatchObject({
        code: 'source-changed',
      });
    }
  });

  it('refuses a key that is not the certificate’s, and pieces that are no octets', async () => {
    const signers = [{ signer: alice.signer, certificate: bob.certificate }];
    await expect(collect(signStream({ signers, source: sourceOf(mail()), form: 'clear' }))).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const source = async function* () {
      yield 'text' as unknown as Uint8Array;
    };
    await expect(collect(signStream({ ...signature, source, form: 'clear' }))).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('never loses what it did not read', async () => {
    const header = `Subject: ${'x'.repeat(limits.headerOctets)}\r\n`;
    const message = Buffer.from(`${header}\r\nbody\r\n`);
    const refused = { code: 'limit-exceeded' };
    await expect(collect(signStream({ ...signature, source: sourceOf(message), form: 'clear' }))).rejects.toMatchObject(
      refused,
    );
    await expect(signMessage({ ...signature, message, form: 'clear' })).rejects.toMatchObject(refused);
    const parts = Buffer.from(
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx \r\n'.repeat(limits.mimeParts + 1)}--b--\r\n`,
    );
    await expect(collect(signStream({ ...signature, source: sourceOf(parts), form: 'clear' }))).rejects.toMatchObject(
      refused,
    );
    await expect(signMessage({ ...signature, message: parts, form: 'clear' })).rejects.toMatchObject(refused);
  });
});

describe('encryptStream', () => {
  it('encrypts what encryptMessage encrypts, however the source is cut', async () => {
    const ciphers = fc.constantFrom('aes-256-cbc', 'aes-128-gcm', 'aes-256-gcm');
    await fc.assert(
      fc.asyncProperty(randomMessage, pieceSizes, ciphers, async (text, sizes, cipher) => {
        const message = Buffer.from(text, 'latin1');
        const recipients = [bob.certificate];
        const streamed = await collect(encryptStream({ source: sourceOf(message, sizes), recipients, cipher }));
        const whole = await encryptMessage({ message, recipients, cipher });
        expect(streamed.length).toBe(whole.length);
        const open = async (encrypted: Uint8Array): Promise<string> =>
          Buffer.from(
            await decryptMessage({ message: encrypted, keys: [bob.key] }).then(
              (opened) => opened.message,
              (error: Error) => Buffer.from(error.message),
            ),
          ).toString('latin1');
        expect(await open(streamed)).toBe(await open(whole));
      }),
      { numRuns: 200 },
    );
  });

  it('needs a source that can be opened again, and recipients', async () => {
    const recipients = [bob.certificate];
    const once = sourceOf(mail())() as unknown as () => AsyncIterable<Uint8Array>;
    await expect(collect(encryptStream({ source: once, recipients }))).rejects.toMatchObject({
      code: 'source-read-once',
    });
    await expect(collect(encryptStream({ source: sourceOf(mail()), recipients: [] }))).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});
