import { describe, expect, it } from 'vitest';
import { decodeHeaderText } from './header-text.ts';

describe('encoded words', () => {
  it('of a character set that is not known stay as they are, and others are read', () => {
    expect(decodeHeaderText('=?x-none?q?a?= =?utf-8?q?caf=C3=A9?=')).toBe('=?x-none?q?a?= café');
  });

  it('are found between other text, and white space between them is not shown', () => {
    expect(decodeHeaderText('a =?b =?utf-8?q?c?= \t =?utf-8?b?w6k=?= =?d caf\xc3\xa9 ')).toBe('a =?b cé =?d café ');
    expect(decodeHeaderText('=?utf-8?q?=C3?= =?utf-8?q?=A9?=')).toBe('é');
  });

  it.each([
    ['of nothing', '=?'],
    ['without an end', '=?a?q?x'],
    ['of a known character set without an end', '=?utf-8?q?x'],
    ['of no known encoding', '=?utf-8?z?x?='],
    ['of one unknown character set', '=?=?q?x?='],
  ])('a megabyte %s takes no second', (_, words) => {
    const text = Buffer.alloc(1_000_000, words).toString('latin1');
    const { user, system } = process.cpuUsage();
    decodeHeaderText(text);
    const after = process.cpuUsage();
    expect(after.user + after.system - user - system).toBeLessThan(1_000_000);
  });

  it('of ever other unknown character sets are given up', () => {
    const words = Array.from({ length: 100_000 }, (_, n) => `=?x${n}?q?a?=`).join('');
    const { user, system } = process.cpuUsage();
    expect(decodeHeaderText(words)).toBe(words);
    const after = process.cpuUsage();
    expect(after.user + after.system - user - system).toBeLessThan(1_000_000);
    expect(decodeHeaderText('=?utf-8?q?a?=')).toBe('a');
  });
});
