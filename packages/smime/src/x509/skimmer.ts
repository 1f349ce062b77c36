/**
 * Walks over DER elements without making an object for any of them, and without a word about what is wrong: whoever gets `false`
 * reads again with `DerReader`, which says it. It takes what that reader takes.
 */
export class Skimmer {
  readonly bytes: Uint8Array;
  /** Offset of the next element. */
  position: number;
  /** Content of the element taken last. */
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  /** Takes the next element, which must have that identifier octet and end before the limit. */
  take(expected: number, limit: number): boolean {
    return this.position < limit && this.bytes[this.position] === expected && this.takeAny(limit);
  }

  /** Takes an object identifier of well-formed arcs. */
  takeOid(limit: number): boolean {
    if (!this.take(0x06, limit)) return false;
    const { bytes, start, end } = this;
    if (end === start || end - start > 128 || (bytes[end - 1] as number) > 0x7f) return false;
    let first = true;
    for (let p = start; p < end; p++) {
      const octet = bytes[p] as number;
      if (first && octet === 0x80) return false;
      first = octet < 0x80;
    }
    return true;
  }

  takeAny(limit: number): boolean {
    const { bytes } = this;
    let p = this.position;
    if (p + 2 > limit || ((bytes[p] as number) & 0x1f) === 0x1f) return false;
    let length = bytes[p + 1] as number;
    p += 2;
    if (length > 0x7f) {
      const count = length & 0x7f;
      if (count === 0 || p + count > limit) return false;
      length = 0;
      // Beyond 2^45 the length exceeds any buffer: stop before it loses precision.
      for (const end = p + count; p < end && length <= 0x1fff_ffff_ffff; p++)
        length = length * 256 + (bytes[p] as number);
    }
    if (length > limit - p) return false;
    this.start = p;
    this.end = p + length;
    this.position = this.end;
    return true;
  }
}
