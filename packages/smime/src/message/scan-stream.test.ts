import { describe, expect, it } from 'vitest';
import type { MimeEntity } from '../mime/entity.ts';
import { scanMessage } from '../mime/scan.ts';
import { scanStream } from './scan-stream.ts';

/** What a reader of the structure sees. */
const seen = (entity: MimeEntity): unknown => ({
  ...{ start: entity.start, headerEnd: entity.headerEnd, bodyStart: entity.bodyStart, end: entity.end },
  ...{ headers: entity.headers, type: entity.contentType, encoding: entity.transferEncoding, closed: entity.closed },
  ambiguities: entity.ambiguities,
  parts: entity.parts.map(seen),
});

describe('scanStream', () => {
  it('finds what scanMessage finds, however the octets are cut', async () => {
    const message = Buffer.from(
      [
        'From: a@x.example',
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: text/plain',
        '',
        'one',
        '--b',
        'Content-Type: message/rfc822',
        '',
        'Subject: within',
        'Content-Type: text/html',
        'Content-Type: text/plain',
        '',
        '<p>two',
        '--b--',
        'behind',
      ].join('\r\n'),
    );
    const whole = seen(scanMessage(message));
    for (const size of [1, 3, 7, 64, 1000]) {
      async function* source() {
        for (let at = 0; at < message.length; at += size) yield message.subarray(at, at + size);
      }
      expect(seen(await scanStream(source))).toEqual(whole);
    }
  });
});
