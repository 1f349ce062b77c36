import { expect, it } from 'vitest';
import { makePassword } from './password.ts';

it('makes a password that reads aloud, from every bit it is given', () => {
  expect(makePassword()).toMatch(/^[a-z2-9]{4}(-[a-z2-9]{4}){4}$/);
  expect(makePassword()).not.toBe(makePassword());
  expect(makePassword(() => new Uint8Array(20))).toBe('aaaa-aaaa-aaaa-aaaa-aaaa');
  // 32 letters divide 256 evenly: no letter is likelier than another.
  const letters = new Set(makePassword(() => Uint8Array.from({ length: 20 }, (_, index) => index)).replaceAll('-', ''));
  expect(letters.size).toBe(20);
});
