/**
 * BER into what the DER reader takes (X.690 8.1.3.6, 8.7.3): indefinite lengths become definite, constructed OCTET STRINGs
 * become primitive. CMS and PKCS#12 written by streaming software need it; certificates never do.
 */
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { asBuffer, headerLength, tag, writeHeader } from './der.ts';

/**
 * The same value with definite lengths and primitive octet strings. Octets of elements that already are so stay as they were,
 * so signatures over them still hold; where nothing had to change, the input itself comes back. Trailing octets after the
 * first element are an error. Throws `SmimeError` `malformed-asn1` or `limit-exceeded`; offsets are into the input.
 */
export function normaliseBer(bytes: Uint8Array): Buffer {
  const input = asBuffer(bytes);
  if (!needsWork(input, 0, input.length, 0)) return input;
  const rewriter = new Rewriter(input);
  const length = rewriter.measure(0, input.length, 0, false);
  if (rewriter.next !== input.length)
    throw new SmimeError('malformed-asn1', 'octets after the end of the value', { offset: rewriter.next });
  const out = Buffer.allocUnsafe(length);
  rewriter.write(out, 0, 0, input.length, false);
  return out;
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
  let pieces = 0;
  let length = 0;
  let only = input;
  for (let p = head.content; p < input.length; ) {
    if (input[p] !== tag.octetString)
      throw new SmimeError('malformed-asn1', 'a constructed octet string holds something else', { offset: p });
    const piece = readHead(input, p, input.length);
    pieces = counted(pieces, p);
    only = input.subarray(piece.content, piece.content + piece.length);
    length += piece.length;
    p = piece.content + piece.length;
  }
  if (pieces === 1) return only;
  const out = Buffer.allocUnsafe(length);
  for (let p = head.content, at = 0; p < input.length; ) {
    const piece = readHead(input, p, input.length);
    p = piece.content + piece.length;
    at += input.copy(out, at, piece.content, p);
  }
  return out;
}

interface Head {
  readonly constructed: boolean;
  readonly content: number;
  /** -1: indefinite. */
  readonly length: number;
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

/**
 * Rewrites in two passes: the first finds all lengths, the second writes into one buffer. A megabyte may have a third of a million
 * elements, and an object for each would take a hundred times its octets.
 */
class Rewriter {
  /** Where the element that was read last ends in the input. */
  next = 0;
  readonly #input: Buffer;
  /** For each constructed element that has to change, in the order of the input: octets of its new content. For another -1. */
  readonly #lengths: number[] = [];
  #cursor = 0;
  #pieces = 0;
  #changed = 0;

  constructor(input: Buffer) {
    this.#input = input;
  }

  /**
   * Octets that the element at `start` will take.
   * @param bare it is a piece of a string: its header goes, its octets stay
   */
  measure(start: number, end: number, depth: number, bare: boolean): number {
    if (depth > limits.asn1Depth)
      throw new SmimeError('limit-exceeded', `ASN.1 is nested deeper than ${limits.asn1Depth}`, { offset: start });
    const input = this.#input;
    const head = readHead(input, start, end);
    if (!head.constructed) {
      this.next = head.content + head.length;
      return bare ? head.length : this.next - start;
    }
    const place = this.#lengths.push(-1) - 1;
    const changedBefore = this.#changed;
    const string = input[start] === (tag.octetString | 0x20);
    const contentEnd = head.length < 0 ? end : head.content + head.length;
    let length = 0;
    let p = head.content;
    for (;;) {
      if (head.length < 0) {
        if (p + 2 > end) throw new SmimeError('malformed-asn1', 'an indefinite length never ends', { offset: start });
        if (input[p] === 0 && input[p + 1] === 0) {
          p += 2;
          break;
        }
      } else if (p >= contentEnd) break;
      if (string) {
        this.#pieces = counted(this.#pieces, p);
        const inner = input[p];
        if (inner !== tag.octetString && inner !== (tag.octetString | 0x20))
          throw new SmimeError('malformed-asn1', 'a constructed octet string holds something else', { offset: p });
      }
      length += this.measure(p, contentEnd, depth + 1, string);
      p = this.next;
    }
    this.next = p;
    if (!string && head.length >= 0 && this.#changed === changedBefore) {
      this.#lengths.length = place + 1;
      return p - start;
    }
    this.#changed++;
    this.#lengths[place] = length;
    return bare ? length : length + headerLength(length);
  }

  /** Writes what was measured; returns where the next octet of `out` goes. */
  write(out: Buffer, at: number, start: number, end: number, bare: boolean): number {
    const input = this.#input;
    const head = readHead(input, start, end);
    const length = head.constructed ? (this.#lengths[this.#cursor++] as number) : -1;
    if (length < 0) {
      this.next = head.content + head.length;
      return at + input.copy(out, at, bare ? head.content : start, this.next);
    }
    const string = input[start] === (tag.octetString | 0x20);
    let to = bare ? at : at + writeHeader(out, at, string ? tag.octetString : (input[start] as number), length);
    const contentEnd = head.length < 0 ? end : head.content + head.length;
    let p = head.content;
    while (head.length < 0 ? input[p] !== 0 || input[p + 1] !== 0 : p < contentEnd) {
      to = this.write(out, to, p, contentEnd, string);
      p = this.next;
    }
    this.next = head.length < 0 ? p + 2 : p;
    return to;
  }
}

/** One piece more of a constructed string. */
function counted(pieces: number, offset: number): number {
  if (pieces >= limits.berPieces)
    throw new SmimeError('limit-exceeded', `a constructed string has more than ${limits.berPieces} pieces`, { offset });
  return pieces + 1;
}
