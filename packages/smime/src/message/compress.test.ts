import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { codes, type Holder, issue, mail, now } from '../../test/office.ts';
import { randomMessage } from '../../test/random-message.ts';
import { sourceOf } from '../../test/streams.ts';
import {
  compressMessage,
  decryptMessage,
  encryptMessage,
  expandMessage,
  scanMessage,
  signMessage,
  verifyMessage,
  verifyStream,
} from '../index.ts';
import { splitMessage } from '../mime/canonical.ts';

let root: Holder;
let alice: Holder;
beforeAll(async () => {
  root = await issue({ ca: true });
  alice = await issue({ email: 'alice@example.org' }, root);
});
const anchors = () => ({ anchors: [root.certificate], at: now });
const body = 'The meeting is on Friday.\r\n'.repeat(2_000);

describe('compressMessage', () => {
  it('gives a smaller message, which expands to the same text, and says what it is', () => {
    const message = mail({ body });
    const compressed = compressMessage({ message });
    expect(compressed.length).toBeLessThan(message.length / 20);
    const { contentType, headers } = scanMessage(compressed);
    expect([contentType.type, contentType.parameters.get('smime-type')]).toEqual([
      'application/pkcs7-mime',
      'compressed-data',
    ]);
    expect(headers.some(({ name }) => name === 'subject')).toBe(true);
    expect(Buffer.from(splitMessage(expandMessage({ message: compressed })).entity)).toEqual(
      splitMessage(message).entity,
    );
  });

  it('any message expands to what is signed or encrypted of it', () => {
    fc.assert(
      fc.property(randomMessage, (text) => {
        const message = Buffer.from(text, 'latin1');
        const { entity } = splitMessage(message);
        const compressed = compressMessage({ message });
        // Two From fields, say: a header that can be read in two ways is not expanded.
        if (scanMessage(compressed).ambiguities.some(({ severity }) => severity === 'error')) {
          expect(() => expandMessage({ message: compressed })).toThrow('not compressed');
          return;
        }
        const expanded = Buffer.from(expandMessage({ message: compressed })).toString('latin1');
        expect(expanded.endsWith(entity.toString('latin1'))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('goes with signing and encrypting, in every order that makes sense', async () => {
    const message = mail({ body });
    const sign = (one: Uint8Array) => signMessage({ message: one, signers: [alice], signingTime: now });
    for (const made of [compressMessage({ message: await sign(message) }), await sign(compressMessage({ message }))]) {
      const recipients = [alice.certificate];
      const encrypted = await encryptMessage({ message: made, recipients });
      const { message: opened } = await decryptMessage({ message: encrypted, keys: [alice.key] });
      for (const one of [made, opened]) {
        const report = await verifyMessage({ message: one, ...anchors() });
        expect([report.verdict, report.layers.map(({ kind }) => kind).toSorted()]).toEqual([
          'valid',
          ['clear-signed', 'compressed-data'],
        ]);
        expect((await verifyStream({ source: sourceOf(Buffer.from(one)), ...anchors() }).report()).verdict).toBe(
          'valid',
        );
      }
    }
  });

  it('what shrinks so far that it looks like a bomb is stored: it can be read', async () => {
    const message = mail({ body: `${'x'.repeat(70)}\r\n`.repeat(200_000) });
    const compressed = compressMessage({ message });
    expect(compressed.length).toBeGreaterThan(message.length);
    expect(expandMessage({ message: compressed }).length).toBeGreaterThan(message.length - 100);
    expect(codes((await verifyMessage({ message: compressed, ...anchors() })).problems)).not.toContain(
      'limit-exceeded',
    );
  });

  it('another message is not expanded', async () => {
    for (const message of [mail(), await signMessage({ message: mail(), signers: [alice], form: 'opaque' })])
      expect(() => expandMessage({ message })).toThrowError(expect.objectContaining({ code: 'unexpected-structure' }));
  });
});
