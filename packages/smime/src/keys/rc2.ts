/**
 * RC2 in CBC mode (RFC 2268), decryption only: nearly every PKCS#12 file made before 2022 has its certificates under 40-bit RC2, and so
 * has mail of the nineties; OpenSSL 3 no longer offers it. Nothing is ever encrypted with it here.
 */
import { asBuffer } from '../asn1/der.ts';

/** Decrypts and removes the PKCS#7 padding; undefined where the padding is wrong. */
export function decryptRc2Cbc(
  key: Uint8Array,
  effectiveBits: number,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Buffer | undefined {
  const decipher = new Rc2CbcDecipher(key, effectiveBits, iv);
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** The same piece by piece, as node:crypto's deciphers do it: `final` throws for a wrong padding. */
export class Rc2CbcDecipher {
  private readonly k: Uint16Array;
  private previous: Uint8Array;
  private waiting: Buffer = Buffer.alloc(0);

  /** @param iv 8 octets */
  constructor(key: Uint8Array, effectiveBits: number, iv: Uint8Array) {
    this.k = expandKey(key, effectiveBits);
    this.previous = iv;
  }

  /** All whole blocks but the last one, which may be padding. */
  update(ciphertext: Uint8Array): Buffer {
    const all = this.waiting.length === 0 ? asBuffer(ciphertext) : Buffer.concat([this.waiting, ciphertext]);
    const whole = Math.max(0, Math.ceil(all.length / 8) - 1) * 8;
    this.waiting = Buffer.from(all.subarray(whole));
    return this.decrypt(all.subarray(0, whole));
  }

  final(): Buffer {
    if (this.waiting.length !== 8) throw new RangeError('the ciphertext does not end with a block');
    const last = this.decrypt(this.waiting);
    const padding = octet(last, 7);
    if (padding < 1 || padding > 8 || last.subarray(8 - padding).some((value) => value !== padding))
      throw new RangeError('the padding is wrong');
    return last.subarray(0, 8 - padding);
  }

  private decrypt(blocks: Buffer): Buffer {
    const out = Buffer.alloc(blocks.length);
    const words: [number, number, number, number] = [0, 0, 0, 0];
    for (let block = 0; block < blocks.length; block += 8) {
      for (let i = 0; i < 4; i++) words[i] = blocks.readUInt16LE(block + 2 * i);
      decryptBlock(words, this.k);
      for (let i = 0; i < 8; i++) {
        const before = block === 0 ? octet(this.previous, i) : octet(blocks, block - 8 + i);
        out[block + i] = ((words[i >> 1] as number) >> ((i & 1) * 8)) ^ before;
      }
    }
    if (blocks.length > 0) this.previous = Buffer.from(blocks.subarray(blocks.length - 8));
    return out;
  }
}

const octet = (bytes: Uint8Array, index: number): number => bytes[index] as number;

/** RFC 2268 2. */
function expandKey(key: Uint8Array, effectiveBits: number): Uint16Array {
  const l = new Uint8Array(128);
  l.set(key);
  const size = key.length;
  const effectiveOctets = (effectiveBits + 7) >> 3;
  const mask = 0xff >> (8 * effectiveOctets - effectiveBits);
  for (let i = size; i < 128; i++) l[i] = octet(pi, (octet(l, i - 1) + octet(l, i - size)) & 0xff);
  l[128 - effectiveOctets] = octet(pi, octet(l, 128 - effectiveOctets) & mask);
  for (let i = 127 - effectiveOctets; i >= 0; i--) l[i] = octet(pi, octet(l, i + 1) ^ octet(l, i + effectiveOctets));
  const k = new Uint16Array(64);
  for (let i = 0; i < 64; i++) k[i] = octet(l, 2 * i) | (octet(l, 2 * i + 1) << 8);
  return k;
}

/** RFC 2268 4. */
function decryptBlock(r: [number, number, number, number], k: Uint16Array): void {
  let j = 63;
  const mix = (): void => {
    for (let i = 3; i >= 0; i--) {
      const shift = [1, 2, 3, 5][i] as number;
      const word = r[i] as number;
      const rotated = ((word >> shift) | (word << (16 - shift))) & 0xffff;
      const a = r[(i + 3) & 3] as number;
      const b = r[(i + 2) & 3] as number;
      const c = r[(i + 1) & 3] as number;
      r[i] = (rotated - (k[j--] as number) - (a & b) - (~a & c)) & 0xffff;
    }
  };
  const mash = (): void => {
    for (let i = 3; i >= 0; i--) r[i] = ((r[i] as number) - (k[(r[(i + 3) & 3] as number) & 63] as number)) & 0xffff;
  };
  for (let round = 0; round < 5; round++) mix();
  mash();
  for (let round = 0; round < 6; round++) mix();
  mash();
  for (let round = 0; round < 5; round++) mix();
}

/** PITABLE of RFC 2268 2: octets from the expansion of pi. */
const pi = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2' +
    '179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82' +
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626' +
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7' +
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec' +
    'c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9' +
    '0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  'hex',
);
