/** A small reader of DER, enough to show a certificate. It judges nothing: the authority does. */

export interface Der {
  /** Identifier octet; only tag numbers below 31 occur in certificates. */
  tag: number;
  content: Uint8Array;
  /** The whole element with its header. */
  octets: Uint8Array;
}

/** The element at the start of `octets`; throws a RangeError that names the offset where it does not fit. */
export function readDer(octets: Uint8Array, offset = 0): Der {
  const tag = octets[offset];
  const first = octets[offset + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) {
    throw new RangeError(`No DER element at octet ${offset}`);
  }
  let start = offset + 2;
  let length = first;
  if (first & 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new RangeError(`Unusable DER length at octet ${offset}`);
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + (octets[start + index] ?? 0);
    start += count;
  }
  const end = start + length;
  if (end > octets.length) throw new RangeError(`The DER element at octet ${offset} is cut short`);
  return { tag, content: octets.subarray(start, end), octets: octets.subarray(offset, end) };
}

/** The elements inside a constructed one. */
export function children(parent: Der): Der[] {
  const result: Der[] = [];
  let offset = 0;
  while (offset < parent.content.length) {
    const child = readDer(parent.content, offset);
    result.push(child);
    offset += child.octets.length;
  }
  return result;
}

/** Dotted decimal of an OBJECT IDENTIFIER's content. Arcs may be longer than a double holds: 2.25 has UUIDs below it. */
export function readOid(content: Uint8Array): string {
  const arcs: bigint[] = [];
  let value = 0n;
  for (const octet of content) {
    value = value * 128n + BigInt(octet & 0x7f);
    if (octet & 0x80) continue;
    if (arcs.length === 0) {
      const root = value < 80n ? value / 40n : 2n;
      arcs.push(root, value - root * 40n);
    } else {
      arcs.push(value);
    }
    value = 0n;
  }
  return arcs.join('.');
}

const utf8 = new TextDecoder();
const utf16 = new TextDecoder('utf-16be');
const latin1 = new TextDecoder('latin1');

/** Any character string type. */
export function readText(element: Der): string {
  if (element.tag === 0x1e) return utf16.decode(element.content);
  if (element.tag === 0x14) return latin1.decode(element.content);
  return utf8.decode(element.content);
}

/** UTCTime or GeneralizedTime as ISO 8601. RFC 5280 section 4.1.2.5.1: two-digit years below 50 are in this century. */
export function readTime(element: Der): string {
  const text = utf8.decode(element.content);
  const year = element.tag === 0x17 ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const part = (from: number, to: number) => year.slice(from, to);
  return `${part(0, 4)}-${part(4, 6)}-${part(6, 8)}T${part(8, 10)}:${part(10, 12)}:${part(12, 14)}Z`;
}

export const hex = (octets: Uint8Array) => Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
