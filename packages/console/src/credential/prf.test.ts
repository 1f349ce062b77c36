import { describe, expect, it } from 'vitest';
import { prfOctets } from './prf.ts';

describe('what a PRF extension gives', () => {
  it('is the same octets, however they are spelt', () => {
    const whole = Uint8Array.of(9, 1, 2, 3, 9);
    const expected = Uint8Array.of(1, 2, 3);
    expect(prfOctets(expected.buffer)).toEqual(expected);
    expect(prfOctets(whole.subarray(1, 4))).toEqual(expected);
    expect(prfOctets(new DataView(whole.buffer, 1, 3))).toEqual(expected);
  });
});
