import { KeyStoreError } from '@chancery/keystore';
import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import type { World } from '../../world.ts';
import { answerError } from './problem.ts';

describe('a token that cannot be reached', () => {
  it.each(['unavailable', 'pin-refused'] as const)(
    'is 503 where it is %s: the caller may try again, and is told nothing of the machine',
    async (code) => {
      const logged: unknown[] = [];
      const log = { info: () => {}, warn: () => {}, error: (_event: string, fields?: unknown) => logged.push(fields) };
      const app = fastify();
      app.setErrorHandler(answerError({ log } as unknown as World));
      app.get('/', () => {
        throw new KeyStoreError(code, 'The token "one" refused. See /home/office/keys.pin-refused.', {
          path: '/home/office/keys.pin-refused',
        });
      });
      const answer = await app.inject('/');
      expect(answer.statusCode).toBe(503);
      expect(answer.json()).toMatchObject({ code: 'unavailable', title: expect.stringContaining('token') });
      expect(answer.body).not.toContain('/home/office');
      expect(JSON.stringify(logged)).toContain('/home/office');
      await app.close();
    },
  );

  it('is not what a key that is missing is', async () => {
    const app = fastify();
    app.setErrorHandler(answerError({ log: { info: () => {}, warn: () => {}, error: () => {} } } as unknown as World));
    app.get('/', () => {
      throw new KeyStoreError('key-not-found', 'There is no key.');
    });
    expect((await app.inject('/')).statusCode).toBe(500);
    await app.close();
  });
});
