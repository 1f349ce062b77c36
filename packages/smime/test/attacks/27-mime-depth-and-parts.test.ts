import { describe, expect, it } from 'vitest';
import {
  allAmbiguities,
  inspectMessage,
  limits,
  type MimeEntity,
  scanMessage,
  verifyMessage,
  verifyStream,
} from '../../src/index.ts';
import { codes, mail, now } from '../office.ts';
import { sourceOf } from '../streams.ts';

const count = (entity: MimeEntity): number => entity.parts.reduce((sum, part) => sum + 1 + count(part), 0);
const depth = (entity: MimeEntity): number => 1 + Math.max(0, ...entity.parts.map(depth));

describe('attack 27: MIME of impossible depth and number of parts', () => {
  it('2,000 levels', async () => {
    let body = 'deep\r\n';
    for (let level = 2_000; level > 0; level--)
      body = `--x${level}.\r\nContent-Type: multipart/mixed; boundary="x${level + 1}."\r\n\r\n${body}`;
    const message = mail({ contentType: 'multipart/mixed; boundary="x1."', body });
    // Looks through the rest of the message once for each level: 2,000 messages of work.
    const naive = (text: string): number => {
      const boundary = /boundary="([^"]*)"/.exec(text)?.[1];
      const start = boundary === undefined ? -1 : text.indexOf(`--${boundary}\r\n`);
      return text.length + (start < 0 ? 0 : naive(text.slice(start + (boundary?.length ?? 0))));
    };
    expect(naive(message.toString('latin1'))).toBeGreaterThan(500 * message.length);
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
    const naive = message.toString('latin1').split('\r\n--x\r\n').length - 1;
    expect(naive).toBeGreaterThan(9 * limits.mimeParts);
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

  it('200,000 doubts are neither too many to report nor all reported', async () => {
    const doubtful =
      'Content-Type : multipart/x y; boundary="a\\b "; boundary=c; charset*0=u; charset=a; micalg=1; micalg=2; type=1; ' +
      'type=2; start=1; start=2; name=a; name=b\r\nContent-Type: a\r\nContent-Transfer-Encoding: x\r\n' +
      'Content-Transfer-Encoding: x\r\nno colon\r\nX: \0\rb\r\n \r\n\r\n';
    const message = mail({
      contentType: 'multipart/mixed; boundary=b',
      body: `${`--b\r\n${doubtful}\r\n`.repeat(limits.mimeParts)}--b--\r\n`,
    });
    const streamed = verifyStream({ source: sourceOf(message), anchors: [], at: now }).report();
    for (const report of [await verifyMessage({ message, anchors: [], at: now }), await streamed]) {
      expect(report.verdict).toBe('ambiguous');
      expect(report.problems.length).toBeLessThan(limits.ambiguities + 10);
      expect(codes(report.problems)).toContain('more-ambiguities');
    }
    expect((await inspectMessage({ message, anchors: [], at: now })).verdict).toBe('ambiguous');
  });

  it('an error among doubts that are not reported one by one counts', () => {
    const parts = (last: string): Buffer =>
      mail({
        contentType: 'multipart/mixed; boundary=b',
        body: `${'--b\r\nContent-Type: a/b; c\r\n\r\n\r\n'.repeat(limits.ambiguities + 5)}--b\r\n${last}\r\n\r\n\r\n--b--\r\n`,
      });
    const last = (text: string) => allAmbiguities(scanMessage(parts(text))).at(-1);
    expect(last('Content-Type: a/b')).toMatchObject({ code: 'more-ambiguities', severity: 'warning' });
    expect(last('Content-Type: a/b; charset=a; charset=b')).toMatchObject({ severity: 'error' });
  });

  it('parameters without end', () => {
    const root = scanMessage(mail({ contentType: `text/plain${';a'.repeat(100_000)}` }));
    expect(root.ambiguities.length).toBeLessThan(limits.contentTypeParameters + 2);
    expect(root.ambiguities.at(-1)).toMatchObject({ code: 'too-many-parameters', severity: 'error' });
  });

  it('a multipart/signed of 10,000 parts takes no longer as a stream than as a whole', async () => {
    const message = mail({
      contentType: 'multipart/signed; protocol="application/pgp-signature"; boundary=b',
      body: `${'--b\r\n\r\n\r\n'.repeat(limits.mimeParts)}--b--\r\n`,
    });
    let looks = 0;
    const { has } = Set.prototype;
    // Each part asks for its type once, or twice; it was once for each part before it: 50 million times.
    Set.prototype.has = function (value: unknown): boolean {
      if (value === 'text/plain') looks++;
      return has.call(this, value);
    };
    try {
      expect((await verifyStream({ source: sourceOf(message), anchors: [], at: now }).report()).verdict).not.toBe(
        'valid',
      );
    } finally {
      Set.prototype.has = has;
    }
    expect(looks).toBeLessThan(20 * limits.mimeParts);
  });
});
