import { ApiError } from '@chancery/api';
import { expect, it, describe as suite } from 'vitest';
import { z } from 'zod';
import { describe, unplaced } from './problem.ts';

suite('describe', () => {
  it('keeps the title of a refusal and puts each message at its field, whatever the path looks like', () => {
    const shown = describe(
      new ApiError({
        title: 'The address is taken',
        code: 'conflict',
        status: 409,
        fields: [
          { path: '/address', message: 'Taken by Ada' },
          { path: 'body.aliases.0', message: 'Not an address' },
          { path: 'address', message: 'a second message for the same field' },
        ],
      }),
    );
    expect(shown).toEqual({
      title: 'The address is taken.',
      fields: { address: 'Taken by Ada', 'aliases.0': 'Not an address' },
    });
  });

  it('reads what the client itself refused to send', () => {
    const result = z.object({ name: z.string().min(1, 'Too short') }).safeParse({ name: '' });
    expect(describe(result.error).fields).toEqual({ name: 'Too short' });
  });

  it('says something useful about anything else', () => {
    expect(describe(new Error('boom')).title).toContain('boom.');
    expect(describe('what').title).toContain('no reason given.');
  });
});

suite('unplaced', () => {
  it('returns only the messages that no input shows', () => {
    const shown = { title: '', fields: { name: 'a', 'aliases.0': 'b', token: 'c', '': 'd' } };
    expect(unplaced(shown, ['name', 'aliases'])).toEqual(['token: c', 'd']);
  });
});
