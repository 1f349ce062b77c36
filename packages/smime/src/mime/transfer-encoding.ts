/** Base64 and quoted-printable (RFC 2045 section 6), whole bodies at a time, no regular expression over any of them. */

const CR = 0x0d;
const LF = 0x0a;
const lineOctets = 76;

/** Base64 in lines of 76 characters, each ended by CRLF. */
export function encodeBase64Lines(bytes: Buffer): Buffer {
  const flat = Buffer.allocUnsafe(Math.ceil(bytes.length / 3) * 4);
  flat.write(bytes.toString('base64'), 'latin1');
  const lines = Math.ceil(flat.length / lineOctets);
  const out = Buffer.allocUnsafe(flat.length + lines * 2);
  let to = 0;
  for (let from = 0; from < flat.length; from += lineOctets) {
    to += flat.copy(out, to, from, from + lineOctets);
    out[to++] = CR;
    out[to++] = LF;
  }
  return out;
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
