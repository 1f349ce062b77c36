/** Mail of every kind, real and broken: nothing throws, nothing changes, nothing takes long. */
import { expect, it } from 'vitest';
import { inspectMessage, type MimeEntity, scanMessage, verifyMessage } from '../src/index.ts';
import { describeCorpus } from './corpora.ts';
import { now } from './office.ts';

describeCorpus('mime-messages', 'mail of every kind', (corpus) => {
  it('is scanned without an exception, and its octets stay as they were', async () => {
    const files = corpus.everyFile().filter((name) => !name.endsWith('README.txt'));
    expect(files.length).toBeGreaterThan(400);
    for (const name of files) {
      const bytes = corpus.bytes(name);
      const before = Buffer.from(bytes);
      const start = performance.now();
      checkRanges(scanMessage(bytes), name);
      // The largest of them has 378 KB; a second leaves room for a machine that has other things to do.
      expect(performance.now() - start, name).toBeLessThan(1_000);
      const report = await verifyMessage({ message: bytes, anchors: [], at: now });
      expect(report.verdict, name).not.toBe('valid');
      await inspectMessage({ message: bytes, at: now });
      expect(bytes.equals(before), name).toBe(true);
    }
  });
});

/** Parts lie within their parents, one after another. */
function checkRanges(entity: MimeEntity, name: string): void {
  let from = entity.bodyStart;
  expect(
    entity.start <= entity.headerEnd && entity.headerEnd <= entity.bodyStart && entity.bodyStart <= entity.end,
    name,
  ).toBe(true);
  for (const part of entity.parts) {
    expect(part.start >= from && part.end <= entity.end, name).toBe(true);
    from = part.end;
    checkRanges(part, name);
  }
}
