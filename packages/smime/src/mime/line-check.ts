/**
 * Whether lines are such that no relay has a reason to change them (RFC 8551 section 3.1, RFC 5322 section 2.1.1): ASCII, no NUL,
 * no line over 998 octets, no white space at a line's end, no line that begins `From `; and whether all of them end at CRLF.
 * Works on octets as they come, four at a time: a look at every line by itself costs more than hashing it.
 */

const CR = 0x0d;
const LF = 0x0a;
/** RFC 5322 section 2.1.1. */
const longestLine = 998;

export class LineCheck {
  /** A CR or an LF stands alone. Apart from that `unsafe` reads each of them as the end of a line. */
  bare = false;
  unsafe = false;
  /** Octets of the line in progress, its last one and, while they are fewer than five, its first ones. */
  private column = 0;
  private last = 0;
  private first = '';

  /** From here on a line begins. */
  restart(): void {
    this.column = 0;
    this.last = 0;
    this.first = '';
  }

  push(octets: Buffer): void {
    const { length } = octets;
    if (length === 0) return;
    let lineStart = -this.column;
    let at = 0;
    if (this.last === CR) {
      if (octets[0] === LF) at = 1;
      else this.bare = true;
      lineStart = at;
      this.beginLine(octets, at);
    } else if (this.column < 5 && this.first + octets.toString('latin1', 0, 5 - this.column) === 'From ')
      this.unsafe = true;
    const shift = (4 - (octets.byteOffset & 3)) & 3;
    const words =
      length < shift + 4
        ? noWords
        : new Int32Array(octets.buffer, octets.byteOffset + shift, Math.floor((length - shift) / 4));
    for (at = nextControl(octets, words, shift, at); at < length; at = nextControl(octets, words, shift, at)) {
      const octet = octets[at] as number;
      if (octet !== CR && octet !== LF) {
        if (octet === 0 || octet > 0x7f) this.unsafe = true;
        at++;
        continue;
      }
      this.endContent(at - lineStart, at > 0 ? (octets[at - 1] as number) : this.last);
      if (octet === LF) this.bare = true;
      else if (at + 1 < length) {
        if (octets[at + 1] === LF) at++;
        else this.bare = true;
      }
      at++;
      lineStart = at;
      this.beginLine(octets, at);
    }
    const before = length - lineStart;
    if (before < 5)
      this.first = lineStart < 0 ? this.first + octets.toString('latin1') : octets.toString('latin1', lineStart);
    this.column = before;
    this.last = octets[length - 1] as number;
  }

  /** The body ends here, within a line or after one. */
  end(): void {
    if (this.last === CR) this.bare = true;
    else if (this.column > 0) this.endContent(this.column, this.last);
  }

  private beginLine(octets: Buffer, at: number): void {
    if (octets[at] === 0x46 && octets.toString('latin1', at, at + 5) === 'From ') this.unsafe = true;
  }

  private endContent(length: number, last: number): void {
    if (length > longestLine || (length > 0 && (last === 0x20 || last === 0x09))) this.unsafe = true;
  }
}

const noWords = new Int32Array(0);

/** The next octet that is none of TAB and 0x20 to 0x7f, or the length. @param words the octets from `shift` on, in fours */
function nextControl(octets: Buffer, words: Int32Array, shift: number, from: number): number {
  const { length } = octets;
  let at = from;
  while (at < length && (at < shift || ((at - shift) & 3) !== 0)) {
    if (isControl(octets[at] as number)) return at;
    at++;
  }
  let w = Math.max(0, (at - shift) >> 2);
  for (const last = words.length - 4; w <= last; w += 4)
    if (
      (marks(words[w] as number) |
        marks(words[w + 1] as number) |
        marks(words[w + 2] as number) |
        marks(words[w + 3] as number)) &
      0x80808080
    )
      break;
  for (; w < words.length; w++) {
    if ((marks(words[w] as number) & 0x80808080) === 0) continue;
    const start = shift + w * 4;
    for (let p = start; p < start + 4; p++) if (isControl(octets[p] as number)) return p;
  }
  at = Math.max(at, shift + words.length * 4);
  while (at < length && !isControl(octets[at] as number)) at++;
  return at;
}

/** A borrow marks an octet below 0x20; one above 0x7f has the mark of its own. */
const marks = (four: number): number => ((four - 0x20202020) & ~four) | four;

const isControl = (octet: number): boolean => (octet < 0x20 && octet !== 0x09) || octet > 0x7f;
