import { expect, it } from 'vitest';
import { lineOf } from './import-lines.ts';

it('finds the line in whatever names it', () => {
  expect(lineOf('line 12')).toBe('12');
  expect(lineOf('lines.7.address')).toBe('7');
  expect(lineOf('header')).toBe('header');
});
