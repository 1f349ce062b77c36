import { describe, expect, it } from 'vitest';
import { encodeName, encodeRequest, parseMessage, readName, recordType, smimeaOwners } from './index.ts';

describe('names', () => {
  it('that point forward, to themselves or beyond the message are refused', () => {
    for (const octets of [
      [0xc0, 0],
      [0xc0, 2, 0],
      [5, 97],
      [0x41, 97],
    ])
      expect(() => readName(Buffer.from(octets), 0)).toThrow();
    expect(readName(Buffer.from([1, 97, 0, 1, 98, 0xc0, 0]), 3)).toEqual({ name: 'b.a', next: 7 });
    expect(() => encodeName('a..b')).toThrow();
    expect(() => encodeName(`${'a'.repeat(64)}.b`)).toThrow();
    expect(() => encodeName(`${'a'.repeat(60)}.`.repeat(5))).toThrow('too long');
    expect(encodeName('a.b.')).toEqual(encodeName('a.b'));
  });

  it('end, however they are put together', () => {
    const label = Buffer.concat([Buffer.of(63), Buffer.alloc(63, 'a')]);
    expect(() => readName(Buffer.concat([label, label, label, label, Buffer.of(0)]), 0)).toThrow('too long');
    // Each points to the one before it.
    const chain = Buffer.alloc(1 + 2 * 5_000);
    for (let at = 1; at < chain.length; at += 2) chain.writeUInt16BE(0xc000 | Math.max(0, at - 2), at);
    expect(() => readName(chain, 9_999)).toThrow('on and on');
    expect(readName(chain, 201)).toEqual({ name: '', next: 203 });
  });

  it('are never alike where they differ: a dot within a label is no border of labels', () => {
    expect(readName(Buffer.from('\x03a.b\x01c\0', 'latin1'), 0).name).toBe('a\\.b.c');
    expect(readName(Buffer.from('\x01A\x01b\x01c\0', 'latin1'), 0).name).toBe('a.b.c');
  });

  it('of certificates are the digest of the local part (the example of RFC 8162 section 3)', () => {
    expect(smimeaOwners('hugh', 'example.com')).toEqual([
      'c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert.example.com',
    ]);
    expect(smimeaOwners('Hugh', 'example.com')).toHaveLength(2);
  });
});

describe('messages', () => {
  const question = { name: 'Example.com', type: recordType.mx };
  const asked = encodeRequest({ id: 7, kind: 'query', question, ofResolver: true });
  /** An answer to it, with that record as its only one. */
  const answered = (record: readonly number[], more: readonly number[] = []) => {
    const octets = Buffer.concat([asked, Buffer.from(record), Buffer.from(more)]);
    octets.writeUInt16BE(0x81a0, 2);
    octets.writeUInt16BE(1, 6);
    return octets;
  };
  /** MX 10 `mx.example.com`, whose last labels are those of the question. */
  const mx = [0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 0, 7, 0, 10, 2, 109, 120, 0xc0, 12];

  it('are read with the names within their records, wherever those point to', () => {
    expect(asked.readUInt16BE(2)).toBe(0x0120);
    const { answers, ...header } = parseMessage(answered(mx));
    expect(header).toMatchObject({ id: 7, isAnswer: true, truncated: false, validated: true, responseCode: 0 });
    expect(header.questions).toEqual([{ name: 'example.com', type: recordType.mx }]);
    expect(answers).toMatchObject([{ name: 'example.com', type: recordType.mx, ttl: 60, leadsTo: 'mx.example.com' }]);
  });

  it('that are cut off, or hold more than they say, are refused', () => {
    const whole = answered(mx);
    for (let length = 0; length < whole.length; length += 1)
      expect(() => parseMessage(whole.subarray(0, length))).toThrow();
    expect(() => parseMessage(answered(mx, [0]))).toThrow('behind the message');
    const longer = mx.with(11, 8);
    expect(() => parseMessage(answered(longer, [0]))).toThrow('does not end where its record does');
  });
});
