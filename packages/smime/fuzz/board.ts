/** Which input is in work, written where another thread can read it when no message comes any more. */
const nameSpace = 1_024;

export class Board {
  readonly memory: SharedArrayBuffer;
  readonly #octets: Buffer;

  constructor(memory = new SharedArrayBuffer(8 + nameSpace)) {
    this.memory = memory;
    this.#octets = Buffer.from(memory);
  }

  write(run: number, name: string): void {
    this.#octets.writeUInt32LE(run, 0);
    this.#octets.writeUInt32LE(this.#octets.write(name, 8, 'latin1'), 4);
  }

  read(): { readonly run: number; readonly name: string } {
    const length = this.#octets.readUInt32LE(4);
    return { run: this.#octets.readUInt32LE(0), name: this.#octets.toString('latin1', 8, 8 + length) };
  }
}
