/** Base64 and quoted-printable (RFC 2045 section 6), whole bodies at a time, no regular expression over any of them. */
import { asBuffer } from '../asn1/der.ts';

const CR = 0x0d;
const LF = 0x0a;
const crlf = 0x0d0a;
const lineOctets = 76;
/** Octets that one line of base64 holds. */
const lineContent = 57;

/** Base64 in lines of 76 characters, each ended by CRLF. */
export function encodeBase64Lines(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(base64LinesLength(bytes.length));
  writeBase64Lines(out, 0, bytes);
  return out;
}

/** The same of parts that follow one another, so many octets in all, after a text of ASCII: in one buffer, the parts never joined. */
export function encodeBase64After(text: Uint8Array, parts: Iterable<Uint8Array>, octets: number): Buffer {
  const out = Buffer.allocUnsafe(text.length + base64LinesLength(octets));
  out.set(text);
  let at = text.length;
  let left: Buffer = Buffer.alloc(0);
  for (const part of parts) {
    const missing = left.length === 0 ? 0 : Math.min(lineContent - left.length, part.length);
    if (missing > 0) left = Buffer.concat([left, part.subarray(0, missing)]);
    if (left.length === lineContent) {
      at = writeBase64Lines(out, at, left);
      left = left.subarray(lineContent);
    }
    const end = part.length - ((part.length - missing) % lineContent);
    at = writeBase64Lines(out, at, asBuffer(part.subarray(missing, end)));
    if (end < part.length) left = asBuffer(part.subarray(end));
  }
  writeBase64Lines(out, at, left);
  return out;
}

function base64LinesLength(octets: number): number {
  const characters = Math.ceil(octets / 3) * 4;
  return characters + Math.ceil(characters / lineOctets) * 2;
}

/**
 * Writes the lines from `at` on and returns where they end. The characters are put at the end of that space and moved forward line
 * by line, eight at a time as a number, which takes less time than a copy by a native function for each line. No eight characters
 * of base64 are a NaN, which alone would not come through unchanged.
 */
function writeBase64Lines(out: Buffer, at: number, bytes: Buffer): number {
  const end = at + base64LinesLength(bytes.length);
  let from = end - Math.ceil(bytes.length / 3) * 4;
  out.write(bytes.toString('base64'), from, 'latin1');
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  let to = at;
  for (; end - from >= lineOctets; from += lineOctets) {
    for (let k = 0; k < 72; k += 8) view.setFloat64(to + k, view.getFloat64(from + k));
    view.setUint32(to + 72, view.getUint32(from + 72));
    view.setUint16(to + 76, crlf);
    to += lineOctets + 2;
  }
  if (from < end) {
    out.copyWithin(to, from, end);
    view.setUint16(end - 2, crlf);
  }
  return end;
}

/** Octets outside the alphabet are skipped (RFC 2045 section 6.8); decoding ends at the padding. */
export function decodeBase64(body: Buffer): Buffer {
  return Buffer.from(body.toString('latin1', 0, body.length), 'base64');
}

const hexDigits = Buffer.from('0123456789ABCDEF', 'latin1');
const hexValue = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  hexValue['0123456789abcdef'.charCodeAt(i)] = i;
  hexValue['0123456789ABCDEF'.charCodeAt(i)] = i;
}

/** Malformed escapes stay as they are, as RFC 2045 section 6.7 advises; white space at line ends goes, as it must. */
export function decodeQuotedPrintable(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length);
  let to = 0;
  let solid = 0;
  for (let p = 0; p < body.length; p++) {
    const octet = body[p] as number;
    if (octet === 0x3d) {
      const high = hexValue[body[p + 1] ?? 0] as number;
      const low = hexValue[body[p + 2] ?? 0] as number;
      if (high >= 0 && low >= 0) {
        out[to++] = high * 16 + low;
        p += 2;
        solid = to;
        continue;
      }
      let q = p + 1;
      while (body[q] === 0x20 || body[q] === 0x09) q++;
      if (q >= body.length || body[q] === LF || (body[q] === CR && body[q + 1] === LF)) {
        p = body[q] === CR ? q + 1 : q;
        solid = to;
        continue;
      }
    }
    if (octet === LF || (octet === CR && body[p + 1] === LF)) to = solid;
    out[to++] = octet;
    if (octet !== 0x20 && octet !== 0x09) solid = to;
  }
  return out.subarray(0, solid);
}

/**
 * Text whose lines end at CRLF, as quoted-printable: lines stay under 77 characters, white space at line ends and a
 * leading `From ` or `.` are escaped, so that no relay has a reason to change it (RFC 8551 section 3.1.3, RFC 3156 section 3).
 */
export function encodeQuotedPrintable(text: Buffer): Buffer {
  return continueQuotedPrintable(text, 0, false).encoded;
}

/**
 * The same for a text that comes in pieces.
 * @param startColumn where the last piece left the line
 * @param more further octets follow: the last two may stay unused, since what comes after an octet decides how it is written
 */
export function continueQuotedPrintable(
  text: Buffer,
  startColumn: number,
  more: boolean,
): { readonly encoded: Buffer; readonly used: number; readonly column: number } {
  // The worst line: every octet escaped, 25 escapes and a soft break (3 octets) to each.
  const out = Buffer.allocUnsafe(text.length * 3 + Math.ceil(text.length / 25) * 3 + 16);
  const end = more ? text.length - 2 : text.length;
  let to = 0;
  let column = startColumn;
  let p = 0;
  for (; p < end; p++) {
    const octet = text[p] as number;
    const next = text[p + 1];
    if (octet === CR && next === LF) {
      out[to++] = CR;
      out[to++] = LF;
      p++;
      column = 0;
      continue;
    }
    const lineEnds = next === undefined || (next === CR && text[p + 2] === LF);
    const plain =
      octet === 0x20 || octet === 0x09
        ? !lineEnds
        : octet > 0x20 && octet < 0x7f && octet !== 0x3d && !(column === 0 && (octet === 0x2e || octet === 0x46));
    const width = plain ? 1 : 3;
    // 75 leaves room for the soft break; the last character of a line may take column 76.
    if (column + width > (lineEnds ? 76 : 75)) {
      out[to++] = 0x3d;
      out[to++] = CR;
      out[to++] = LF;
      column = 0;
      p--;
      continue;
    }
    if (plain) out[to++] = octet;
    else {
      out[to++] = 0x3d;
      out[to++] = hexDigits[octet >> 4] as number;
      out[to++] = hexDigits[octet & 15] as number;
    }
    column += width;
  }
  return { encoded: out.subarray(0, to), used: p, column };
}
