/** Certificate revocation lists to be signed (RFC 5280 5.1.2): entries are encoded as they come, and none is kept as an object. */
import {
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

/** The DER TBSCertList (version 2) that a CA signs, see `assembleSigned`. */
export function buildTbsCrl(input: TbsCrlInput): Uint8Array {
  const list = input.entries instanceof RevokedList ? input.entries : RevokedList.of(input.entries);
  return encodeSequence(
    encodeInteger(1),
    input.signatureAlgorithm,
    nameDer(input.issuer),
    encodeTime(input.thisUpdate),
    encodeTime(input.nextUpdate),
    // RFC 5280 5.1.2.6: the list is absent where nothing is revoked.
    ...(list.count > 0 ? [encodeHeader(tag.sequence, list.octets), ...list.pieces] : []),
    encodeExplicit(0, encodeExtensions(input.extensions)),
  );
}

/**
 * Entries of a CRL, encoded one by one into buffers that grow: a million cost their octets, about 40 each. Fill it from a cursor and
 * hand it to `buildTbsCrl`.
 */
export class RevokedList {
  #count = 0;
  readonly #full: Buffer[] = [];
  #fullOctets = 0;
  #piece: Buffer = Buffer.alloc(0);
  #end = 0;
  readonly #time = new TimeWriter();

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
    return this.#fullOctets + this.#end;
  }

  /** The entries' DER, in order, cut anywhere. */
  get pieces(): readonly Uint8Array[] {
    return [...this.#full, this.#piece.subarray(0, this.#end)];
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
    if (this.#end > 0) {
      this.#full.push(this.#piece.subarray(0, this.#end));
      this.#fullOctets += this.#end;
    }
    // Small lists are the rule: the first piece is one page, those that follow a megabyte.
    this.#piece = Buffer.allocUnsafeSlow(this.#piece.length === 0 ? 4_096 : 1_048_576);
    this.#end = 0;
  }
}

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
