import { describe, expect, it } from 'vitest';
import { filterOf } from './filter.ts';

describe('what the audit page asks for', () => {
  it('takes days as the reader’s, the last one whole', () => {
    const { from, until } = filterOf({ from: '2026-02-28', until: '2026-02-28' });
    expect(new Date(from ?? '').getTime()).toBe(new Date(2026, 1, 28).getTime());
    expect(new Date(until ?? '').getTime()).toBe(new Date(2026, 2, 1).getTime());
  });

  it('leaves out what is not asked, and days that are none', () => {
    expect(filterOf({ search: 'dora', outcome: 'denied', actor: undefined, from: 'yesterday' })).toEqual({
      search: 'dora',
      outcome: 'denied',
    });
  });
});
