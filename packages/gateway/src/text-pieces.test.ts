import { describe, expect, it } from 'vitest';
import type { Octets } from './message-parts.ts';
import { beginningOf, hasShortLines, inserted, inUtf8, lastOf } from './text-pieces.ts';

/** In pieces of so many octets, each in the place of the one before. */
const cut = (text: string | Buffer, size: number): Octets =>
  async function* () {
    const octets = Buffer.from(text as string, 'latin1');
    const memory = Buffer.alloc(size);
    for (let at = 0; at < octets.length; at += size) yield memory.subarray(0, octets.copy(memory, 0, at, at + size));
  };
const sizes = [1, 2, 3, 5, 7, 1000];
const all = async (text: Octets) => (await beginningOf(text, Number.POSITIVE_INFINITY)).toString('latin1');

describe.each(sizes)('a text in pieces of %i', (size) => {
  it('is searched for the last of what is there at all', async () => {
    const words = ['</body', '</html'];
    const at = (text: string) => lastOf(cut(text, size), words);
    expect(await at('<p></body></BODY ></html>')).toBe(10);
    expect(await at('<p></HTML></htm</html>')).toBe(15);
    expect(await at('<p></bod</ body</htm')).toBeUndefined();
  });

  it('is written into, at any place, and at its end', async () => {
    for (const at of [0, 1, 4, 8, undefined])
      expect(await all(inserted(cut('in order', size), at, Buffer.from('-')))).toBe(
        `${'in order'.slice(0, at)}-${at === undefined ? '' : 'in order'.slice(at)}`,
      );
  });

  it.each([
    ['', true],
    ['a\tb\r\n', true],
    ['no end', true],
    ['\r\n\r\n', true],
    [`${'x'.repeat(900)}\r\n${'x'.repeat(900)}\r\n`, true],
    [`${'x'.repeat(900)}`, true],
    [`${'x'.repeat(901)}\r\n`, false],
    [`a\r\n${'x'.repeat(901)}`, false],
    ['a\n', false],
    ['\na', false],
    ['a\rb\r\n', false],
    ['a\r', false],
    ['a\r\r\n', false],
    ['\xfc', false],
    ['a\0', false],
    ['\x7f', false],
  ])('has short lines, or not: %j', async (text, expected) => {
    expect(await hasShortLines(cut(text, size))).toBe(expected);
  });

  it('is said in UTF-8, or cannot be read', async () => {
    const said = async (text: string | Buffer, charset: string) =>
      Buffer.from(await all(inUtf8(cut(text, size), charset)), 'latin1').toString();
    expect(await said('Gr\xfc\xdfe', 'iso-8859-1')).toBe('Grüße');
    expect(await said('\x1b$B$3$s\x1b(B', 'iso-2022-jp')).toBe('こん');
    expect(await said(Buffer.from('Łódź 😀', 'utf16le'), 'utf-16le')).toBe('Łódź 😀');
    await expect(said('\xc3', 'utf-8')).rejects.toMatchObject({ code: 'unreadable' });
    await expect(said('\xc3(', 'utf-8')).rejects.toMatchObject({ code: 'unreadable' });
    await expect(said('a', 'x-none')).rejects.toMatchObject({ code: 'unreadable' });
  });

  it('is read no further than is asked for', async () => {
    expect((await beginningOf(cut('in order', size), 4)).toString()).toBe('in o');
    expect((await beginningOf(cut('in order', size), 40)).toString()).toBe('in order');
  });
});
