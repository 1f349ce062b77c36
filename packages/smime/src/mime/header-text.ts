/** Encoded words in header fields (RFC 2047), and raw UTF-8 (RFC 6532). */

/**
 * A header field's text for a person: encoded words and raw UTF-8 decoded. Unknown character sets leave the word as it stands.
 * @param value a raw field value, one character per octet
 */
export function decodeHeaderText(value: string): string {
  let text = '';
  let at = 0;
  let pending: { charset: string; octets: Buffer[] } | undefined;
  const flush = (): void => {
    if (pending) text += decodeCharset(Buffer.concat(pending.octets), pending.charset) ?? '';
    pending = undefined;
  };
  while (at < value.length) {
    const start = value.indexOf('=?', at);
    const word = start < 0 ? undefined : readEncodedWord(value, start);
    const end = start < 0 ? value.length : start;
    if (word === undefined) {
      flush();
      const stop = start < 0 ? value.length : start + 2;
      text += decodeRaw(value.slice(at, stop));
      at = stop;
      continue;
    }
    const between = value.slice(at, end);
    // RFC 2047 6.2: white space between two encoded words is not shown; a character may be split across them.
    if (pending === undefined || between.trim() !== '') {
      flush();
      text += decodeRaw(between);
    }
    if (pending && pending.charset !== word.charset) flush();
    if (pending) pending.octets.push(word.octets);
    else pending = { charset: word.charset, octets: [word.octets] };
    at = word.end;
  }
  flush();
  return text;
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

function readEncodedWord(value: string, start: number): { charset: string; octets: Buffer; end: number } | undefined {
  const charsetEnd = value.indexOf('?', start + 2);
  if (charsetEnd < 0 || value[charsetEnd + 2] !== '?') return undefined;
  const end = value.indexOf('?=', charsetEnd + 3);
  if (end < 0) return undefined;
  // RFC 2231 5: a language may follow the charset.
  const charset = value
    .slice(start + 2, charsetEnd)
    .toLowerCase()
    .replace(/\*.*$/, '');
  const text = value.slice(charsetEnd + 3, end);
  if (
    charset === '' ||
    charset.length > 40 ||
    text.includes(' ') ||
    decodeCharset(Buffer.alloc(0), charset) === undefined
  )
    return undefined;
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
