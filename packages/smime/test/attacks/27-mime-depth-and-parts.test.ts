import { describe, expect, it } from 'vitest';
import { allAmbiguities, limits, type MimeEntity, scanMessage, verifyMessage } from '../../src/index.ts';
import { codes, mail, now } from '../office.ts';

const count = (entity: MimeEntity): number => entity.parts.reduce((sum, part) => sum + 1 + count(part), 0);
const depth = (entity: MimeEntity): number => 1 + Math.max(0, ...entity.parts.map(depth));

describe('attack 27: MIME of impossible depth and number of parts', () => {
  it('2,000 levels', async () => {
    let body = 'deep\r\n';
    for (let level = 2_000; level > 0; level--)
      body = `--x${level}.\r\nContent-Type: multipart/mixed; boundary="x${level + 1}."\r\n\r\n${body}`;
    const message = mail({ contentType: 'multipart/mixed; boundary="x1."', body });
    const root = scanMessage(message);
    expect(depth(root)).toBe(limits.mimeDepth + 1);
    expect(codes(allAmbiguities(root))).toContain('mime-too-deep');
    expect((await verifyMessage({ message, anchors: [], at: now })).verdict).toBe('ambiguous');
  });

  it('2,000 messages within messages', () => {
    const message = Buffer.from('Content-Type: message/rfc822\r\n\r\n'.repeat(2_000));
    expect(depth(scanMessage(message))).toBe(limits.mimeDepth + 1);
  });

  it('100,000 parts', async () => {
    const message = mail({
      contentType: 'multipart/mixed; boundary=x',
      body: `${'--x\r\n\r\n\r\n'.repeat(100_000)}--x--\r\n`,
    });
    const root = scanMessage(message);
    expect(count(root)).toBe(limits.mimeParts);
    expect(codes(allAmbiguities(root))).toContain('too-many-parts');
    expect((await verifyMessage({ message, anchors: [], at: now })).verdict).toBe('ambiguous');
  });

  it('a header without end', () => {
    const message = Buffer.from(`${'X-Field: value\r\n'.repeat(100_000)}\r\nbody`);
    const root = scanMessage(message);
    expect(root.headers).toHaveLength(limits.headerFields);
    expect(codes(root.ambiguities)).toContain('header-too-large');
  });

  it('a multipart whose every line looks like its delimiter', () => {
    const message = mail({ contentType: 'multipart/mixed; boundary=x', body: '--xx\r\n'.repeat(200_000) });
    expect(codes(allAmbiguities(scanMessage(message)))).toContain('boundary-prefix');
  });
});
