/**
 * BER that comes in pieces (X.690 8.1.3): small elements are given whole, long strings handed on as they come. Its functions are
 * generators that pause where the next octets have not come yet: read top-down, they are a parser like any other.
 */
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { normaliseBer } from './ber.ts';
import { tag } from './der.ts';

/** Yields where it must wait for octets. */
export type Waiting<T> = Generator<undefined, T, undefined>;

/** Octets that elements may yet fill: they are kept, and a stranger says how long they are. */
export interface Budget {
  left: number;
}

interface Container {
  readonly indefinite: boolean;
  /** Offset of its end, or of the end of what is around it. */
  readonly end: number;
}

interface Head {
  readonly identifier: number;
  readonly size: number;
  /** -1: indefinite. */
  readonly length: number;
}

export class BerStream {
  /** Offset of the next octet. */
  offset = 0;
  private pending: Buffer = Buffer.alloc(0);
  private ended = false;
  private readonly containers: Container[] = [];

  /** Takes the next octets; whoever reads is to be resumed then, and `settle` called once it waits again. */
  push(octets: Buffer): void {
    this.pending = this.pending.length === 0 ? octets : Buffer.concat([this.pending, octets]);
  }

  /** Keeps what was not read: the octets that were pushed belong to somebody else. */
  settle(): void {
    this.pending = Buffer.from(this.pending);
  }

  end(): void {
    this.ended = true;
  }

  /** Whether another element follows in the container, or in the stream. */
  *more(): Waiting<boolean> {
    const container = this.containers.at(-1);
    if (container === undefined) {
      while (this.pending.length === 0 && !this.ended) yield;
      return this.pending.length > 0;
    }
    if (!container.indefinite) return this.offset < container.end;
    yield* this.need(2);
    return this.pending[0] !== 0 || this.pending[1] !== 0;
  }

  /** Identifier octet of the next element. */
  *peek(): Waiting<number> {
    yield* this.need(1);
    return this.pending[0] as number;
  }

  /** Enters a constructed element. Throws `unexpected-structure` for another one. */
  *enter(expected: number): Waiting<void> {
    const head = yield* this.head();
    if (head.identifier !== expected) throw this.unexpected();
    this.open(head);
  }

  /** Leaves the element entered last. Throws `malformed-asn1` where it holds more. */
  *leave(): Waiting<void> {
    if (yield* this.more()) throw malformed('an element holds more than it should', this.offset);
    if (this.containers.pop()?.indefinite) this.skip(2);
  }

  /** The next element with definite lengths (X.690 10.1), as far as the budget reaches: else `limit-exceeded`. */
  *element(budget: Budget): Waiting<Buffer> {
    const kept = new Growing();
    let begun = false;
    // Elements of indefinite length that are open, and what is missing of one whose length is known.
    let depth = 0;
    let missing = 0;
    for (;;) {
      const { pending } = this;
      let at = 0;
      while (!begun || depth > 0 || missing > 0) {
        if (missing > 0) {
          const part = Math.min(missing, pending.length - at);
          at += part;
          missing -= part;
          if (missing > 0) break;
          continue;
        }
        if (depth > 0 && pending[at] === 0 && pending[at + 1] === 0) {
          at += 2;
          depth--;
          continue;
        }
        const head = this.headAt(at);
        if (head === undefined) break;
        begun = true;
        at += head.size;
        if (head.length < 0) depth++;
        else missing = head.length;
        if (this.containers.length + depth > limits.asn1Depth) throw tooDeep(this.offset + at);
        if (at + missing > budget.left) throw tooMuch(this.offset + at);
      }
      budget.left -= at;
      kept.add(pending.subarray(0, at));
      this.skip(at);
      if (begun && depth === 0 && missing === 0) return normaliseBer(kept.octets);
      yield* this.need(this.pending.length + 1);
    }
  }

  /**
   * Hands on the octets of the next element, a string that may be constructed of strings (X.690 8.7.3).
   * @param identifier of the primitive form, universal or implicit
   */
  *string(identifier: number, out: (octets: Buffer) => void): Waiting<void> {
    const gather = new Gather(out);
    yield* this.stringPart(identifier, gather);
    gather.flush();
  }

  /** Hands on the content octets of the next element, whatever it is. */
  *content(out: (octets: Buffer) => void): Waiting<void> {
    const head = yield* this.head();
    if (head.length < 0) throw malformed('content of this type must have a definite length', this.offset);
    this.skip(head.size);
    yield* this.octets(head.length, out);
  }

  private *stringPart(identifier: number, gather: Gather): Waiting<void> {
    const head = yield* this.head();
    if (head.identifier === identifier) {
      this.skip(head.size);
      yield* this.octets(head.length, (octets) => gather.add(octets));
      return;
    }
    if (head.identifier !== (identifier | 0x20)) throw this.unexpected();
    this.open(head);
    for (;;) {
      this.wholePieces(gather);
      if (!(yield* this.more())) break;
      gather.spend(this.offset);
      yield* this.stringPart(tag.octetString, gather);
    }
    yield* this.leave();
  }

  /** The pieces of a constructed string that have come whole: there may be very many, so that none waits by itself. */
  private wholePieces(gather: Gather): void {
    const { pending } = this;
    const end = Math.min(pending.length, this.room() - this.offset);
    let at = 0;
    while (at < end && pending[at] === tag.octetString) {
      const head = this.headAt(at);
      if (head === undefined || at + head.size + head.length > end) break;
      gather.spend(this.offset + at);
      gather.add(pending.subarray(at + head.size, at + head.size + head.length));
      at += head.size + head.length;
    }
    this.skip(at);
  }

  private *octets(length: number, out: (octets: Buffer) => void): Waiting<void> {
    for (let left = length; left > 0; ) {
      yield* this.need(1);
      const part = this.pending.subarray(0, left);
      this.skip(part.length);
      left -= part.length;
      out(part);
    }
  }

  private *head(): Waiting<Head> {
    for (;;) {
      const head = this.headAt(0);
      if (head) return head;
      yield* this.need(this.pending.length + 1);
    }
  }

  /** The head of the element that begins `at` octets from here; undefined where it has not come whole. */
  private headAt(at: number): Head | undefined {
    const { pending } = this;
    if (at + 2 > pending.length) return undefined;
    const identifier = pending[at] as number;
    const offset = this.offset + at;
    if ((identifier & 0x1f) === 0x1f)
      throw malformed('a tag number above 30 belongs to no structure of S/MIME', offset);
    const first = pending[at + 1] as number;
    if (first === 0x80) {
      if (!(identifier & 0x20)) throw malformed('a primitive element has an indefinite length', offset);
      return { identifier, size: 2, length: -1 };
    }
    const size = 2 + (first > 0x80 ? first & 0x7f : 0);
    if (at + size > pending.length) return undefined;
    let length = size === 2 ? first : 0;
    for (let p = at + 2; p < at + size; p++) {
      length = length * 256 + (pending[p] as number);
      if (length > Number.MAX_SAFE_INTEGER) throw malformed('an element is longer than anything', offset);
    }
    if (offset + size + length > this.room())
      throw malformed(`an element of ${length} octets does not fit its container`, offset);
    return { identifier, size, length };
  }

  private open({ size, length }: Head): void {
    if (this.containers.length >= limits.asn1Depth) throw tooDeep(this.offset);
    this.skip(size);
    const indefinite = length < 0;
    this.containers.push({ indefinite, end: indefinite ? this.room() : this.offset + length });
  }

  private *need(count: number): Waiting<void> {
    if (this.offset + count > this.room()) throw malformed('an element is cut short', this.offset);
    while (this.pending.length < count) {
      if (this.ended) throw malformed('an element is cut short', this.offset);
      yield;
    }
  }

  private room(): number {
    return this.containers.at(-1)?.end ?? Number.POSITIVE_INFINITY;
  }

  private skip(count: number): void {
    this.pending = this.pending.subarray(count);
    this.offset += count;
  }

  private unexpected(): SmimeError {
    const found = (this.pending[0] as number).toString(16).padStart(2, '0');
    return new SmimeError('unexpected-structure', `found the unexpected tag 0x${found}`, { offset: this.offset });
  }
}

const malformed = (message: string, offset: number): SmimeError =>
  new SmimeError('malformed-asn1', message, { offset });
const tooDeep = (offset: number): SmimeError =>
  new SmimeError('limit-exceeded', `ASN.1 is nested deeper than ${limits.asn1Depth}`, { offset });
const tooMuch = (offset: number): SmimeError =>
  new SmimeError('limit-exceeded', 'the object holds too much beside its content', { offset });

/** Copies of octets, one after another: millions of small elements must not become millions of buffers. */
class Growing {
  private memory = Buffer.alloc(0);
  private filled = 0;

  add(octets: Buffer): void {
    if (octets.length === 0) return;
    if (this.filled + octets.length > this.memory.length) {
      const larger = Buffer.allocUnsafe((this.filled + octets.length) * 2);
      this.memory.copy(larger, 0, 0, this.filled);
      this.memory = larger;
    }
    this.filled += octets.copy(this.memory, this.filled);
  }

  get octets(): Buffer {
    return this.memory.subarray(0, this.filled);
  }
}

/** Joins the small pieces of a constructed string: some writers make them of 1,000 octets, an attacker of one. */
class Gather {
  private readonly out: (octets: Buffer) => void;
  private memory = Buffer.alloc(0);
  private filled = 0;
  private pieces = 0;

  constructor(out: (octets: Buffer) => void) {
    this.out = out;
  }

  add(octets: Buffer): void {
    if (octets.length >= gathered / 2) {
      this.flush();
      this.out(octets);
      return;
    }
    if (this.filled + octets.length > gathered) this.flush();
    if (this.memory.length === 0) this.memory = Buffer.allocUnsafe(gathered);
    this.filled += octets.copy(this.memory, this.filled);
  }

  /** Counts the pieces of a constructed string. */
  spend(offset: number): void {
    if (++this.pieces > limits.berPieces)
      throw new SmimeError('limit-exceeded', `a constructed string has more than ${limits.berPieces} pieces`, {
        offset,
      });
  }

  flush(): void {
    if (this.filled > 0) this.out(this.memory.subarray(0, this.filled));
    this.memory = Buffer.alloc(0);
    this.filled = 0;
  }
}

const gathered = 65_536;
