/** TSIG (RFC 8945): a request signed with a shared key, and the check that its answer is. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { encodeName, encodeRecord, type Message, readName, recordClass, recordType } from '@chancery/dns';

export interface TsigKey {
  readonly name: string;
  readonly algorithm: 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512';
  readonly secret: Buffer;
}

/** Seconds that clocks may differ. */
const FUDGE = 300;

/** @returns the message with its TSIG, and the MAC that its answer refers to. @param at the present instant */
export function signRequest(message: Buffer, key: TsigKey, at: Date): { signed: Buffer; mac: Buffer } {
  const time = Math.floor(at.getTime() / 1000);
  const variables = { time, fudge: FUDGE, error: 0, other: Buffer.alloc(0) };
  const mac = macOf(key, [message, encodeVariables(key, variables)]);
  const data = Buffer.concat([
    encodeName(key.algorithm),
    uint48(time),
    uint16(FUDGE),
    uint16(mac.length),
    mac,
    message.subarray(0, 2),
    uint16(0),
    uint16(0),
  ]);
  const record = encodeRecord({ name: key.name, type: recordType.tsig, class: recordClass.any, ttl: 0, data });
  const signed = Buffer.concat([message, record]);
  signed.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
  return { signed, mac };
}

/**
 * Is that the answer of somebody with the key, to the request of that MAC, of now?
 * @throws TsigRefused when the server says that our key or clock is not right; Error where the answer is not signed as it must be
 */
export function checkAnswer(octets: Buffer, answer: Message, key: TsigKey, requestMac: Buffer, at: Date): void {
  const record = answer.additionals.at(-1);
  if (record?.type !== recordType.tsig) throw new Error('the answer is not signed');
  const { algorithm, time, fudge, mac, originalId, error, other } = readTsig(record.data);
  if (record.name !== key.name.toLowerCase().replace(/\.$/, '') || algorithm !== key.algorithm)
    throw new Error('the answer is signed with another key');
  // Said without a signature, for there is no key or no time that both agree on (RFC 8945 section 5.3.2).
  if (error === 16 || error === 17)
    throw new TsigRefused(error === 16 ? 'the key is not right' : 'the key is not known');
  const unsigned = Buffer.from(octets.subarray(0, answer.lastAt));
  originalId.copy(unsigned, 0);
  unsigned.writeUInt16BE(octets.readUInt16BE(10) - 1, 10);
  const expected = macOf(key, [
    uint16(requestMac.length),
    requestMac,
    unsigned,
    encodeVariables(key, { time, fudge, error, other }),
  ]);
  // Never truncated: nothing here asks for it.
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected))
    throw new Error('the signature of the answer is not right');
  if (error === 18) throw new TsigRefused('the clocks differ too much');
  if (error !== 0) throw new TsigRefused(`TSIG error ${error}`);
  if (Math.abs(at.getTime() / 1000 - time) > fudge) throw new Error('the answer is not of now');
}

/** The server does not take our signature. */
export class TsigRefused extends Error {
  override readonly name = 'TsigRefused';
}

function macOf({ algorithm, secret }: TsigKey, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac(algorithm.slice('hmac-'.length), secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/** RFC 8945 section 4.3.3, names in lower case. */
function encodeVariables(
  key: TsigKey,
  { time, fudge, error, other }: { time: number; fudge: number; error: number; other: Buffer },
): Buffer {
  return Buffer.concat([
    encodeName(key.name.toLowerCase()),
    uint16(recordClass.any),
    Buffer.alloc(4),
    encodeName(key.algorithm),
    uint48(time),
    uint16(fudge),
    uint16(error),
    uint16(other.length),
    other,
  ]);
}

function readTsig(data: Buffer) {
  const { name: algorithm, next } = readName(data, 0);
  const macEnd = next + 10 + data.readUInt16BE(next + 8);
  const otherEnd = macEnd + 6 + data.readUInt16BE(macEnd + 4);
  if (otherEnd !== data.length) throw new Error('the signature of the answer cannot be read');
  return {
    algorithm,
    time: data.readUIntBE(next, 6),
    fudge: data.readUInt16BE(next + 6),
    mac: data.subarray(next + 10, macEnd),
    originalId: data.subarray(macEnd, macEnd + 2),
    error: data.readUInt16BE(macEnd + 2),
    other: data.subarray(macEnd + 6, otherEnd),
  };
}

function uint16(value: number): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16BE(value);
  return octets;
}

function uint48(value: number): Buffer {
  const octets = Buffer.alloc(6);
  octets.writeUIntBE(value, 0, 6);
  return octets;
}
