/**
 * Recognises a ciphertext that is read a second time. Its tag is checked in the first reading and its text handed out in the second:
 * should the source give other octets then, they must be noticed before their text is out. So each segment of the first
 * reading gets a seal, under a key that never leaves this process, and is looked at again before it is used.
 */
import { type CipherGCM, createCipheriv, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';

/** Octets of a segment, which is held while it is looked at. Seals take 64 octets for each megabyte. */
const segmentOctets = 262_144;
const sealOctets = 16;

export class Seals {
  private readonly key = createSecretKey(randomBytes(32));
  private seals = Buffer.alloc(sealOctets * 64);
  private count = 0;
  private open: Buffer[] = [];
  private openLength = 0;

  /** In the first reading: the next octets, which may change once this returns. */
  mark(octets: Buffer): void {
    for (let at = 0; at < octets.length; ) {
      const part = octets.subarray(at, at + segmentOctets - this.openLength);
      this.marking ??= this.macOf(this.count);
      this.marking.setAAD(part);
      this.openLength += part.length;
      at += part.length;
      if (this.openLength === segmentOctets) this.endSegment();
    }
  }

  markEnd(): void {
    this.endSegment();
    this.total = this.count;
    this.count = 0;
  }

  private endSegment(): void {
    this.add(sealOf(this.marking ?? this.macOf(this.count)));
    this.marking = undefined;
    this.openLength = 0;
  }

  /** Of the segment that is read for the first time: it need not be held. */
  private marking: CipherGCM | undefined;
  private total = 0;

  /** Before each further reading. */
  restart(): void {
    this.count = 0;
    this.open = [];
    this.openLength = 0;
  }

  /** In the second reading: the octets of all segments that are complete now. Undefined where one of them is not the same. */
  check(octets: Buffer): Buffer[] | undefined {
    const proven: Buffer[] = [];
    let same = true;
    this.cut(octets, () => {
      same &&= this.isNext();
      if (same) proven.push(...this.open);
    });
    return same ? proven : undefined;
  }

  checkEnd(): Buffer[] | undefined {
    const same = this.isNext() && this.count === this.total;
    return same ? this.open : undefined;
  }

  /** Collects octets, and calls `complete` whenever they fill a segment. */
  private cut(octets: Buffer, complete: () => void): void {
    for (let at = 0; at < octets.length; ) {
      const part = octets.subarray(at, at + segmentOctets - this.openLength);
      this.open.push(Buffer.from(part));
      this.openLength += part.length;
      at += part.length;
      if (this.openLength < segmentOctets) continue;
      complete();
      this.open = [];
      this.openLength = 0;
    }
  }

  private isNext(): boolean {
    if (this.count >= this.total) return false;
    const at = this.count * sealOctets;
    const seal = this.seal(this.count++);
    return timingSafeEqual(seal, this.seals.subarray(at, at + sealOctets));
  }

  private add(seal: Buffer): void {
    if ((this.count + 1) * sealOctets > this.seals.length)
      this.seals = Buffer.concat([this.seals], this.seals.length * 2);
    seal.copy(this.seals, this.count * sealOctets);
    this.count++;
  }

  private seal(number: number): Buffer {
    const mac = this.macOf(number);
    for (const octets of this.open) mac.setAAD(octets);
    return sealOf(mac);
  }

  /** GMAC of one segment; its nonce is its number. */
  private macOf(number: number): CipherGCM {
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(number, 6, 6);
    return createCipheriv('aes-256-gcm', this.key, nonce);
  }
}

function sealOf(mac: CipherGCM): Buffer {
  mac.final();
  return mac.getAuthTag();
}
