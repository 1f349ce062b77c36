import { derToPem, pemBlocks } from '@chancery/smime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pemOctets } from './pem-stream.ts';

async function* cut(text: string, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size), 'latin1');
}

async function streamed(text: string, size: number): Promise<string> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of pemOctets(cut(text, size), 'a file')) pieces.push(piece);
    return Buffer.concat(pieces).toString('hex');
  } catch {
    return 'malformed';
  }
}

function atOnce(text: string): string {
  try {
    return (pemBlocks(text)[0]?.der ?? Buffer.alloc(0)).toString('hex');
  } catch {
    return 'malformed';
  }
}

describe('PEM in pieces', () => {
  const block = derToPem(Buffer.from('an object that takes more than one line of base64, for certain'), 'CMS');

  it('what the engine reads and refuses at once is read and refused, wherever it is altered', async () => {
    const noise = fc.constantFrom('!', '=', '-', ' ', '\t', '\r', '\n', 'A', ':', '-----', '\xfc', '==');
    const texts = fc.constantFrom(
      block,
      `\n${block}`,
      `${block}${derToPem(Buffer.from('b'), 'CERTIFICATE')}`,
      block.replaceAll('\n', '\r\n'),
      block.replace('-----\n', '-----\nProc-Type: 4,CMS\nX: y\n\n'),
      block.replace(/(?<=[A-Za-z0-9+/])\n(?=[A-Za-z0-9+/])/g, ''),
    );
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.double({ min: 0, max: 1, noNaN: true }),
        noise,
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: 200 }),
        async (text, where, put, drop, size) => {
          const at = Math.floor(where * text.length);
          const altered = text.slice(0, at) + put + text.slice(at + drop);
          expect(await streamed(text, size)).toBe(atOnce(text));
          expect(await streamed(altered, size)).toBe(atOnce(altered));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('cut short: malformed', async () => {
    for (let length = '-----BEGIN CMS-----'.length; length < block.length - 1; length++) {
      const text = block.slice(0, length);
      expect([length, await streamed(text, 7)]).toEqual([length, 'malformed']);
      expect(atOnce(text)).toBe('malformed');
    }
  });
});
