import { expect, it } from 'vitest';
import { isFresh } from './fresh.ts';

it('is fresh for a minute', () => {
  const now = Date.parse('2026-11-24T12:00:00Z');
  expect(isFresh({ createdAt: '2026-11-24T11:59:30Z' }, now)).toBe(true);
  expect(isFresh({ createdAt: '2026-11-24T11:58:59Z' }, now)).toBe(false);
});
