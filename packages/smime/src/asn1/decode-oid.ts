/** Object identifiers as dotted text (X.690 8.19). */
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';

interface Known {
  readonly octets: Uint8Array;
  readonly text: string;
}

/**
 * Object identifiers recur: the text is kept for each encoding, in as many places as there are here. An encoding that a stranger
 * chose takes the place of another one, which costs time and nothing else.
 */
const known: (Known | undefined)[] = new Array<Known | undefined>(1_024).fill(undefined);

/** The identifier whose content octets these are. Throws `malformed-asn1` with the offset into `bytes`. */
export function decodeOid(bytes: Uint8Array, start: number, end: number): string {
  if (end === start || end - start > limits.oidOctets || ((bytes[end - 1] as number) & 0x80) !== 0) {
    throw new SmimeError('malformed-asn1', 'expected an object identifier', { offset: start });
  }
  let hash = end - start;
  for (let p = start; p < end; p++) hash = Math.imul(hash ^ (bytes[p] as number), 0x01000193);
  const place = (hash ^ (hash >>> 15)) & (known.length - 1);
  const candidate = known[place];
  if (candidate !== undefined && standsAt(candidate.octets, bytes, start, end)) return candidate.text;
  const text = spell(bytes, start, end);
  known[place] = { octets: new Uint8Array(bytes.subarray(start, end)), text };
  return text;
}

function standsAt(octets: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (octets.length !== end - start) return false;
  for (let p = start; p < end; p++) if (octets[p - start] !== bytes[p]) return false;
  return true;
}

function spell(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let arc = 0n;
  let small = 0;
  let big = false;
  let first = true;
  for (let p = start; p < end; p++) {
    const octet = bytes[p] as number;
    if (small === 0 && !big && octet === 0x80)
      throw new SmimeError('malformed-asn1', 'an object identifier has a padded arc', { offset: p });
    if (!big && small > 0xffff_ffff_ffff / 128) {
      big = true;
      arc = BigInt(small);
    }
    if (big) arc = arc * 128n + BigInt(octet & 0x7f);
    else small = small * 128 + (octet & 0x7f);
    if (octet & 0x80) continue;
    if (first) {
      const root = !big && small < 40 ? 0 : !big && small < 80 ? 1 : 2;
      text = `${root}.${big ? arc - 80n : small - root * 40}`;
      first = false;
    } else text += `.${big ? arc : small}`;
    small = 0;
    big = false;
  }
  // As a property key the text becomes the very string that the table of identifiers has, and compares as fast as a number.
  return Object.keys({ [text]: true })[0] as string;
}
