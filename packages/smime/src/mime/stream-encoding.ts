/** Transfer encodings and line ends of bodies that come in pieces: the same octets that `transfer-encoding.ts` makes of the whole. */
import { SmimeError } from '../errors.ts';
import { toCrlf } from './canonical.ts';
import type { Sink } from './stream-entity.ts';
import {
  continueQuotedPrintable,
  decodeBase64,
  decodeQuotedPrintable,
  encodeBase64Lines,
} from './transfer-encoding.ts';

/** Takes octets piece by piece and hands on what it makes of them. */
export interface Stage {
  push(octets: Buffer): void;
  /** All octets came: hands on what is left. */
  end(): void;
}

/** Undoes a Content-Transfer-Encoding, as `decodeBody` does. */
export function bodyDecoder(transferEncoding: string, out: Sink): Stage {
  if (transferEncoding === 'base64') return base64Decoder(out);
  return transferEncoding === 'quoted-printable' ? quotedPrintableDecoder(out) : { push: out, end: () => {} };
}

const CR = 0x0d;
const LF = 0x0a;
/** One line of 76 characters. */
const lineInput = 57;

/** Base64 in lines of 76 characters, each ended by CRLF. */
export function base64Encoder(out: Sink): Stage {
  let left = Buffer.alloc(0);
  return {
    push: (octets) => {
      let from = 0;
      if (left.length > 0) {
        from = Math.min(octets.length, lineInput - left.length);
        left = Buffer.concat([left, octets.subarray(0, from)]);
        if (left.length < lineInput) return;
        out(encodeBase64Lines(left));
      }
      const end = octets.length - ((octets.length - from) % lineInput);
      if (end > from) out(encodeBase64Lines(octets.subarray(from, end)));
      left = Buffer.from(octets.subarray(end));
    },
    end: () => {
      if (left.length > 0) out(encodeBase64Lines(left));
    },
  };
}

/** Reads base64 as `decodeBase64` does: octets outside the alphabet are skipped, and it ends at the padding. */
export function base64Decoder(out: Sink): Stage {
  let carry = Buffer.alloc(0);
  const slow = new SlowBase64();
  const decode = (block: Buffer): void => {
    const decoded = (slow.atQuantum ? decodeRegular(block) : undefined) ?? slow.decode(block);
    if (decoded.length > 0) out(decoded);
  };
  return {
    push: (octets) => {
      if (slow.ended) return;
      const feed = octets.lastIndexOf(LF);
      // Without line ends there is nothing to align to.
      if (feed < 0 && carry.length + octets.length < longestCarry) carry = Buffer.concat([carry, octets]);
      else {
        const block = octets.subarray(0, feed < 0 ? octets.length : feed + 1);
        if (carry.length === 0) decode(block);
        else {
          const first = block.indexOf(LF) + 1 || block.length;
          decode(Buffer.concat([carry, block.subarray(0, first)]));
          if (first < block.length) decode(block.subarray(first));
        }
        carry = Buffer.from(octets.subarray(block.length));
      }
    },
    end: () => {
      if (carry.length > 0) decode(carry);
      const last = slow.end();
      if (last.length > 0) out(last);
    },
  };
}

/** No regular line is longer. */
const longestCarry = 1_024;
/** White space in one line of quoted-printable text, which is kept until it is known whether the line ends there. */
const longestSpace = 65_536;

/**
 * Decodes lines of equal length that hold whole quantums of four characters and nothing else; undefined where they do not. The
 * length of what comes out says so: any character that was skipped would be missing in it.
 */
function decodeRegular(block: Buffer): Buffer | undefined {
  const width = block.indexOf(LF) + 1;
  const crlf = width > 1 && block[width - 2] === CR;
  const characters = crlf ? width - 2 : width - 1;
  if (width === 0 || characters % 4 !== 0 || block.length % width !== 0) return undefined;
  for (let end = width - 1; end < block.length; end += width)
    if (block[end] !== LF || (crlf && block[end - 1] !== CR)) return undefined;
  const decoded = decodeBase64(block);
  return decoded.length === ((block.length / width) * characters * 3) / 4 ? decoded : undefined;
}

const values = new Int8Array(256).fill(-1);
for (const [value, character] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  values[character.charCodeAt(0)] = value;
// node:crypto's neighbour reads the alphabet of RFC 4648 section 5 as well.
values[0x2d] = 62;
values[0x5f] = 63;

/** Character by character, for what is not regular. */
class SlowBase64 {
  /** Padding was met: what follows is ignored. */
  ended = false;
  private bits = 0;
  private count = 0;

  get atQuantum(): boolean {
    return this.count === 0 && !this.ended;
  }

  decode(block: Buffer): Buffer {
    const out = Buffer.allocUnsafe(Math.ceil(block.length / 4) * 3 + 3);
    let to = 0;
    for (let at = 0; at < block.length && !this.ended; at++) {
      const octet = block[at] as number;
      const value = values[octet] as number;
      if (value < 0) {
        if (octet === 0x3d) this.ended = true;
        continue;
      }
      this.bits = (this.bits << 6) | value;
      if (++this.count < 4) continue;
      out[to++] = this.bits >> 16;
      out[to++] = this.bits >> 8;
      out[to++] = this.bits;
      this.bits = 0;
      this.count = 0;
    }
    return out.subarray(0, to);
  }

  /** What an incomplete quantum gives. */
  end(): Buffer {
    if (this.count === 2) return Buffer.of(this.bits >> 4);
    return this.count === 3 ? Buffer.of(this.bits >> 10, this.bits >> 2) : Buffer.alloc(0);
  }
}

/** Lone CR and lone LF become CRLF. */
export function crlfConverter(out: Sink): Stage {
  let afterCr = false;
  return {
    push: (octets) => {
      if (octets.length === 0) return;
      // The CR that ended the last piece has become CRLF already.
      const rest = afterCr && octets[0] === LF ? octets.subarray(1) : octets;
      afterCr = octets[octets.length - 1] === CR;
      if (rest.length > 0) out(toCrlf(rest));
    },
    end: () => {},
  };
}

/** @param out gets text whose escapes are undone. Throws `limit-exceeded` for white space without end. */
export function quotedPrintableDecoder(out: Sink): Stage {
  let carry = Buffer.alloc(0);
  const decode = (block: Buffer): void => {
    const decoded = decodeQuotedPrintable(block);
    if (decoded.length > 0) out(decoded);
  };
  return {
    push: (octets) => {
      const text = carry.length > 0 ? Buffer.concat([carry, octets]) : octets;
      // A line end settles all that stands before it.
      let settled = text.lastIndexOf(LF) + 1;
      if (text.length - settled > longestCarry) settled = Math.max(settled, lastSolid(text));
      if (settled > 0) decode(text.subarray(0, settled));
      carry = Buffer.from(text.subarray(settled));
      if (carry.length > longestSpace)
        throw new SmimeError('limit-exceeded', 'a line of quoted-printable text holds too much white space');
    },
    end: () => decode(carry),
  };
}

/** The octet after the last one that is neither in an unfinished escape nor white space that a line may end with. */
function lastSolid(text: Buffer): number {
  for (let end = text.length; end > 2; end--) {
    const last = text[end - 1];
    if (last === 0x20 || last === 0x09 || last === CR) continue;
    if (last !== 0x3d && text[end - 2] !== 0x3d) return end;
  }
  return 0;
}

/** @param out gets quoted-printable of text whose lines end at CRLF */
export function quotedPrintableEncoder(out: Sink): Stage {
  let carry = Buffer.alloc(0);
  let column = 0;
  const encode = (text: Buffer, more: boolean): void => {
    const { encoded, used, column: now } = continueQuotedPrintable(text, column, more);
    column = now;
    carry = Buffer.from(text.subarray(used));
    if (encoded.length > 0) out(encoded);
  };
  return {
    push: (octets) => {
      const text = carry.length > 0 ? Buffer.concat([carry, octets]) : octets;
      encode(text, true);
    },
    end: () => encode(carry, false),
  };
}
