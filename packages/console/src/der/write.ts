/** A small writer of DER: each function returns one element. */

export type Octets = Uint8Array<ArrayBuffer>;

/** One element with the given identifier octet. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Octets {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return concat(Uint8Array.of(tag), lengthOf(length), ...parts);
}

export const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
/** DER orders the elements of a SET OF by their octets (X.690 section 11.6). */
export const setOf = (...parts: readonly Uint8Array[]) => der(0x31, ...[...parts].sort(compare));
export const octetString = (octets: Uint8Array) => der(0x04, octets);
export const bitString = (octets: Uint8Array) => der(0x03, Uint8Array.of(0), octets);
export const utf8String = (text: string) => der(0x0c, new TextEncoder().encode(text));
export const nothing = () => der(0x05);
/** `[number]`, constructed, around whole elements. */
export const tagged = (number: number, ...parts: readonly Uint8Array[]) => der(0xa0 | number, ...parts);
/** `[number] IMPLICIT OCTET STRING` or any other primitive. */
export const implicit = (number: number, octets: Uint8Array) => der(0x80 | number, octets);

/** A non-negative INTEGER below 2^53. */
export function integer(value: number): Octets {
  const octets: number[] = [];
  for (let rest = value; octets.length === 0 || rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return unsigned(Uint8Array.from(octets));
}

/** A non-negative INTEGER from its big-endian octets, of any length. */
export function unsigned(octets: Uint8Array): Octets {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const bare = octets.subarray(start);
  return (bare[0] ?? 0) & 0x80 ? der(0x02, Uint8Array.of(0), bare) : der(0x02, bare);
}

/** An OBJECT IDENTIFIER from its dotted decimals. */
export function oid(dotted: string): Octets {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128];
    for (let value = Math.floor(arc / 128); value > 0; value = Math.floor(value / 128))
      groups.unshift((value % 128) | 0x80);
    octets.push(...groups);
  }
  return der(0x06, Uint8Array.from(octets));
}

/** BMPString (UCS-2, big-endian), which PKCS#12 names are written in. */
export function bmpString(text: string): Octets {
  return der(0x1e, ucs2(text));
}

/** UTF-16 code units, big-endian. */
export function ucs2(text: string): Octets {
  const octets = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    octets[index * 2] = unit >> 8;
    octets[index * 2 + 1] = unit & 0xff;
  }
  return octets;
}

export function concat(...parts: readonly Uint8Array[]): Octets {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

function lengthOf(length: number): Octets {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}

function compare(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
