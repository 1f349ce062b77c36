/** The text and time types of ASN.1, as RFC 5280 restricts them. */
import { SmimeError } from '../errors.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Text of a string type by its identifier octet; undefined for other types. Octets that are no valid text of the type become
 * U+FFFD, so that a certificate with a sloppy name can still be shown (and never equals a well-formed one).
 */
export function decodeString(type: number, bytes: Buffer, start: number, end: number): string | undefined {
  if (asciiTypes.has(type) && isAscii(bytes, start, end)) return bytes.toString('latin1', start, end);
  const content = bytes.subarray(start, end);
  switch (type) {
    case 0x0c:
      try {
        return strictUtf8.decode(content);
      } catch {
        return content.toString('utf8');
      }
    case 0x12: // NumericString
    case 0x13: // PrintableString
    case 0x16: // IA5String
    case 0x1a: // VisibleString
      return content.toString('latin1').replace(/[^\0-\x7f]/g, '\ufffd');
    case 0x14: // TeletexString: in practice ISO 8859-1
      return content.toString('latin1');
    case 0x1e: // BMPString: UCS-2, big-endian
      return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : '\ufffd';
    case 0x1c: {
      // UniversalString: UCS-4, big-endian
      if (content.length % 4 !== 0) return '\ufffd';
      let text = '';
      for (let p = 0; p < content.length; p += 4) {
        const point = content.readUInt32BE(p);
        text += point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point);
      }
      return text;
    }
    default:
      return undefined;
  }
}

/** The types whose ASCII octets are their text: UTF8String, NumericString, PrintableString, TeletexString, IA5String, VisibleString. */
const asciiTypes: ReadonlySet<number> = new Set([0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a]);

export function isAscii(octets: Uint8Array, start = 0, end: number = octets.length): boolean {
  for (let p = start; p < end; p++) if ((octets[p] as number) > 0x7f) return false;
  return true;
}

/** RFC 5280 4.1.2.5: seconds present, `Z`, no fraction; undefined for anything else, including the 31st of April. */
export function decodeTime(type: number, bytes: Uint8Array, start: number, end: number): Date | undefined {
  const utc = type === 0x17;
  if (end - start !== (utc ? 13 : 15) || bytes[end - 1] !== 0x5a) return undefined;
  for (let p = start; p < end - 1; p++) {
    const octet = bytes[p] as number;
    if (octet < 0x30 || octet > 0x39) return undefined;
  }
  const first = twoDigits(bytes, start);
  const year = utc ? first + (first < 50 ? 2000 : 1900) : first * 100 + twoDigits(bytes, start + 2);
  const at = utc ? start + 2 : start + 4;
  const month = twoDigits(bytes, at);
  const day = twoDigits(bytes, at + 2);
  const hour = twoDigits(bytes, at + 4);
  const minute = twoDigits(bytes, at + 6);
  const second = twoDigits(bytes, at + 8);
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  if (day > 28 && day > daysOf(month, year)) return undefined;
  return new Date(((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1_000);
}

const daysOf = (month: number, year: number): number =>
  month === 2
    ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
      ? 29
      : 28
    : month === 4 || month === 6 || month === 9 || month === 11
      ? 30
      : 31;

/** Of the Gregorian calendar, before its time too. Years begin in March here, so that the odd day is their last. */
function daysSince1970(year: number, month: number, day: number): number {
  const years = month > 2 ? year : year - 1;
  const months = (month + 9) % 12;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  return years * 365 + leapDays + Math.floor((months * 153 + 2) / 5) + day - 1 - 719_468;
}

const twoDigits = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) * 10 + (bytes[at + 1] as number) - 528;

/** `YYYYMMDDHHMMSSZ`. */
export function encodeTimeText(value: Date): string {
  const year = value.getUTCFullYear();
  if (!Number.isFinite(value.getTime()) || year < 0 || year > 9999)
    throw new SmimeError('invalid-argument', 'a time outside the years 0000 to 9999 has no encoding');
  const day = year * 10_000 + (value.getUTCMonth() + 1) * 100 + value.getUTCDate();
  const time = value.getUTCHours() * 10_000 + value.getUTCMinutes() * 100 + value.getUTCSeconds();
  return `${String(day).padStart(8, '0')}${String(time).padStart(6, '0')}Z`;
}
