/** Certificate revocation lists to be signed (RFC 5280 5.1.2): entries are encoded as they come, and none is kept as an object. */
import {
  encodeBitString,
  encodeElement,
  encodeExplicit,
  encodeHeader,
  encodeInteger,
  encodeSequence,
  encodeTime,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { nameDer, serialInteger } from './certificate.ts';
import { type Extension, encodeExtensions, type RevocationReason, revocationReasons } from './extensions.ts';
import type { Name } from './name.ts';

/** One entry for a CRL to be made. */
export interface RevokedCertificate {
  /** Hex, as `Certificate.serialNumber`. */
  readonly serialNumber: string;
  readonly revokedAt: Date;
  readonly reason?: RevocationReason;
}

/** The fields of a CRL that a CA is about to sign. */
export interface TbsCrlInput {
  /** DER AlgorithmIdentifier, see `signatureAlgorithmFor`. */
  readonly signatureAlgorithm: Uint8Array;
  readonly issuer: Uint8Array | Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** A `RevokedList` where there are many, or where they come from a database piece by piece. */
  readonly entries: Iterable<RevokedCertificate> | RevokedList;
  /** CRL number and authority key identifier at least (RFC 5280 5.2). */
  readonly extensions: readonly Extension[];
}

/** The DER TBSCertList (version 2) that a CA signs, see `assembleSigned`; of a long list, see `layOutCrl`. */
export function buildTbsCrl(input: TbsCrlInput): Uint8Array {
  const list = listOf(input);
  const { before, after } = fieldsAround(list, input);
  return encodeSequence(...before, ...list.pieces, ...after);
}

/** A CRL in one buffer that has room for its signature: however long it is, it stands in memory once. */
export interface CrlToSign {
  /** DER TBSCertList: what is signed. */
  readonly tbs: Uint8Array;
  readonly entryCount: number;
  /** The whole list, DER, in the same memory. Throws `SmimeError` `invalid-argument` for a signature of more than 8,000 octets. */
  withSignature(signature: Uint8Array): Uint8Array;
}

/**
 * Lays a CRL out to be signed. The entries are taken out of the list, which is empty afterwards; where it was told beforehand how
 * many there would be, they stay where they are.
 */
export function layOutCrl(input: TbsCrlInput): CrlToSign {
  const list = listOf(input);
  const entryCount = list.count;
  const { before, after } = fieldsAround(list, input);
  const length = octetsOf(before) + list.octets + octetsOf(after);
  const front = [encodeHeader(tag.sequence, length), ...before];
  const { out, at } = list.takeInto(LONGEST_HEADER + octetsOf(front), octetsOf(after) + SIGNATURE_ROOM);
  const start = at - octetsOf(front);
  const tbsEnd = put(out, put(out, start, front) + (length - octetsOf(before) - octetsOf(after)), after);
  return {
    tbs: out.subarray(start, tbsEnd),
    entryCount,
    withSignature(signature) {
      if (signature.length > LONGEST_SIGNATURE)
        throw new SmimeError('invalid-argument', 'a signature has no more than 8,000 octets');
      const end = put(out, tbsEnd, [input.signatureAlgorithm, encodeBitString(signature)]);
      const outer = encodeHeader(tag.sequence, end - start);
      put(out, start - outer.length, [outer]);
      return out.subarray(start - outer.length, end);
    },
  };
}

const octetsOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0);

/** Returns where they end. */
function put(out: Buffer, at: number, parts: readonly Uint8Array[]): number {
  let end = at;
  for (const part of parts) {
    out.set(part, end);
    end += part.length;
  }
  return end;
}

const LONGEST_HEADER = 6;
/** The longest that anybody makes today, of ML-DSA-87, has 4,627. */
const LONGEST_SIGNATURE = 8_000;
/** With its algorithm, whose parameters are few. */
const SIGNATURE_ROOM = LONGEST_SIGNATURE + 512;

const listOf = ({ entries }: TbsCrlInput): RevokedList =>
  entries instanceof RevokedList ? entries : RevokedList.of(entries);

/** What stands before the entries in a TBSCertList, and what stands after them. */
function fieldsAround(list: RevokedList, input: TbsCrlInput): { before: Uint8Array[]; after: Uint8Array[] } {
  return {
    before: [
      encodeInteger(1),
      input.signatureAlgorithm,
      nameDer(input.issuer),
      encodeTime(input.thisUpdate),
      encodeTime(input.nextUpdate),
      // RFC 5280 5.1.2.6: the list is absent where nothing is revoked.
      ...(list.count > 0 ? [encodeHeader(tag.sequence, list.octets)] : []),
    ],
    after: [encodeExplicit(0, encodeExtensions(input.extensions))],
  };
}

/**
 * Entries of a CRL, encoded one by one into buffers that grow: a million cost their octets, about 40 each. Fill it from a cursor and
 * hand it to `buildTbsCrl`.
 */
export class RevokedList {
  #count = 0;
  #full: Buffer[] = [];
  #fullOctets = 0;
  #piece: Buffer = Buffer.alloc(0);
  /** Of the entries in `#piece`. */
  #start = 0;
  #end = 0;
  readonly #time = new TimeWriter();

  /**
   * @param expected how many entries there will be at most, where that is known: they are written where the CRL is laid out. More
   *   may be added nevertheless
   */
  constructor(expected = 0) {
    if (expected <= FEW) return;
    this.#piece = Buffer.allocUnsafeSlow(FRONT + expected * LONGEST_ENTRY + BEHIND);
    this.#start = this.#end = FRONT;
  }

  /** Encodes those entries, in their order. */
  static of(entries: Iterable<RevokedCertificate>): RevokedList {
    const list = new RevokedList();
    for (const { serialNumber, revokedAt, reason } of entries) list.add(serialNumber, revokedAt.getTime(), reason);
    return list;
  }

  /** How many entries were added. */
  get count(): number {
    return this.#count;
  }

  /** Octets of all entries together. */
  get octets(): number {
    return this.#fullOctets + this.#end - this.#start;
  }

  /** The entries' DER, in order, cut anywhere. */
  get pieces(): readonly Uint8Array[] {
    return [...this.#full, this.#piece.subarray(this.#start, this.#end)];
  }

  /**
   * One buffer with all entries from `at` on, at least so many octets before them and behind; the list is empty then. Where they
   * have such room as they stand, that buffer; else they are copied.
   */
  takeInto(room: number, behind: number): { out: Buffer; at: number } {
    const { octets } = this;
    const whole = this.#piece;
    const stays = this.#full.length === 0 && octets > 0 && this.#start >= room && whole.length - this.#end >= behind;
    const out = stays ? whole : Buffer.allocUnsafeSlow(room + octets + behind);
    if (!stays) put(out, room, this.pieces);
    const at = stays ? this.#start : room;
    this.#full = [];
    this.#piece = Buffer.alloc(0);
    this.#count = this.#fullOctets = this.#start = this.#end = 0;
    return { out, at };
  }

  /**
   * Adds one entry. Throws `SmimeError` for a serial number that is none (RFC 5280 4.1.2.2).
   * @param serialNumber hex, as `Certificate.serialNumber`
   * @param revokedAt milliseconds since 1970, UTC; written in whole seconds
   * @param reason left out where it is `unspecified` (RFC 5280 5.3.1)
   */
  add(serialNumber: string, revokedAt: number, reason?: RevocationReason): void {
    if (this.#piece.length - this.#end < LONGEST_ENTRY) this.#nextPiece();
    const out = this.#piece;
    const start = this.#end;
    let p = writeSerial(out, start + 2, serialNumber);
    p = this.#time.write(out, p, revokedAt);
    const code = reason === undefined ? 0 : revocationReasons[reason];
    if (code !== 0) {
      // For a few octets a call of a native function takes longer than the copy.
      for (let index = 0; index < reasonTemplate.length; index++) out[p++] = reasonTemplate[index] as number;
      out[p - 1] = code;
    }
    out[start] = tag.sequence;
    out[start + 1] = p - start - 2;
    this.#end = p;
    this.#count++;
  }

  #nextPiece(): void {
    if (this.#end > this.#start) {
      this.#full.push(this.#piece.subarray(this.#start, this.#end));
      this.#fullOctets += this.#end - this.#start;
    }
    // Small lists are the rule: the first piece is one page, those that follow a megabyte.
    this.#piece = Buffer.allocUnsafeSlow(this.#piece.length === 0 ? 4_096 : 1_048_576);
    this.#start = this.#end = 0;
  }
}

/** So many entries may as well be copied. */
const FEW = 1_000;
/** Octets before the first entry of a list whose length was told: an issuer's name is rarely longer. */
const FRONT = 4_096;
/** And behind the last: extensions and signature. */
const BEHIND = 16_384;

/** Entry header 2, INTEGER 24, a GeneralizedTime 17, a reason 14. */
const LONGEST_ENTRY = 57;

/** CRL entry extensions that hold a reason, its number to be put in the last octet. */
export const reasonTemplate: Buffer = encodeExtensions([
  { id: oids.reasonCode, critical: false, value: encodeElement(tag.enumerated, Uint8Array.of(0)) },
]);

const nibbles = new Uint8Array(128).fill(0xff);
for (let value = 0; value < 16; value++) {
  nibbles[value.toString(16).charCodeAt(0)] = value;
  nibbles[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}

/** DER INTEGER; returns where it ends. Serial numbers are of even length, positive and minimal, nearly always. */
function writeSerial(out: Buffer, at: number, hex: string): number {
  const octets = hex.length >> 1;
  const first = nibbleAt(hex, 0);
  const plain = hex.length % 2 === 0 && octets > 0 && octets <= 20 && first <= 0xf;
  if (!plain || (first === 0 && nibbleAt(hex, 1) === 0)) return writeOddSerial(out, at, hex);
  // A leading bit would make it negative.
  const sign = first >= 8 ? 1 : 0;
  out[at] = tag.integer;
  out[at + 1] = octets + sign;
  let p = at + 2;
  if (sign === 1) out[p++] = 0;
  for (let index = 0; index < hex.length; index += 2) {
    const high = nibbleAt(hex, index);
    const low = nibbleAt(hex, index + 1);
    if ((high | low) > 0xf) return writeOddSerial(out, at, hex);
    out[p++] = (high << 4) | low;
  }
  return p;
}

const nibbleAt = (text: string, index: number): number => nibbles[text.charCodeAt(index)] ?? 0xff;

function writeOddSerial(out: Buffer, at: number, hex: string): number {
  const serial = serialInteger(hex);
  if (serial.length > 24)
    throw new SmimeError('invalid-argument', 'a serial number has more than 20 octets (RFC 5280 4.1.2.2)');
  return at + serial.copy(out, at);
}

/** Times lie close together: the day is encoded when it changes, the second when it does. */
class TimeWriter {
  #day = Number.NaN;
  #second = Number.NaN;
  #octets: Buffer = Buffer.alloc(0);

  write(out: Buffer, at: number, milliseconds: number): number {
    const second = Math.floor(milliseconds / 1_000);
    if (second !== this.#second) this.#move(second);
    const octets = this.#octets;
    for (let p = 0; p < octets.length; p++) out[at + p] = octets[p] as number;
    return at + octets.length;
  }

  #move(second: number): void {
    const day = Math.floor(second / 86_400);
    if (day !== this.#day) {
      this.#octets = encodeTime(new Date(second * 1_000));
      this.#day = day;
    }
    const rest = second - day * 86_400;
    const end = this.#octets.length - 1;
    this.#twoDigits(end - 6, Math.floor(rest / 3_600));
    this.#twoDigits(end - 4, Math.floor(rest / 60) % 60);
    this.#twoDigits(end - 2, rest % 60);
    this.#second = second;
  }

  #twoDigits(at: number, value: number): void {
    this.#octets[at] = 0x30 + Math.floor(value / 10);
    this.#octets[at + 1] = 0x30 + (value % 10);
  }
}
