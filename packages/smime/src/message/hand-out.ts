/** Which signed content is handed out while layers go by: that of the innermost signature, as soon as it is clear which one that is. */
import { limits } from '../limits.ts';

export class HandOut {
  /** For whoever reads to take. */
  readonly ready: Buffer[] = [];
  private layer: object | undefined;
  private held: Buffer[] = [];
  private heldLength = 0;
  private settled = false;
  private readonly parts: boolean;

  private readonly wanted: () => boolean;

  /**
   * @param parts false: a signature further out counts, and none on a part
   * @param wanted false once nobody takes what is ready
   */
  constructor(parts: boolean, wanted: () => boolean) {
    this.parts = parts;
    this.wanted = wanted;
  }

  /** A layer whose content comes next, within all that began before. */
  begin(layer: object): void {
    if (this.settled) return;
    this.withdraw();
    this.layer = layer;
  }

  give(layer: object, octets: Buffer): void {
    if (layer !== this.layer || !this.wanted()) return;
    (this.settled ? this.ready : this.held).push(Buffer.from(octets));
    this.heldLength += octets.length;
    if (this.heldLength > mostHeld) this.settle();
  }

  /** No further layer stands within. */
  settle(): void {
    if (this.settled) return;
    this.settled = true;
    this.ready.push(...this.held.splice(0));
  }

  /** A further layer stands within: what was held is not what is shown. */
  withdraw(): void {
    if (this.settled) return;
    this.layer = undefined;
    this.held = [];
    this.heldLength = 0;
  }

  /** A signed part of what is shown, where nothing around it is signed. */
  part(layer: object): void {
    if (this.settled && this.parts) this.layer ??= layer;
  }
}

/** The header of what stands within shows what it is; where one is longer it is not read either. */
const mostHeld = limits.headerOctets + 65_536;
