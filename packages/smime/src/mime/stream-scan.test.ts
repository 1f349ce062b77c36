import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutInto, pieceSizes, randomMessage } from '../../test/random-message.ts';
import { limits } from '../limits.ts';
import type { MimeEntity } from './entity.ts';
import { LineCheck } from './line-check.ts';
import { scanMessage } from './scan.ts';
import type { StreamedEntity } from './stream-entity.ts';
import { MessageScanner } from './stream-scan.ts';

/** Everything that a scan says of an entity. */
function told(entity: MimeEntity): unknown {
  const { start, headerEnd, bodyStart, end, headers, contentType, transferEncoding, closed, ambiguities } = entity;
  const { type, parameters } = contentType;
  return {
    range: [start, headerEnd, bodyStart, end],
    headers,
    type,
    parameters: [...parameters],
    transferEncoding,
    closed,
    ambiguities: ambiguities.map(({ severity, code }) => `${severity} ${code}`),
    parts: entity.parts.map(told),
  };
}

interface Gone {
  readonly root: StreamedEntity;
  /** What the sinks got. */
  readonly whole: Map<StreamedEntity, Buffer[]>;
  readonly bodies: Map<StreamedEntity, Buffer[]>;
  readonly ended: StreamedEntity[];
}

function goBy(chunks: readonly Buffer[]): Gone {
  const whole = new Map<StreamedEntity, Buffer[]>();
  const bodies = new Map<StreamedEntity, Buffer[]>();
  const ended: StreamedEntity[] = [];
  const collect = (into: Map<StreamedEntity, Buffer[]>) => (entity: StreamedEntity) => {
    const octets: Buffer[] = [];
    into.set(entity, octets);
    return (piece: Buffer) => void octets.push(Buffer.from(piece));
  };
  const scanner = new MessageScanner(
    { begun: collect(whole), described: collect(bodies), ended: (entity) => void ended.push(entity) },
    { lines: true, rawHeaders: true },
  );
  for (const chunk of chunks) scanner.push(chunk);
  return { root: scanner.end(), whole, bodies, ended };
}

function checkOctets(entity: StreamedEntity, octets: Buffer, gone: Gone): void {
  const text = (chunks: readonly Uint8Array[] | undefined): string => Buffer.concat(chunks ?? []).toString('latin1');
  expect(text(gone.whole.get(entity))).toBe(text([octets.subarray(entity.start, entity.end)]));
  expect(text(gone.bodies.get(entity))).toBe(text([octets.subarray(entity.bodyStart, entity.end)]));
  expect(text([entity.rawHeader])).toBe(text([octets.subarray(entity.start, entity.headerEnd)]));
  const check = new LineCheck();
  check.push(octets.subarray(entity.bodyStart, entity.end));
  check.end();
  // What is unsafe is so whatever else there is: only then may one doubt be left unlooked for.
  expect(entity.lines.unsafe).toBe(check.unsafe);
  if (!check.unsafe) expect(entity.lines.bare).toBe(check.bare);
  expect(gone.ended).toContain(entity);
  for (const part of entity.parts) checkOctets(part, octets, gone);
}

describe('MessageScanner', () => {
  it('finds what scanMessage finds, wherever the message is cut, and hands out the same octets', () => {
    fc.assert(
      fc.property(randomMessage, pieceSizes, (message, sizes) => {
        const octets = Buffer.from(message, 'latin1');
        const gone = goBy(cutInto(octets, sizes));
        expect(told(gone.root)).toEqual(told(scanMessage(octets)));
        checkOctets(gone.root, octets, gone);
      }),
      { numRuns: 3_000 },
    );
  });

  const nested = (inner: string): string =>
    `Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${inner}\r\n--a--\r\n`;
  for (const [name, message] of [
    ['an inner delimiter line whose break is the outer delimiter’s', nested('--b\r\n\r\nx\r\n--b--')],
    ['an inner delimiter that is not closed', nested('--b\r\n\r\nx\r\n--b')],
    ['a header whose empty line is the delimiter’s line break', nested('--b\r\nSubject: x\r\n')],
    ['a lone CR before the outer delimiter', nested('--b\r')],
    ['a lone CR that goes on', nested('--b\rx')],
    ['a bare LF that both delimiters could claim', nested('--b\r\n\r\nx\r\n--b--').replace('--b--\r\n', '--b--\n')],
    ['one boundary within the other', nested('--b\r\n\r\n--ab\r\n--a-\r\n').replaceAll('boundary=b', 'boundary=ab')],
    ['the same boundary twice', nested('--b\r\n\r\nx\r\n--b--').replaceAll('=b', '=a').replaceAll('--b', '--a')],
    ['no body at all', 'Content-Type: multipart/mixed; boundary=a\r\n'],
    ['nothing', ''],
  ] as const) {
    it(`${name}: octet by octet`, () => {
      const octets = Buffer.from(message, 'latin1');
      const gone = goBy([...octets].map((octet) => Buffer.of(octet)));
      expect(told(gone.root)).toEqual(told(scanMessage(octets)));
      checkOctets(gone.root, octets, gone);
    });
  }

  it('nested multiparts whose lines all look alike take no exponential time', () => {
    const depth = 40;
    const open = Array.from({ length: depth }, () => '--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n').join(
      '',
    );
    const message = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${open}${'--b\r\r\n'.repeat(200)}`;
    const octets = Buffer.from(message, 'latin1');
    const before = performance.now();
    expect(told(goBy(cutInto(octets, [7])).root)).toEqual(told(scanMessage(octets)));
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  it('a header without end is cut, and said to be so', () => {
    const line = Buffer.from(`X: ${'y'.repeat(60_000)}\r\n`, 'latin1');
    const scanner = new MessageScanner();
    for (let sent = 0; sent < limits.headerOctets * 3; sent += line.length) scanner.push(line);
    const root = scanner.end();
    expect(root.ambiguities.map(({ code }) => code)).toContain('header-too-large');
    expect(root.bodyStart).toBe(root.end);
  });

  it('all headers together have a budget', () => {
    const part = Buffer.from(`--a\r\n${'X: y\r\n'.repeat(1_000)}\r\n\r\n`, 'latin1');
    const scanner = new MessageScanner();
    scanner.push(Buffer.from('Content-Type: multipart/mixed; boundary=a\r\n\r\n', 'latin1'));
    for (let sent = 0; sent < 60; sent++) scanner.push(part);
    const root = scanner.end();
    expect(root.parts.slice(0, 40).flatMap(({ ambiguities }) => ambiguities)).toEqual([]);
    expect(root.parts.at(-1)?.ambiguities.map(({ code }) => code)).toEqual(['header-too-large']);
  });
});
