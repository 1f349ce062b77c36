/** Texts that go by in pieces: something put into them, looked for in them, said in other characters. */
import { GatewayError } from './errors.ts';
import type { Octets } from './message-parts.ts';

/** @param at offset in octets; undefined: at the end */
export function inserted(text: Octets, at: number | undefined, added: Uint8Array): Octets {
  return async function* () {
    let before = at ?? Number.POSITIVE_INFINITY;
    let isIn = false;
    for await (const piece of text()) {
      if (isIn || before > piece.length) {
        before -= piece.length;
        yield piece;
        continue;
      }
      yield piece.subarray(0, before);
      yield added;
      yield piece.subarray(before);
      isIn = true;
    }
    if (!isIn) yield added;
  };
}

/** Reading it throws GatewayError `unreadable` for a character set that nobody knows, and for octets that are none of its characters. */
export function inUtf8(text: Octets, charset: string): Octets {
  return async function* () {
    const decode = decoderOf(charset);
    for await (const piece of text()) yield Buffer.from(decode(piece));
    yield Buffer.from(decode());
  };
}

function decoderOf(charset: string): (octets?: Uint8Array) => string {
  const orUnreadable = <Made>(make: () => Made): Made => {
    try {
      return make();
    } catch (error) {
      throw new GatewayError('unreadable', `A text is not in the characters that it names: ${charset}`, error);
    }
  };
  const decoder = orUnreadable(() => new TextDecoder(charset, { fatal: true }));
  return (octets) => orUnreadable(() => decoder.decode(octets, { stream: octets !== undefined }));
}

/** Where the first of these that is there at all is for the last time, whatever its case; undefined where none is. @param words ASCII, small letters */
export async function lastOf(text: Octets, words: readonly string[]): Promise<number | undefined> {
  const found = new Map<string, number>();
  const longest = Math.max(...words.map(({ length }) => length));
  let tail = '';
  let passed = 0;
  for await (const piece of text()) {
    const octets = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const seen = tail + octets.toString('latin1').toLowerCase();
    for (const word of words) {
      const at = seen.lastIndexOf(word);
      if (at >= 0) found.set(word, passed - tail.length + at);
    }
    passed += piece.length;
    tail = seen.slice(1 - longest);
  }
  const word = words.find((one) => found.has(one));
  return word === undefined ? undefined : found.get(word);
}

/** The octets at the beginning of a text: so many, or all. */
export async function beginningOf(text: Octets, octets: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of text()) {
    pieces.push(Buffer.from(piece));
    length += piece.length;
    if (length >= octets) break;
  }
  return Buffer.concat(pieces).subarray(0, octets);
}

/** ASCII in lines that SMTP takes as they are. */
export async function hasShortLines(text: Octets): Promise<boolean> {
  let line = '';
  for await (const piece of text()) {
    const seen = line + Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1');
    if (/[^\t\r\n\x20-\x7e]/.test(seen)) return false;
    // By native searches: a look at each octet takes several times as long.
    let start = 0;
    for (let feed = seen.indexOf('\n'); feed !== -1; feed = seen.indexOf('\n', start)) {
      const end = seen.indexOf('\r', start);
      if (end === -1 || end !== feed - 1 || end - start > longestLine) return false;
      start = feed + 1;
    }
    line = seen.slice(start);
    if (line.length > longestLine + 1) return false;
  }
  return line.length <= longestLine && !line.includes('\r');
}

/** Characters. */
const longestLine = 900;
