import { createHmac } from 'node:crypto';
import { encodeRequest, parseMessage, recordClass, recordType, smimeaOwners } from '@chancery/dns';
import { describe, expect, it } from 'vitest';
import { ownersOf } from './smimea.ts';
import { checkAnswer, signRequest, type TsigKey } from './tsig.ts';

const AT = new Date('2026-03-01T12:00:00Z');
const key: TsigKey = { name: 'Office.Example.', algorithm: 'hmac-sha256', secret: Buffer.from('a secret of a test') };

describe('names', () => {
  it('are those of the innermost zone, under what the address says and what people type', () => {
    const zones = ['example.com', 'mail.example.com'];
    const [capital, small] = smimeaOwners('Hugh', 'mail.example.com');
    expect(ownersOf(zones, ['hugh@example.com', 'Hugh@Mail.example.com', 'x@elsewhere.example'])).toEqual([
      { address: 'hugh@example.com', zone: 'example.com', name: smimeaOwners('hugh', 'example.com')[0] },
      ...[capital, small].map((name) => ({ address: 'Hugh@Mail.example.com', zone: 'mail.example.com', name })),
    ]);
    // A domain that only ends like a zone is none of it.
    expect(ownersOf(['example.com'], ['a@notexample.com'])).toEqual([]);
  });
});

describe('TSIG (RFC 8945)', () => {
  const message = encodeRequest({
    id: 0x1234,
    kind: 'query',
    question: { name: 'example.com', type: recordType.soa },
  });
  /** An answer signed by the other side, put together here by hand. */
  const answered = (
    by: Partial<{ secret: Buffer; time: number; error: number; mac: Buffer; requestMac: Buffer }> = {},
  ) => {
    const { mac: requestMac } = signRequest(message, key, AT);
    const { time = AT.getTime() / 1000, error = 0, secret = key.secret } = by;
    const u16 = (value: number) => Buffer.from([value >> 8, value & 255]);
    const u48 = Buffer.alloc(6);
    u48.writeUIntBE(time, 0, 6);
    const reply = Buffer.from(message);
    reply.writeUInt16BE(0x8000, 2);
    const name = Buffer.from('\x06office\x07example\0', 'latin1');
    const algorithm = Buffer.from('\x0bhmac-sha256\0', 'latin1');
    const asked = by.requestMac ?? requestMac;
    const variables = [name, u16(255), Buffer.alloc(4), algorithm, u48, u16(300), u16(error), u16(0)];
    const mac =
      by.mac ??
      createHmac('sha256', secret)
        .update(Buffer.concat([u16(asked.length), asked, reply, ...variables]))
        .digest();
    const data = Buffer.concat([
      algorithm,
      u48,
      u16(300),
      u16(mac.length),
      mac,
      reply.subarray(0, 2),
      u16(error),
      u16(0),
    ]);
    const signed = Buffer.concat([reply, name, u16(250), u16(255), Buffer.alloc(4), u16(data.length), data]);
    signed.writeUInt16BE(1, 10);
    return { signed, requestMac };
  };
  const check = (by: Parameters<typeof answered>[0] = {}, change: (octets: Buffer) => void = () => {}) => {
    const { signed, requestMac } = answered(by);
    change(signed);
    checkAnswer(signed, parseMessage(signed), key, requestMac, AT);
  };

  it('signs what it should, and stands last', () => {
    const { signed, mac } = signRequest(message, key, AT);
    const parsed = parseMessage(signed);
    expect(parsed.additionals.map(({ name, type, class: of }) => [name, type, of])).toEqual([
      ['office.example', recordType.tsig, recordClass.any],
    ]);
    expect(signed.includes(mac)).toBe(true);
    expect(parsed.lastAt).toBe(message.length);
  });

  it('takes the answer that the key signed to this request, and no other', () => {
    expect(() => check()).not.toThrow();
    expect(() => check({ secret: Buffer.from('another') })).toThrow('signature');
    expect(() => check({ requestMac: Buffer.alloc(32) })).toThrow('signature');
    expect(() => check({ mac: Buffer.alloc(0) })).toThrow('signature');
    expect(() => check({ time: AT.getTime() / 1000 - 301 })).toThrow('not of now');
    expect(() => check({ error: 17, mac: Buffer.alloc(0) })).toThrow('the key is not known');
    expect(() => check({ error: 18 })).toThrow('clocks');
    expect(() => check({}, (octets) => octets.writeUInt16BE(0x8003, 2))).toThrow('signature');
    const { signed, requestMac } = answered();
    const bare = Buffer.from(signed.subarray(0, message.length));
    bare.writeUInt16BE(0, 10);
    expect(() => checkAnswer(bare, parseMessage(bare), key, requestMac, AT)).toThrow('not signed');
  });
});
