import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineCheck } from './line-check.ts';

/** The same question, asked of whole text with regular expressions. */
function expected(text: string): { bare: boolean; unsafe: boolean } {
  const lines = text.split(/\r\n|\r|\n/);
  return {
    bare: /(^|[^\r])\n|\r(?!\n)/.test(text),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    unsafe: lines.some((line) => line.length > 998 || /[ \t]$|^From |[^\x01-\x7f]/.test(line)),
  };
}

function found(chunks: readonly Buffer[]): { bare: boolean; unsafe: boolean } {
  const check = new LineCheck();
  for (const chunk of chunks) check.push(chunk);
  check.end();
  return { bare: check.bare, unsafe: check.unsafe };
}

describe('LineCheck', () => {
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('a', 'bcd', 'F', 'Fro', 'From', 'From ', ' ', '\t', '\r', '\n', '\r\n') },
    { weight: 1, arbitrary: fc.constantFrom('\0', '\xe9', '\x80', '\x7f', 'x'.repeat(990), '=', '\x0c') },
  );

  it('finds what a search through the whole text finds, wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.array(fc.nat(40), { maxLength: 12 }),
        fc.nat(3),
        (pieces, cuts, shift) => {
          const text = pieces.join('');
          // Whatever the alignment in memory.
          const octets = Buffer.from(`${' '.repeat(shift)}${text}`, 'latin1').subarray(shift);
          const chunks: Buffer[] = [];
          let at = 0;
          for (const cut of cuts) {
            chunks.push(octets.subarray(at, at + cut));
            at = Math.min(octets.length, at + cut);
          }
          chunks.push(octets.subarray(at));
          expect(found(chunks)).toEqual(expected(text));
          expect(found([...octets].map((octet) => Buffer.of(octet)))).toEqual(expected(text));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('998 octets are a line, 999 are not', () => {
    expect(found([Buffer.from(`${'x'.repeat(998)}\r\n`)])).toEqual({ bare: false, unsafe: false });
    expect(found([Buffer.from(`${'x'.repeat(999)}\r\n`)])).toEqual({ bare: false, unsafe: true });
    expect(found([Buffer.from('x'.repeat(999))])).toEqual({ bare: false, unsafe: true });
  });
});
