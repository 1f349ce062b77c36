/** Octets as a client sends them, kept in few pieces: one that sends them one by one would else take hundreds of times their memory. */
export class Pieces {
  readonly #pieces: Buffer[] = [];
  /** Of those, the last that are as they came. */
  #loose = 0;
  octets = 0;

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.octets += piece.length;
    if (++this.#loose < mostLoose) return;
    this.#pieces.push(Buffer.concat(this.#pieces.splice(-this.#loose)));
    this.#loose = 0;
  }

  /** All of them, and none is left here. */
  take(): Buffer[] {
    this.#loose = 0;
    this.octets = 0;
    return this.#pieces.splice(0);
  }
}

const mostLoose = 512;
