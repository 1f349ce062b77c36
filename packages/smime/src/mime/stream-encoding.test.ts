import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutInto, pieceSizes } from '../../test/random-message.ts';
import { toCrlf } from './canonical.ts';
import {
  base64Decoder,
  base64Encoder,
  crlfConverter,
  quotedPrintableDecoder,
  quotedPrintableEncoder,
  type Stage,
} from './stream-encoding.ts';
import type { Sink } from './stream-entity.ts';
import { decodeBase64, decodeQuotedPrintable, encodeBase64Lines, encodeQuotedPrintable } from './transfer-encoding.ts';

function through(stage: (out: Sink) => Stage, chunks: readonly Buffer[]): string {
  const made: Buffer[] = [];
  const running = stage((octets) => void made.push(Buffer.from(octets)));
  for (const chunk of chunks) running.push(chunk);
  running.end();
  return Buffer.concat(made).toString('latin1');
}

/** The stage makes of the pieces what the function makes of the whole. */
function agree(
  stage: (out: Sink) => Stage,
  whole: (octets: Buffer) => Buffer,
  text: fc.Arbitrary<string>,
  prepare: (octets: Buffer) => Buffer = (octets) => octets,
  numRuns = 1_000,
): void {
  fc.assert(
    fc.property(text, pieceSizes, (input, sizes) => {
      const octets = prepare(Buffer.from(input, 'latin1'));
      expect(through(stage, cutInto(octets, sizes))).toBe(whole(octets).toString('latin1'));
    }),
    { numRuns },
  );
}

const of = (...words: string[]): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((chosen) => chosen.join(''));

describe('encodings piece by piece', () => {
  it('base64, written', () => {
    const octets = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
    agree(base64Encoder, encodeBase64Lines, octets);
  });

  it('base64, read: regular lines, irregular ones, junk and padding anywhere', () => {
    const line = 'QUJD'.repeat(19);
    agree(
      base64Decoder,
      decodeBase64,
      of(`${line}\r\n`, `${line}\n`, 'QUJD', 'QQ', 'a', '-', '_', '+/', ' ', '!', '\xff'),
    );
    agree(base64Decoder, decodeBase64, of(`${line}\r\n`, `${line}\r\n`, `${line}\r\n`, 'QUI=', '=', '\r\n', 'QUJDR'));
    const long = fc.constantFrom('QUJD'.repeat(20_000), `${line}\r\n`.repeat(1_000));
    agree(base64Decoder, decodeBase64, long, undefined, 10);
  });

  it('line ends', () => {
    agree(crlfConverter, toCrlf, of('\r', '\n', '\r\n', 'a', 'bc'));
  });

  it('quoted-printable, read', () => {
    agree(
      quotedPrintableDecoder,
      decodeQuotedPrintable,
      of('=', '=3D', '=\r\n', '= \n', '\r', '\n', '\r\n', ' ', '\t', 'a', '4', '=4'),
    );
    const long = fc.constantFrom('a=41 '.repeat(20_000), '=41'.repeat(30_000));
    agree(quotedPrintableDecoder, decodeQuotedPrintable, long, undefined, 10);
  });

  it('quoted-printable, written', () => {
    agree(
      quotedPrintableEncoder,
      encodeQuotedPrintable,
      of('a', 'bcdefghij', ' ', '\t', '=', '\xfc', '.', 'From ', '\r', '\n', '\r\n', '\0'),
      toCrlf,
    );
  });

  it('quoted-printable: white space without end is not kept for ever', () => {
    const decoder = quotedPrintableDecoder(() => {});
    const spaces = Buffer.alloc(60_000, 0x20);
    expect(() => {
      for (let i = 0; i < 10; i++) decoder.push(spaces);
    }).toThrow(expect.objectContaining({ code: 'limit-exceeded' }));
  });
});
