/**
 * ASN.1 over one buffer: a reader that moves offsets and builds no tree (X.690), and a writer that makes DER.
 * The reader takes definite lengths only, minimal or not; `ber.ts` turns indefinite lengths into definite ones beforehand.
 */
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { decodeOid } from './decode-oid.ts';
import { decodeString, decodeTime, encodeTimeText, isAscii } from './values.ts';

/** Identifier octets of the universal types (constructed bit included where DER has it). */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Identifier octet of a primitive `[n]`. */
export const context = (n: number): number => 0x80 | n;
/** Identifier octet of a constructed `[n]`. */
export const contextConstructed = (n: number): number => 0xa0 | n;

/** A view of the same octets as a Buffer: no copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * A cursor over the elements of one constructed value. Every method throws `SmimeError` `malformed-asn1` with the offset into
 * `bytes` when the octets are not what was asked for. Returned arrays are views, not copies.
 */
export class DerReader {
  readonly bytes: Buffer;
  /** Offset of the next element. */
  position: number;
  readonly end: number;
  private readonly depth: number;
  private contentStart = 0;
  private contentEnd = 0;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length, depth = 0) {
    // Readers within readers share the buffer that the first of them saw to.
    this.bytes = depth > 0 ? (bytes as Buffer) : asBuffer(bytes);
    this.position = start;
    this.end = end;
    this.depth = depth;
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  /** Identifier octet of the next element, -1 at the end. */
  peek(): number {
    return this.position < this.end ? (this.bytes[this.position] as number) : -1;
  }

  /** Reads a constructed element and returns a reader over its content. */
  enter(expected: number = tag.sequence): DerReader {
    this.take(expected);
    if (this.depth >= limits.asn1Depth)
      throw new SmimeError('limit-exceeded', `ASN.1 is nested deeper than ${limits.asn1Depth}`, {
        offset: this.contentStart,
      });
    return new DerReader(this.bytes, this.contentStart, this.contentEnd, this.depth + 1);
  }

  /** `enter` where the next element has that identifier octet, else undefined and nothing is read. */
  enterIf(expected: number): DerReader | undefined {
    return this.peek() === expected ? this.enter(expected) : undefined;
  }

  /** The next element whole, header included. */
  element(expected?: number): Buffer {
    const start = this.position;
    this.take(expected);
    return this.bytes.subarray(start, this.contentEnd);
  }

  /** The content octets of the next element. */
  content(expected?: number): Buffer {
    this.take(expected);
    return this.bytes.subarray(this.contentStart, this.contentEnd);
  }

  contentIf(expected: number): Buffer | undefined {
    return this.peek() === expected ? this.content(expected) : undefined;
  }

  skip(expected?: number): void {
    this.take(expected);
  }

  /** Skips the next element where it has that identifier octet. */
  skipIf(expected: number): boolean {
    if (this.peek() !== expected) return false;
    this.take(expected);
    return true;
  }

  oid(expected: number = tag.oid): string {
    this.take(expected);
    return decodeOid(this.bytes, this.contentStart, this.contentEnd);
  }

  /** An integer that fits 32 bits: versions, path lengths, iteration counts. */
  smallInteger(expected: number = tag.integer): number {
    const value = this.integerContent(expected);
    if (value.length > 4) throw this.wrong('an integer that fits 32 bits', this.contentStart);
    return value.readIntBE(0, value.length);
  }

  /** Content octets of an INTEGER: two's complement, as encoded, without an octet too many (X.690 8.3.2, BER too). */
  integerContent(expected: number = tag.integer): Buffer {
    const value = this.content(expected);
    const [first, second] = value;
    if (first === undefined) throw this.wrong('an integer of at least one octet', this.contentStart);
    if (second !== undefined && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80))
      throw this.wrong('an integer without padding', this.contentStart);
    if (value.length > limits.integerOctets)
      throw new SmimeError('limit-exceeded', `an integer has more than ${limits.integerOctets} octets`, {
        offset: this.contentStart,
      });
    return value;
  }

  boolean(expected: number = tag.boolean): boolean {
    const value = this.content(expected);
    if (value.length !== 1) throw this.wrong('a boolean of one octet', this.contentStart);
    return value[0] !== 0;
  }

  /** The text of an IA5String, by its own tag or another. Throws for octets that are no ASCII. */
  ascii(expected: number): string {
    const offset = this.position;
    this.take(expected);
    if (!isAscii(this.bytes, this.contentStart, this.contentEnd)) throw this.wrong('an IA5String', offset);
    return this.bytes.toString('latin1', this.contentStart, this.contentEnd);
  }

  /** One character for each content octet. */
  latin1(expected: number): string {
    this.take(expected);
    return this.bytes.toString('latin1', this.contentStart, this.contentEnd);
  }

  octetString(expected: number = tag.octetString): Buffer {
    return this.content(expected);
  }

  /** The octets of a BIT STRING that has no unused bits (keys and signatures). */
  bitStringOctets(expected: number = tag.bitString): Buffer {
    const { unused, octets } = this.bitString(expected);
    if (unused !== 0) throw this.wrong('a bit string without unused bits', this.contentStart);
    return octets;
  }

  bitString(expected: number = tag.bitString): { unused: number; octets: Buffer } {
    const value = this.content(expected);
    const unused = value[0];
    if (unused === undefined || unused > 7 || (unused > 0 && value.length === 1))
      throw this.wrong('a bit string', this.contentStart);
    return { unused, octets: value.subarray(1) };
  }

  null(): void {
    if (this.content(tag.null).length !== 0) throw this.wrong('an empty NULL', this.contentStart);
  }

  /** UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 has them: with seconds, in UTC (`Z`), no fraction. */
  time(): Date {
    const type = this.peek();
    if (type !== tag.utcTime && type !== tag.generalizedTime) throw this.wrong('a time', this.position);
    return this.timeAs(type, type);
  }

  /** A GeneralizedTime, also where its tag is implicit. */
  generalizedTime(expected: number = tag.generalizedTime): Date {
    return this.timeAs(expected, tag.generalizedTime);
  }

  /** Any of the directory string types, IA5String or VisibleString, as text. Undefined for a type that is no string. */
  string(): string | undefined {
    const type = this.peek();
    this.take(undefined);
    return decodeString(type, this.bytes, this.contentStart, this.contentEnd);
  }

  /** Throws unless everything was read. */
  finish(what: string): void {
    if (this.position !== this.end)
      throw new SmimeError('malformed-asn1', `${what} has octets after its end`, { offset: this.position });
  }

  /** The error for content that is well-formed ASN.1 but not the structure wanted. */
  unexpected(message: string, offset: number = this.position): SmimeError {
    return new SmimeError('unexpected-structure', message, { offset });
  }

  private timeAs(expected: number, type: number): Date {
    this.take(expected);
    const value = decodeTime(type, this.bytes, this.contentStart, this.contentEnd);
    if (value === undefined) throw this.wrong('a valid time in UTC with seconds', this.contentStart);
    return value;
  }

  private wrong(wanted: string, offset: number): SmimeError {
    return new SmimeError('malformed-asn1', `expected ${wanted}`, { offset });
  }

  private take(expected: number | undefined): void {
    const { bytes, end, position: start } = this;
    if (start + 2 > end)
      throw new SmimeError(
        'malformed-asn1',
        start >= end ? `expected ${tagName(expected)}, found the end` : 'an element is cut short',
        { offset: start },
      );
    const found = bytes[start] as number;
    if (expected !== undefined && found !== expected) {
      throw new SmimeError('malformed-asn1', `expected ${tagName(expected)}, found ${tagName(found)}`, {
        offset: start,
      });
    }
    if ((found & 0x1f) === 0x1f)
      throw new SmimeError('malformed-asn1', 'a tag number above 30 belongs to no structure of S/MIME', {
        offset: start,
      });
    let p = start + 1;
    let length = bytes[p++] as number;
    if (length > 0x7f) {
      let count = length & 0x7f;
      if (count === 0)
        throw new SmimeError('malformed-asn1', 'an indefinite length, which DER forbids', { offset: start });
      if (p + count > end) throw new SmimeError('malformed-asn1', 'an element is cut short', { offset: start });
      length = 0;
      for (; count > 0; count--) {
        // Beyond 2^45 the length exceeds any buffer: stop before it loses precision.
        if (length > 0x1fff_ffff_ffff) break;
        length = length * 256 + (bytes[p++] as number);
      }
    }
    if (length > end - p)
      throw new SmimeError('malformed-asn1', `an element of ${length} octets does not fit its container`, {
        offset: start,
      });
    this.contentStart = p;
    this.contentEnd = p + length;
    this.position = this.contentEnd;
  }
}

/** Reads `der` as exactly one SEQUENCE (or the constructed element asked for) with nothing after it. */
export function readOnly(der: Uint8Array, what: string, expected: number = tag.sequence): DerReader {
  const outer = new DerReader(der);
  const inner = outer.enter(expected);
  outer.finish(what);
  return inner;
}

const tagNames = new Map<number, string>(Object.entries(tag).map(([name, octet]) => [octet, name]));

function tagName(value: number | undefined): string {
  if (value === undefined) return 'an element';
  const octet = `0x${value.toString(16).padStart(2, '0')}`;
  const name = tagNames.get(value);
  return name === undefined ? `tag ${octet}` : `${name} (${octet})`;
}

// ---- writer

/** Identifier and length octets for a content of `length` octets. */
export function encodeHeader(identifier: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(headerLength(length));
  writeHeader(header, 0, identifier, length);
  return header;
}

/** One element around the concatenated parts. */
export function encodeElement(identifier: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = Buffer.allocUnsafe(headerLength(length) + length);
  let p = writeHeader(out, 0, identifier, length);
  for (const part of parts) {
    // For a few octets a call of a native function takes longer than the copy.
    if (part.length < 24) for (let i = 0; i < part.length; i++) out[p + i] = part[i] as number;
    else out.set(part, p);
    p += part.length;
  }
  return out;
}

export const encodeSequence = (...parts: readonly Uint8Array[]): Buffer => encodeElement(tag.sequence, ...parts);
/** SET OF: DER sorts the encodings (X.690 11.6). */
export const encodeSetOf = (parts: readonly Uint8Array[]): Buffer =>
  encodeElement(tag.set, ...[...parts].sort(Buffer.compare));
export const encodeOctetString = (octets: Uint8Array): Buffer => encodeElement(tag.octetString, octets);
export const encodeBitString = (octets: Uint8Array, unused = 0): Buffer =>
  encodeElement(tag.bitString, Uint8Array.of(unused), octets);
/** Constructed `[n]`: EXPLICIT, or IMPLICIT of a constructed type. */
export const encodeExplicit = (n: number, ...parts: readonly Uint8Array[]): Buffer =>
  encodeElement(contextConstructed(n), ...parts);
/** Primitive `[n]` IMPLICIT. */
export const encodeImplicit = (n: number, content: Uint8Array): Buffer => encodeElement(context(n), content);
export const encodeNull: Uint8Array = Buffer.from([0x05, 0x00]);
export const encodeBoolean = (value: boolean): Buffer => Buffer.from([0x01, 0x01, value ? 0xff : 0x00]);
export const encodeEnumerated = (value: number): Buffer => encodeElement(tag.enumerated, Uint8Array.of(value));
export const encodeUtf8String = (text: string): Buffer => encodeElement(tag.utf8String, Buffer.from(text, 'utf8'));
export const encodePrintableString = (text: string): Buffer =>
  encodeElement(tag.printableString, Buffer.from(text, 'latin1'));
export const encodeIa5String = (text: string): Buffer => encodeElement(tag.ia5String, Buffer.from(text, 'latin1'));

/** INTEGER from a non-negative number, or from big-endian unsigned octets (shortened, sign octet added where needed). */
export function encodeInteger(value: number | Uint8Array): Buffer {
  let octets: Uint8Array;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new SmimeError('invalid-argument', 'only non-negative safe integers are encoded');
    if (value < 0x80) return Buffer.of(tag.integer, 1, value);
    const hex = value.toString(16);
    octets = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
  } else octets = value;
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  if (octets.length === 0) return Buffer.from([tag.integer, 1, 0]);
  const significant = octets.subarray(start);
  return (significant[0] as number) & 0x80
    ? encodeElement(tag.integer, Uint8Array.of(0), significant)
    : encodeElement(tag.integer, significant);
}

const encodedOids = new Map<string, Buffer>();

/** OBJECT IDENTIFIER from its dotted text. Throws `invalid-argument` for text that is none. */
export function encodeOid(text: string): Buffer {
  const known = encodedOids.get(text);
  if (known) return known;
  const arcs = /^[0-2](\.(0|[1-9][0-9]*))+$/.test(text) ? text.split('.').map(BigInt) : [];
  const [root, second] = arcs;
  if (root === undefined || second === undefined || (root < 2n && second > 39n))
    throw new SmimeError('invalid-argument', `"${text}" is no object identifier`);
  const octets: number[] = [];
  for (const arc of [root * 40n + second, ...arcs.slice(2)]) {
    const groups = [Number(arc & 0x7fn)];
    for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) groups.unshift(Number(rest & 0x7fn) | 0x80);
    octets.push(...groups);
  }
  const encoded = encodeElement(tag.oid, Uint8Array.from(octets));
  if (encodedOids.size < 1_000) encodedOids.set(text, encoded);
  return encoded;
}

/** Time as RFC 5280 4.1.2.5 wants it: UTCTime through 2049, GeneralizedTime from then on; whole seconds. */
export function encodeTime(value: Date): Buffer {
  const year = value.getUTCFullYear();
  if (year >= 1950 && year < 2050)
    return encodeElement(tag.utcTime, Buffer.from(encodeTimeText(value).slice(2), 'latin1'));
  return encodeGeneralizedTime(value);
}

export const encodeGeneralizedTime = (value: Date): Buffer =>
  encodeElement(tag.generalizedTime, Buffer.from(encodeTimeText(value), 'latin1'));

/** Octets of identifier and length for a content of `length` octets. */
export function headerLength(length: number): number {
  if (length < 0x80) return 2;
  if (length < 0x100) return 3;
  if (length < 0x10000) return 4;
  if (length < 0x1000000) return 5;
  return length < 0x100000000 ? 6 : 7;
}

/** Writes identifier and length octets at an offset; returns how many they are. */
export function writeHeader(out: Buffer, at: number, identifier: number, length: number): number {
  const size = headerLength(length);
  out[at] = identifier;
  if (size === 2) out[at + 1] = length;
  else {
    out[at + 1] = 0x80 | (size - 2);
    out.writeUIntBE(length, at + 2, size - 2);
  }
  return size;
}
