/** The header block of a message, field by field, as octets: to look at, take fields out of and put fields before. The rest is never touched. */
import { Buffer } from 'node:buffer';

export interface HeaderField {
  /** Lower case, without the blanks that some readers forgive before the colon. */
  readonly name: string;
  /** Unfolded, trimmed, octets as latin1. */
  readonly value: string;
  /** Offsets of the whole field, its line ends included. */
  readonly start: number;
  readonly end: number;
}

/** The fields of a message whose lines end in CRLF. A line that is no field belongs to the field above it, as for a careless reader. */
export function headerFields(message: Uint8Array): HeaderField[] {
  const octets = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const fields: HeaderField[] = [];
  const limit = headerBlockEnd(octets);
  let start = 0;
  while (start < limit) {
    let end = lineEnd(octets, start, limit);
    while (end < limit && !startsField(octets, end)) end = lineEnd(octets, end, limit);
    const text = octets.toString('latin1', start, end);
    const colon = text.indexOf(':');
    if (colon > 0 && startsField(octets, start)) {
      fields.push({
        name: text.slice(0, colon).trimEnd().toLowerCase(),
        value: text
          .slice(colon + 1)
          .replace(/\r\n(?=[ \t])/g, '')
          .trim(),
        start,
        end,
      });
    } else {
      fields.push({ name: '', value: text.trim(), start, end });
    }
    start = end;
  }
  return fields;
}

/**
 * Offset of the empty line that ends the header block, or of the end of the message. Lines that end in LF alone, which only what was encrypted
 * can have brought here, count as whoever gets them with whole line ends will see them.
 */
export function headerBlockEnd(message: Uint8Array): number {
  const octets = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (octets[0] === 0x0a || (octets[0] === 0x0d && octets[1] === 0x0a)) return 0;
  const crlf = octets.indexOf('\n\r\n');
  const lf = octets.subarray(0, crlf === -1 ? octets.length : crlf).indexOf('\n\n');
  const at = lf === -1 ? crlf : lf;
  return at === -1 ? octets.length : at + 1;
}

/** Offset of the octet after that line. */
export function bodyStart(message: Uint8Array): number {
  const end = headerBlockEnd(message);
  return Math.min(message.length, end + (message[end] === 0x0a ? 1 : 2));
}

/**
 * The message with some fields gone and some put before all others.
 * @param added whole fields without the last CRLF, ASCII, folded where long
 */
export function withHeaders(
  message: Uint8Array,
  removed: (field: HeaderField) => boolean,
  added: readonly string[],
): Buffer {
  const fields = headerFields(message);
  // What continues nothing would else continue our last field, and make another of it.
  const [first] = fields;
  const isLoose = added.length > 0 && first?.name === '' && !removed(first);
  const before = isLoose ? [...added, 'X-Chancery-First-Line: is no header field'] : added;
  const parts: Uint8Array[] = [Buffer.from(before.map((field) => `${field}\r\n`).join(''), 'latin1')];
  let from = 0;
  for (const field of fields) {
    if (!removed(field)) continue;
    parts.push(message.subarray(from, field.start));
    from = field.end;
  }
  parts.push(message.subarray(from));
  // A large message is not copied to stay as it is.
  if (from === 0 && added.length === 0) return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  return Buffer.concat(parts);
}

/** The header of a message or part with the empty line behind it, also where there was none because nothing followed. */
export function endedHeader(header: Uint8Array): Buffer {
  const octets = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  if (headerBlockEnd(octets) < octets.length) return octets;
  const isLineOpen = octets.length > 0 && !octets.subarray(-2).equals(emptyLine);
  return Buffer.concat([octets, ...(isLineOpen ? [emptyLine] : []), emptyLine]);
}

const emptyLine = Buffer.from('\r\n');

/** The value of the only field of that name; undefined where there is none or more than one. */
export function onlyValue(fields: readonly HeaderField[], name: string): string | undefined {
  const named = fields.filter((field) => field.name === name);
  return named.length === 1 ? named[0]?.value : undefined;
}

function lineEnd(octets: Buffer, from: number, limit: number): number {
  const at = octets.indexOf(0x0a, from);
  return at === -1 || at + 1 > limit ? limit : at + 1;
}

/** Blanks continue the field above; so does a line without a name and a colon. */
function startsField(octets: Buffer, at: number): boolean {
  for (let index = at; index < octets.length; index++) {
    const octet = octets[index] ?? 0;
    if (octet === 0x3a) return index > at;
    if (octet === 0x20 || octet === 0x09)
      return index > at && /^[ \t]*:/.test(octets.toString('latin1', index, index + 64));
    if (octet <= 0x20 || octet >= 0x7f) return false;
  }
  return false;
}
