/** Encoded words in header fields (RFC 2047), and raw UTF-8 (RFC 6532). */
import { limits } from '../limits.ts';

/**
 * A header field's text for a person: encoded words and raw UTF-8 decoded. Unknown character sets leave the word as it stands.
 * @param value a raw field value, one character per octet
 */
export function decodeHeaderText(value: string): string {
  let text = '';
  let at = 0;
  const unknown = new Set<string>();
  let end = 0;
  /** The next `?=`. The search goes forward only: a megabyte of words that never end is looked through once. */
  const endAfter = (from: number): number => {
    if (end >= 0 && end < from) end = value.indexOf('?=', from);
    return end;
  };
  let pending: { charset: string; octets: Buffer[] } | undefined;
  const flush = (): void => {
    if (pending) text += decodeCharset(Buffer.concat(pending.octets), pending.charset) ?? '';
    pending = undefined;
  };
  for (let start = value.indexOf('=?'); start >= 0; start = value.indexOf('=?', start)) {
    const word = readEncodedWord(value, start, endAfter, unknown);
    if (word === undefined) {
      start += 2;
      continue;
    }
    const between = value.slice(at, start);
    // RFC 2047 6.2: white space between two encoded words is not shown; a character may be split across them.
    if (pending === undefined || between.trim() !== '') {
      flush();
      text += decodeRaw(between);
    }
    if (pending && pending.charset !== word.charset) flush();
    if (pending) pending.octets.push(word.octets);
    else pending = { charset: word.charset, octets: [word.octets] };
    at = start = word.end;
  }
  flush();
  return text + decodeRaw(value.slice(at));
}

/** Text as encoded words in UTF-8 of at most 75 characters, folded between them; no word splits a character (RFC 2047 section 5). */
export function encodeHeaderText(text: string): string {
  const words: string[] = [];
  let chunk = '';
  for (const character of text) {
    // 75 less "=?utf-8?B?" and "?=" are 63 characters of base64: 45 octets.
    if (Buffer.byteLength(chunk + character) > 45) {
      words.push(chunk);
      chunk = '';
    }
    chunk += character;
  }
  words.push(chunk);
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join('\r\n ');
}

/** @param unknown names of character sets that were asked for in vain: a question costs an exception, and a megabyte has room for 250,000 */
function readEncodedWord(
  value: string,
  start: number,
  endAfter: (from: number) => number,
  unknown: Set<string>,
): { charset: string; octets: Buffer; end: number } | undefined {
  const charsetEnd = value.indexOf('?', start + 2);
  if (charsetEnd < 0 || value[charsetEnd + 2] !== '?') return undefined;
  const end = endAfter(charsetEnd + 3);
  if (end < 0 || end - charsetEnd > limits.encodedWord) return undefined;
  // RFC 2231 5: a language may follow the charset.
  const charset = value
    .slice(start + 2, charsetEnd)
    .toLowerCase()
    .replace(/\*.*$/, '');
  const text = value.slice(charsetEnd + 3, end);
  if (charset === '' || charset.length > 40 || text.includes(' ') || unknown.has(charset)) return undefined;
  if (unknown.size >= limits.unknownCharsets) return undefined;
  if (decodeCharset(Buffer.alloc(0), charset) === undefined) {
    unknown.add(charset);
    return undefined;
  }
  const encoding = value[charsetEnd + 1]?.toLowerCase();
  if (encoding === 'b') return { charset, octets: Buffer.from(text, 'base64'), end: end + 2 };
  if (encoding === 'q') return { charset, octets: decodeQ(text), end: end + 2 };
  return undefined;
}

function decodeQ(text: string): Buffer {
  const out = Buffer.alloc(text.length);
  let to = 0;
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === '=' ? text.slice(i + 1, i + 3) : '';
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      out[to++] = Number.parseInt(hex, 16);
      i += 2;
    } else out[to++] = text[i] === '_' ? 0x20 : text.charCodeAt(i);
  }
  return out.subarray(0, to);
}

/** One character per octet to text: octets over 127 are UTF-8 by RFC 6532; where they are not, they stay latin-1. */
export function decodeRaw(text: string): string {
  const octets = Buffer.from(text, 'latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch {
    return text;
  }
}

/** Undefined for a character set that is not known. */
export function decodeCharset(octets: Buffer, charset: string): string | undefined {
  try {
    return new TextDecoder(charset).decode(octets);
  } catch {
    return undefined;
  }
}
