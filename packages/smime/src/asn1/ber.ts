/**
 * BER into what the DER reader takes (X.690 8.1.3.6, 8.7.3): indefinite lengths become definite, constructed OCTET STRINGs
 * become primitive. CMS and PKCS#12 written by streaming software need it; certificates never do.
 */
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { asBuffer, encodeHeader, tag } from './der.ts';

/**
 * The same value with definite lengths and primitive octet strings. Octets of elements that already are so stay as they were,
 * so signatures over them still hold; where nothing had to change, the input itself comes back. Trailing octets after the
 * first element are an error. Throws `SmimeError` `malformed-asn1` or `limit-exceeded`; offsets are into the input.
 */
export function normaliseBer(bytes: Uint8Array): Buffer {
  const input = asBuffer(bytes);
  if (!needsWork(input, 0, input.length, 0)) return input;
  const piece = rewrite(input, 0, input.length, 0, { pieces: 0 });
  if (piece.next !== input.length)
    throw new SmimeError('malformed-asn1', 'octets after the end of the value', { offset: piece.next });
  return Buffer.concat(piece.chunks, piece.length);
}

/** True where every length is definite and minimal: what DER asks of lengths (X.690 10.1). */
export function hasDerLengths(bytes: Uint8Array): boolean {
  const input = asBuffer(bytes);
  const walk = (start: number, end: number, depth: number): boolean => {
    for (let p = start; p < end; ) {
      const head = readHead(input, p, end);
      if (head.length < 0) return false;
      const size = head.content - p - 1;
      if (size > 1 && (head.length < 0x80 || head.length < 256 ** (size - 2))) return false;
      if (head.constructed && (depth >= limits.asn1Depth || !walk(head.content, head.content + head.length, depth + 1)))
        return false;
      p = head.content + head.length;
    }
    return true;
  };
  return walk(0, input.length, 0);
}

/**
 * The octets of an IMPLICIT OCTET STRING `[n]` whose element starts at `element`: primitive as they are, constructed joined.
 * Takes an element that went through `normaliseBer`.
 */
export function implicitOctets(element: Uint8Array): Buffer {
  const input = asBuffer(element);
  const head = readHead(input, 0, input.length);
  if (!head.constructed) return input.subarray(head.content);
  const budget = { pieces: 0 };
  const parts: Buffer[] = [];
  for (let p = head.content; p < input.length; ) {
    if (input[p] !== tag.octetString)
      throw new SmimeError('malformed-asn1', 'a constructed octet string holds something else', { offset: p });
    const piece = readHead(input, p, input.length);
    spend(budget, p);
    parts.push(input.subarray(piece.content, piece.content + piece.length));
    p = piece.content + piece.length;
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

interface Head {
  readonly constructed: boolean;
  readonly content: number;
  /** -1: indefinite. */
  readonly length: number;
}

interface Piece {
  readonly chunks: Buffer[];
  readonly length: number;
  readonly next: number;
  /** One chunk, the octets as they came. */
  readonly unchanged: boolean;
}

function readHead(input: Buffer, start: number, end: number): Head {
  if (start + 2 > end) throw new SmimeError('malformed-asn1', 'an element is cut short', { offset: start });
  const identifier = input[start] as number;
  if ((identifier & 0x1f) === 0x1f)
    throw new SmimeError('malformed-asn1', 'a tag number above 30 belongs to no structure of S/MIME', {
      offset: start,
    });
  const constructed = (identifier & 0x20) !== 0;
  let p = start + 1;
  let length = input[p++] as number;
  if (length === 0x80) {
    if (!constructed)
      throw new SmimeError('malformed-asn1', 'a primitive element has an indefinite length', { offset: start });
    return { constructed, content: p, length: -1 };
  }
  if (length > 0x80) {
    const count = length & 0x7f;
    if (p + count > end) throw new SmimeError('malformed-asn1', 'an element is cut short', { offset: start });
    length = 0;
    for (let i = 0; i < count && length <= 0x1fff_ffff_ffff; i++) length = length * 256 + (input[p++] as number);
  }
  if (length > end - p)
    throw new SmimeError('malformed-asn1', `an element of ${length} octets does not fit its container`, {
      offset: start,
    });
  return { constructed, content: p, length };
}

/** Only looks: true where an indefinite length or a constructed octet string stands in the elements from start to end. */
function needsWork(input: Buffer, start: number, end: number, depth: number): boolean {
  if (depth > limits.asn1Depth)
    throw new SmimeError('limit-exceeded', `ASN.1 is nested deeper than ${limits.asn1Depth}`, { offset: start });
  for (let p = start; p < end; ) {
    const head = readHead(input, p, end);
    if (head.length < 0 || input[p] === (tag.octetString | 0x20)) return true;
    if (head.constructed && needsWork(input, head.content, head.content + head.length, depth + 1)) return true;
    p = head.content + head.length;
  }
  return false;
}

function rewrite(input: Buffer, start: number, end: number, depth: number, budget: { pieces: number }): Piece {
  if (depth > limits.asn1Depth)
    throw new SmimeError('limit-exceeded', `ASN.1 is nested deeper than ${limits.asn1Depth}`, { offset: start });
  const head = readHead(input, start, end);
  const identifier = input[start] as number;
  if (!head.constructed) {
    const next = head.content + head.length;
    return { chunks: [input.subarray(start, next)], length: next - start, next, unchanged: true };
  }
  const string = identifier === (tag.octetString | 0x20);
  const chunks: Buffer[] = [];
  let length = 0;
  // Elements that stay as they are become one chunk, however many and small they are.
  let runStart = -1;
  let unchanged = head.length >= 0 && !string;
  let p = head.content;
  const contentEnd = head.length < 0 ? end : head.content + head.length;
  for (;;) {
    if (head.length < 0) {
      if (p + 2 > end) throw new SmimeError('malformed-asn1', 'an indefinite length never ends', { offset: start });
      if (input[p] === 0 && input[p + 1] === 0) {
        p += 2;
        break;
      }
    } else if (p >= contentEnd) break;
    if (string) {
      spend(budget, p);
      const inner = input[p];
      if (inner !== tag.octetString && inner !== (tag.octetString | 0x20))
        throw new SmimeError('malformed-asn1', 'a constructed octet string holds something else', { offset: p });
    }
    if (!string && !((input[p] as number) & 0x20)) {
      // By far the most elements: they join the run without a chunk of their own.
      const { content, length: size } = readHead(input, p, contentEnd);
      if (runStart < 0) {
        runStart = p;
        chunks.push(input);
      }
      chunks[chunks.length - 1] = input.subarray(runStart, content + size);
      length += content + size - p;
      p = content + size;
      continue;
    }
    const piece = rewrite(input, p, contentEnd, depth + 1, budget);
    if (string) {
      // A rewritten octet string is primitive: its header goes, its octets stay.
      const whole = piece.chunks.length === 1 ? (piece.chunks[0] as Buffer) : undefined;
      if (whole) {
        const content = whole.subarray(readHead(whole, 0, whole.length).content);
        chunks.push(content);
        length += content.length;
      } else {
        for (const chunk of piece.chunks.slice(1)) {
          chunks.push(chunk);
          length += chunk.length;
        }
      }
    } else {
      if (piece.unchanged && runStart >= 0) chunks[chunks.length - 1] = input.subarray(runStart, piece.next);
      else for (const chunk of piece.chunks) chunks.push(chunk);
      if (!piece.unchanged) {
        runStart = -1;
        unchanged = false;
      } else if (runStart < 0) runStart = p;
      length += piece.length;
    }
    p = piece.next;
  }
  const header = encodeHeader(string ? tag.octetString : identifier, length);
  if (unchanged && header.length === head.content - start)
    return { chunks: [input.subarray(start, p)], length: p - start, next: p, unchanged };
  chunks.unshift(header);
  return { chunks, length: length + header.length, next: p, unchanged: false };
}

function spend(budget: { pieces: number }, offset: number): void {
  budget.pieces += 1;
  if (budget.pieces > limits.berPieces)
    throw new SmimeError('limit-exceeded', `a constructed string has more than ${limits.berPieces} pieces`, { offset });
}
