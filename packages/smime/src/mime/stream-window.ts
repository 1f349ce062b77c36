/** The octets of a stream that are still needed, in one buffer that is used again and again. Offsets are into the stream. */
export class StreamWindow {
  /** Everything before was passed on; two octets of it stay, to see how the line before ended. */
  at = 0;
  /** No further octets will come. */
  final = false;
  private memory = Buffer.allocUnsafe(65_536);
  /** Offset of the first octet in memory, and of the octet after the last. */
  private base = 0;
  private filled = 0;

  get end(): number {
    return this.base + this.filled;
  }

  append(chunk: Buffer): void {
    if (this.filled + chunk.length > this.memory.length) this.makeRoom(chunk.length);
    chunk.copy(this.memory, this.filled);
    this.filled += chunk.length;
  }

  /** Undefined where there is none, or none yet. */
  octet(offset: number): number | undefined {
    return offset < this.base || offset >= this.end ? undefined : this.memory[offset - this.base];
  }

  /** The octets from `at` to `stop`, and moves on. The view holds until the next `append`. */
  take(stop: number): Buffer {
    const octets = this.memory.subarray(this.at - this.base, stop - this.base);
    this.at = stop;
    return octets;
  }

  /** Up to `count` octets from `at` on. */
  ahead(count: number): Buffer {
    const from = this.at - this.base;
    return this.memory.subarray(from, Math.min(this.filled, from + count));
  }

  /** Whether all octets before `offset` are there, or will never be. */
  has(offset: number): boolean {
    return this.final || offset <= this.end;
  }

  /** Offset of the octets between `from` and `to`, -1 where they do not stand there whole. */
  indexOf(octets: number | Buffer, from: number, to: number = this.end): number {
    const found = this.memory.subarray(0, to - this.base).indexOf(octets, Math.max(0, from - this.base));
    return found < 0 ? -1 : this.base + found;
  }

  /** Whether the octets stand at `offset`: `more` where too few have come to say. */
  matches(octets: Buffer, offset: number): boolean | 'more' {
    const there = this.memory.subarray(offset - this.base, Math.min(this.filled, offset - this.base + octets.length));
    if (octets.compare(there, 0, there.length, 0, there.length) !== 0) return false;
    if (there.length === octets.length) return true;
    return this.final ? false : 'more';
  }

  private makeRoom(count: number): void {
    const from = Math.max(0, this.at - this.base - 2);
    const kept = this.filled - from;
    // Twice what is needed, so that what is held back is not moved for every chunk.
    const room = kept * 2 + count > this.memory.length ? Buffer.allocUnsafe(kept * 2 + count) : this.memory;
    this.memory.copy(room, 0, from, this.filled);
    this.memory = room;
    this.base += from;
    this.filled = kept;
  }
}
