import { beforeAll, describe, expect, it } from 'vitest';
import { decryptStream, encryptStream, signStream, verifyStream } from '../src/index.ts';
import { type Holder, issue, mail, now } from './office.ts';

const megabyte = 1_048_576;
const size = 100 * megabyte;
/** What a stream may add to the memory of this process; a message at hand would add several times its size. */
const allowed = 100 * megabyte;

describe('streams of 100 MB', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });

  const source = async function* (): AsyncGenerator<Uint8Array> {
    const lines = Buffer.from(`${'x'.repeat(74)}\r\n`.repeat(862));
    yield mail({ body: '' });
    for (let sent = 0; sent < size; sent += lines.length) yield lines;
  };

  async function growth(stream: AsyncIterable<Uint8Array>): Promise<number> {
    const before = process.memoryUsage.rss();
    let peak = before;
    for await (const _ of stream) peak = Math.max(peak, process.memoryUsage.rss());
    return peak - before;
  }

  for (const form of ['clear', 'opaque'] as const) {
    it(`signed (${form}) and verified`, async () => {
      const signed = signStream({ source, signers: [alice], form, signingTime: now });
      const verifying = verifyStream({ source: signed, anchors: [root.certificate], at: now });
      expect(await growth(verifying.unverified)).toBeLessThan(allowed);
      expect((await verifying.report()).verdict).toBe('valid');
    }, 120_000);
  }

  for (const cipher of ['aes-256-cbc', 'aes-256-gcm'] as const) {
    it(`encrypted (${cipher}) and decrypted`, async () => {
      const encrypted = () => encryptStream({ source, recipients: [alice.certificate], cipher });
      const opened = await decryptStream({ source: encrypted(), keys: [alice.key], unverifiedChunks: true });
      expect(await growth(opened.message)).toBeLessThan(allowed);
    }, 120_000);
  }
});
