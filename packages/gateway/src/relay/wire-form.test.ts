import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stuffed, stuffedWhole } from './wire-form.ts';

async function wire(chunks: readonly string[]): Promise<string> {
  async function* given() {
    for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
  }
  const parts: Uint8Array[] = [];
  for await (const part of stuffed(chunks.length === 1 ? Buffer.from(chunks[0] ?? '', 'latin1') : given()))
    parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

/** What a server reads that follows RFC 5321: up to the first CRLF.CRLF, dots taken off. */
function read(octets: string): { message: string; rest: string } {
  const end = `\r\n${octets}`.indexOf('\r\n.\r\n');
  const message = octets.slice(0, end).replace(/(^|\r\n)\./g, '$1');
  return { message, rest: octets.slice(end + 3) };
}

describe('a message on the wire', () => {
  it('comes out as it went in', async () => {
    for (const message of [
      '',
      '.\r\n',
      '..\r\n',
      'a\r\n.\r\nb\r\n',
      'a\r\n..b\r\n',
      '\r\n.\r\n\r\n',
      'x'.repeat(600_000),
    ]) {
      const { message: got, rest } = read(await wire([message]));
      expect(got).toBe(message === '' || message.endsWith('\r\n') ? message : `${message}\r\n`);
      expect(rest).toBe('');
    }
  });

  it('has no line end but CRLF and no end but the last, however its octets are cut', async () => {
    const odd = fc.array(fc.constantFrom('\r', '\n', '.', '\r\n', 'a', '\0', '\n.\n', '\r.\r', '\r\n.\r\n'), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(odd, fc.array(fc.nat(12)), async (parts, cuts) => {
        const text = parts.join('');
        const at = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
        const chunks = at.slice(1).map((end, n) => text.slice(at[n], end));
        const sent = await wire(chunks.length === 1 ? [text, ''] : chunks);
        expect(sent).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
        const { message, rest } = read(sent);
        expect(rest).toBe('');
        const lines = text.replace(/\r\n|\r|\n/g, '\r\n');
        expect(message).toBe(lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`);
        expect(sent).toBe(await wire([text]));
        expect(sent).toBe(Buffer.concat(stuffedWhole(Buffer.from(text, 'latin1'))).toString('latin1'));
      }),
      { numRuns: 300 },
    );
  });
});
