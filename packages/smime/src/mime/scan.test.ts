import { describe, expect, it } from 'vitest';
import { allAmbiguities, headerValue } from './entity.ts';
import { scanMessage } from './scan.ts';

const scan = (text: string) => scanMessage(Buffer.from(text, 'latin1'));

describe('a megabyte of header lines', () => {
  it.each([
    ['without a colon', 'x\n'],
    ['of delimiters', '--x\r\n'],
    ['folded', '\r\n '],
  ])('%s is read once', (_, line) => {
    const message = Buffer.concat([
      Buffer.from('Subject: x\r\n'),
      Buffer.alloc(1_000_000, line),
      Buffer.from('\r\n\r\na:'),
    ]);
    const { user, system } = process.cpuUsage();
    scanMessage(message);
    const after = process.cpuUsage();
    // Of the processor, in microseconds; where each line is looked for through all that follow it takes many seconds.
    expect(after.user + after.system - user - system).toBeLessThan(1_000_000);
  });
});

describe('the structure of a message', () => {
  const text = [
    'From: a@example.org',
    'Subject: folded',
    '\tvalue',
    'Content-Type: multipart/mixed; boundary="outer"',
    '',
    'preamble',
    '--outer',
    'Content-Type: text/plain; charset="utf-8"',
    '',
    'first',
    '',
    '--outer',
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    '',
    'second',
    '--outer--',
    'epilogue',
  ].join('\r\n');
  const root = scan(text);

  it('is offsets into the message itself', () => {
    const [first, second] = root.parts;
    expect(text.slice(first?.start, first?.end)).toBe('Content-Type: text/plain; charset="utf-8"\r\n\r\nfirst\r\n');
    expect(text.slice(first?.bodyStart, first?.end)).toBe('first\r\n');
    expect(second?.parts[0]?.headers[0]).toMatchObject({ name: 'subject', value: 'inner' });
    expect(text.slice(second?.parts[0]?.bodyStart, second?.parts[0]?.end)).toBe('second');
    expect(text.slice(root.headers[1]?.start, root.headers[1]?.end)).toBe('Subject: folded\r\n\tvalue\r\n');
    expect(text.slice(root.headerEnd, root.bodyStart)).toBe('\r\n');
  });

  it('is without a doubt', () => {
    expect(allAmbiguities(root)).toEqual([]);
    expect(root.closed).toBe(true);
    expect(headerValue(root, 'subject')).toBe('folded\tvalue');
  });

  it('is the same with LF alone', () => {
    const unix = scan(text.replaceAll('\r\n', '\n'));
    expect(allAmbiguities(unix)).toEqual([]);
    expect(unix.parts.map(({ contentType }) => contentType.type)).toEqual(['text/plain', 'message/rfc822']);
  });

  it('defaults to text/plain, and to message/rfc822 within a digest', () => {
    expect(scan('\r\nbody').contentType.type).toBe('text/plain');
    expect(
      scan('Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: a\r\n\r\n--x--').parts[0]?.contentType
        .type,
    ).toBe('message/rfc822');
  });

  it('a header without a body, a body without a header, and nothing', () => {
    expect(scan('Subject: x')).toMatchObject({ bodyStart: 10, end: 10 });
    expect(scan('\r\nx')).toMatchObject({ bodyStart: 2, end: 3, headers: [] });
    expect(scan('')).toMatchObject({ start: 0, bodyStart: 0, end: 0, headers: [] });
  });

  it('a delimiter within a longer line is content', () => {
    const { parts } = scan('Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee --x here\r\n--x--');
    expect(parts).toHaveLength(1);
  });

  it('inner delimiters do not reach beyond their part', () => {
    const { parts } = scan(
      'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\na\r\n--x\r\n\r\n--y\r\nb\r\n--x--',
    );
    expect(parts).toHaveLength(2);
    expect(parts[0]?.parts).toHaveLength(1);
  });
});
