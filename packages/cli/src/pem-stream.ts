/** PEM text that is too large to hold, read as strictly as the engine reads a small one. */
import { CommandError } from './exit-codes.ts';

/**
 * The octets of the first block of a text, in pieces. Throws `CommandError` for a text in which any block has no end, or holds what is no base64;
 * where that stands far behind, octets were handed on before.
 * @param name of the file, for the error
 */
export async function* pemOctets(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Buffer> {
  const text = new PemText(name);
  for await (const piece of source) {
    text.push(Buffer.from(piece).toString('latin1'));
    yield* text.octets.splice(0);
  }
  text.end();
  yield* text.octets.splice(0);
}

const opening = '-----BEGIN ';
/** Characters of a BEGIN line, and of headers as RFC 1421 has them. */
const longestHead = 65_536;

class PemText {
  /** Of the first block, for whoever reads to take. */
  readonly octets: Buffer[] = [];
  private readonly name: string;
  private text = '';
  /** Of the block in progress; undefined between blocks. */
  private label: string | undefined;
  private withinBody = false;
  private first = true;

  constructor(name: string) {
    this.name = name;
  }

  push(text: string): void {
    this.text += text;
    while (this.step(false));
  }

  end(): void {
    while (this.step(true));
    if (this.label !== undefined) throw this.malformed('has no end');
  }

  /** False where more text has to come. */
  private step(ended: boolean): boolean {
    if (this.label === undefined) return this.beginBlock();
    if (!this.withinBody && !this.skipHeaders(ended)) return false;
    this.withinBody = true;
    const stop = this.text.indexOf('-');
    if (stop < 0) {
      const base64 = compact(this.text);
      // The last quantum stays: padding may stand in it.
      const whole = Math.max(0, base64.length - (base64.length % 4) - 4);
      this.decode(base64.slice(0, whole), /^[A-Za-z0-9+/]*$/);
      this.text = base64.slice(whole);
      return false;
    }
    const closing = `-----END ${this.label}-----`;
    if (this.text.length - stop < closing.length && !ended) return false;
    if (!this.text.startsWith(closing, stop)) throw this.malformed(ended ? 'has no end' : noBase64);
    const last = compact(this.text.slice(0, stop));
    if (last.length % 4 !== 0) throw this.malformed(noBase64);
    this.decode(last, /^[A-Za-z0-9+/]*={0,2}$/);
    this.text = this.text.slice(stop + closing.length);
    this.label = undefined;
    this.withinBody = false;
    this.first = false;
    return true;
  }

  private beginBlock(): boolean {
    const begin = this.text.indexOf(opening);
    this.text = begin < 0 ? this.text.slice(1 - opening.length) : this.text.slice(begin);
    if (begin < 0) return false;
    const end = this.text.indexOf('-----', opening.length);
    const label = end < 0 ? '' : this.text.slice(opening.length, end);
    if (label.includes('\n') || end === opening.length || (end < 0 && this.text.length > longestHead))
      throw new CommandError(`${this.name}: a BEGIN line is broken.`);
    if (end < 0) return false;
    this.label = label;
    this.text = this.text.slice(end + 5);
    return true;
  }

  /** RFC 1421 headers (Proc-Type, DEK-Info) end with an empty line; RFC 7468 has none. */
  private skipHeaders(ended: boolean): boolean {
    const { text } = this;
    const firstLine = ended || text.length > longestHead || /[^\r\n][\r\n]/.test(text);
    if (!firstLine || !/^[\r\n]*[A-Za-z-]+:/.test(text)) return firstLine;
    const headers = /^[\s\S]*?\r?\n\r?\n/.exec(text.replace(/^[\r\n]*/, ''));
    if (headers) this.text = text.replace(/^[\r\n]*/, '').slice(headers[0].length);
    return headers !== null || ended || text.length > longestHead;
  }

  private decode(base64: string, allowed: RegExp): void {
    if (!allowed.test(base64)) throw this.malformed(noBase64);
    if (this.first && base64 !== '') this.octets.push(Buffer.from(base64, 'base64'));
  }

  private malformed(why: string): CommandError {
    return new CommandError(`${this.name}: the block "${this.label}" ${why}.`);
  }
}

const noBase64 = 'holds characters that are no base64';
const compact = (text: string): string => text.replace(/[ \t\r\n]+/g, '');
