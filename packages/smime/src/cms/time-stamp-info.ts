/** What a time-stamping authority says, and how it is asked (RFC 3161 section 2.4). */
import {
  type DerReader,
  encodeBoolean,
  encodeGeneralizedTime,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  readOnly,
  tag,
} from '../asn1/der.ts';
import { SmimeError } from '../errors.ts';
import { type DigestName, digestAlgorithm, digestOfAlgorithm, type HashName } from '../keys/algorithms.ts';

/** What was stamped, and when. */
export interface TimeStampInfo {
  /** Dotted: by which rules the authority stamps. */
  readonly policy: string;
  /** Undefined for a digest that the engine does not know. */
  readonly digest: DigestName | undefined;
  /** The digest of what was stamped. */
  readonly hashed: Uint8Array;
  /** Lower-case hex. */
  readonly serialNumber: string;
  readonly time: Date;
  /** Of the request, where it had one: unsigned octets, big-endian. */
  readonly nonce: Uint8Array | undefined;
}

/** What an authority answered. */
export interface TimeStampResponse {
  readonly granted: boolean;
  /** RFC 3161 2.4.2: 0 granted, 1 granted with modifications, 2 rejected, 3 waiting, 4 revocation warning, 5 revocation notice. */
  readonly status: number;
  /** What it says about it. */
  readonly text: readonly string[];
  /** A ContentInfo, DER or BER. */
  readonly token: Uint8Array | undefined;
}

/** DER TSTInfo, to the second. */
export function encodeTimeStampInfo(info: {
  readonly policy: string;
  readonly hash: HashName;
  readonly hashed: Uint8Array;
  readonly serialNumber: Uint8Array;
  readonly time: Date;
  readonly nonce?: Uint8Array | undefined;
}): Buffer {
  return encodeSequence(
    encodeInteger(1),
    encodeOid(info.policy),
    imprint(info.hash, info.hashed),
    encodeInteger(info.serialNumber),
    encodeGeneralizedTime(info.time),
    // Accuracy: the clock is read before it is cut to the second.
    encodeSequence(encodeInteger(1)),
    ...(info.nonce === undefined ? [] : [encodeInteger(info.nonce)]),
  );
}

/** Throws `SmimeError` for what is none. */
export function readTimeStampInfo(octets: Uint8Array): TimeStampInfo {
  const info = readOnly(octets, 'the TSTInfo');
  if (info.smallInteger() !== 1) throw info.unexpected('the TSTInfo is of a version other than 1');
  const policy = info.oid();
  const message = info.enter();
  const digest = digestOfAlgorithm(message.element(tag.sequence));
  const hashed = message.octetString();
  message.finish('the message imprint');
  const serialNumber = unsigned(info.integerContent()).toString('hex');
  const time = readTime(info);
  info.skipIf(tag.sequence);
  if (info.peek() === tag.boolean) info.boolean();
  const nonce = info.peek() === tag.integer ? unsigned(info.integerContent()) : undefined;
  // Who stamps, and extensions: the signature says the one, and no critical one of the other is known.
  info.skipIf(0xa0);
  if (info.peek() === 0xa1) refuseCritical(info.enter(0xa1));
  info.finish('the TSTInfo');
  return { policy, digest, hashed, serialNumber, time, nonce };
}

/**
 * A request for a stamp, DER, that asks for the certificate too.
 * @param hashed the digest of what is to be stamped, @param nonce big-endian, that the answer must repeat
 */
export function buildTimeStampRequest(input: {
  readonly hash: HashName;
  readonly hashed: Uint8Array;
  readonly nonce: Uint8Array;
}): Uint8Array {
  return encodeSequence(
    encodeInteger(1),
    imprint(input.hash, input.hashed),
    encodeInteger(input.nonce),
    encodeBoolean(true),
  );
}

/** Throws `SmimeError` for what is none. */
export function readTimeStampResponse(der: Uint8Array): TimeStampResponse {
  const response = readOnly(der, 'the answer');
  const info = response.enter();
  const status = info.smallInteger();
  const text: string[] = [];
  const words = info.enterIf(tag.sequence);
  while (words && !words.atEnd && text.length < MOST_WORDS) text.push(words.string() ?? '');
  const granted = status === 0 || status === 1;
  const token = response.atEnd ? undefined : response.element(tag.sequence);
  response.finish('the answer');
  if (granted && token === undefined)
    throw new SmimeError('unexpected-structure', 'a stamp was granted and none came along');
  return { granted, status, text, token };
}

/** Sentences of one answer that are read. */
const MOST_WORDS = 10;

const imprint = (hash: HashName, hashed: Uint8Array): Buffer =>
  encodeSequence(digestAlgorithm(hash), encodeOctetString(hashed));

function unsigned(content: Buffer): Buffer {
  return content.length > 1 && content[0] === 0 ? content.subarray(1) : content;
}

/** A GeneralizedTime that may have a fraction of a second, which certificates have not (RFC 3161 2.4.2). */
function readTime(info: DerReader): Date {
  const text = info.ascii(tag.generalizedTime);
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,12}))?Z$/.exec(text);
  if (parts === null) throw info.unexpected('the time of the stamp is no time in UTC');
  const [, year, month, day, hour, minute, second, fraction = ''] = parts;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const time = new Date(iso);
  // A day that is none would be carried over into the next month.
  if (Number.isNaN(time.getTime()) || time.toISOString() !== iso)
    throw info.unexpected('the time of the stamp is no time');
  return time;
}

function refuseCritical(extensions: DerReader): void {
  while (!extensions.atEnd) {
    const extension = extensions.enter();
    const id = extension.oid();
    if (extension.peek() === tag.boolean && extension.boolean())
      throw extension.unexpected(`the critical extension ${id} of the TSTInfo is not known`);
  }
}
