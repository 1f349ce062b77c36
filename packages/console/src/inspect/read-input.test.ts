import { describe, expect, it } from 'vitest';
import { excerpt, octetsOfText } from './read-input.ts';

describe('octetsOfText', () => {
  it('gives every line its CRLF, once', () => {
    expect(new TextDecoder().decode(octetsOfText('a\nb\r\nc\rd'))).toBe('a\r\nb\r\nc\r\nd');
  });
});

describe('excerpt', () => {
  it('cuts where the layer ends or at the limit, and shows binary as dots', () => {
    const octets = Uint8Array.from([0x41, 0x0d, 0x0a, 0x42, 0x00, 0x1b, 0x43, 0x44]);
    expect(excerpt(octets, [0, 8], 100)).toBe('A\nB··CD');
    expect(excerpt(octets, [3, 8], 2)).toBe('B·');
    expect(excerpt(octets, [3, 4], 100)).toBe('B');
  });
});
