import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { type TemporaryOffice, temporaryOffice } from '../test/temporary-office.ts';
import { AuthorityError } from './errors.ts';
import { bulkOperation } from './operation.ts';
import { anonymous, type Principal, system } from './principal.ts';
import { performTogether } from './together.ts';

let office: TemporaryOffice;
beforeAll(async () => {
  office = await temporaryOffice();
});
afterAll(() => office.close());

const groups: string[][] = [];
beforeEach(() => {
  groups.length = 0;
});

const define = (irreversible: boolean) =>
  bulkOperation({
    action: irreversible ? 'test.shout-for-good' : 'test.shout',
    permission: 'operator:write',
    irreversible,
    input: z.object({ word: z.string().min(1) }),
    subject: ({ word }) => `word:${word}`,
    async runAll(_tx, inputs) {
      groups.push(inputs.map(({ word }) => word));
      await sleep(30);
      if (inputs.some(({ word }) => word === 'broken')) throw new Error('broken');
      return inputs.map(({ word }) =>
        word === 'refused'
          ? new AuthorityError('conflict', 'Refused. Nothing was done.')
          : { result: word.toUpperCase(), audit: { word } },
      );
    },
  });
const shout = define(false);
const shoutForGood = define(true);

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const operator: Principal = {
  kind: 'operator',
  id: 'o',
  name: 'O',
  address: 'o@example.com',
  roles: ['administrator'],
};

const outcomes = async (word: string) =>
  (
    await office.world.database.pool.query('SELECT outcome FROM audit_records WHERE subject = $1 ORDER BY sequence', [
      `word:${word}`,
    ])
  ).rows.map(({ outcome }) => outcome);

it('those who come at the same time are a group, those who come meanwhile the next; each has its own answer and records', async () => {
  const first = ['a', 'refused', 'c'].map((word) => performTogether(office.world, shout, local, { word }));
  await sleep(10);
  const second = ['d', 'e'].map((word) => performTogether(office.world, shout, local, { word }));
  const settled = await Promise.allSettled([...first, ...second]);
  expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))).toEqual([
    'A',
    'conflict',
    'C',
    'D',
    'E',
  ]);
  expect(groups).toEqual([
    ['a', 'refused', 'c'],
    ['d', 'e'],
  ]);
  expect(await outcomes('a')).toEqual(['succeeded']);
  expect(await outcomes('refused')).toEqual(['failed']);
  expect(await performTogether(office.world, shout, local, { word: 'alone' })).toBe('ALONE');
});

it('nobody is grouped with another caller, nor with what cannot be read', async () => {
  const settled = await Promise.allSettled([
    performTogether(office.world, shout, local, { word: 'f' }),
    performTogether(office.world, shout, operator, { word: 'g' }),
    performTogether(office.world, shout, anonymous, { word: 'h' }),
    performTogether(office.world, shout, local, { word: '' }),
    performTogether(office.world, shout, local, { word: 'i' }),
  ]);
  expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))).toEqual([
    'F',
    'G',
    'unauthenticated',
    'invalid-request',
    'I',
  ]);
  expect(groups).toHaveLength(2);
  expect(groups).toEqual(expect.arrayContaining([['f', 'i'], ['g']]));
  expect(await outcomes('h')).toEqual(['denied']);
});

it('an error that nobody expected strikes its own input only, but where trying again might do something twice', async () => {
  const words = ['j', 'broken', 'k'];
  const settle = async (op: typeof shout) =>
    (await Promise.allSettled(words.map((word) => performTogether(office.world, op, system, { word })))).map((one) =>
      one.status === 'fulfilled' ? one.value : one.reason.message,
    );
  expect(await settle(shout)).toEqual(['J', 'broken', 'K']);
  expect(groups).toHaveLength(4);
  expect(await outcomes('k')).toEqual(['failed', 'succeeded']);
  groups.length = 0;
  expect(await settle(shoutForGood)).toEqual(['broken', 'broken', 'broken']);
  expect(groups).toEqual([words]);
});

it('a hundred are a group, and the next one begins the next', async () => {
  const words = Array.from({ length: 230 }, (_, n) => `w${n}`);
  const answers = await Promise.all(words.map((word) => performTogether(office.world, shout, local, { word })));
  expect(answers).toEqual(words.map((word) => word.toUpperCase()));
  expect(groups.map((group) => group.length)).toEqual([100, 100, 30]);
});
