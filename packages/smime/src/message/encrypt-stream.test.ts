import { beforeAll, describe, expect, it } from 'vitest';
import { type Holder, issue } from '../../test/office.ts';
import { collect, sourceOf } from '../../test/streams.ts';
import { decryptContent, encryptContent, encryptContentStream } from '../index.ts';

let alice: Holder;
beforeAll(async () => {
  alice = await issue({ email: 'alice@example.org' });
});

describe('octets encrypted as they go by', () => {
  const content = Buffer.from(Array.from({ length: 200_001 }, (_, n) => n % 251));
  const sealed = (length: number, sizes?: number[]) =>
    collect(
      encryptContentStream({
        source: sourceOf(content, sizes),
        length,
        recipients: [alice.certificate],
        cipher: 'aes-256-gcm',
      }),
    );

  it.each([[[97]], [[65_536]], [[7, 300_000]]])(
    'open as those that were encrypted at once, in pieces of %s',
    async (sizes) => {
      const der = await sealed(content.length, sizes);
      const opened = await decryptContent({ der, keys: [alice.key] });
      expect(opened).toMatchObject({ authenticated: true, cipher: 'aes-256-gcm' });
      expect(Buffer.from(opened.content).equals(content)).toBe(true);
      const atOnce = await encryptContent({ content, recipients: [alice.certificate], cipher: 'aes-256-gcm' });
      expect(der.length).toBe(atOnce.length);
    },
  );

  it.each([content.length - 1, content.length + 1, 0])('are not %i where they are more or fewer', async (length) => {
    await expect(sealed(length)).rejects.toMatchObject({ code: 'source-changed' });
  });
});
