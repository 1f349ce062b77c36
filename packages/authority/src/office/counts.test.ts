import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import type { World } from '../world.ts';
import { countOffice, restAfter } from './counts.ts';

let office: PkiOffice;

beforeAll(async () => {
  office = await pkiOffice();
});

afterAll(() => office.close());

it('what is counted fast is counted each time', async () => {
  const { active } = (await countOffice(office.world)).people;
  await office.signing(await office.person('ada@example.com'));
  const counts = await countOffice(office.world);
  expect(counts.people).toEqual({ active: active + 1, canSign: 1, canBeWrittenTo: 0 });
  expect(counts.certificates).toMatchObject({ valid: 1, expiring: 0, expired: 0, revoked: 0 });
});

it('what is counted slowly is kept for a while, says of when it is, and is counted once for all who wait', async () => {
  let countings = 0;
  const { database } = office.world;
  const slow: World = {
    ...office.world,
    database: {
      ...database,
      snapshot: async (run) => {
        countings++;
        await sleep(600);
        return database.snapshot(run);
      },
    },
  };
  const [first, beside] = await Promise.all([countOffice(slow), countOffice(slow)]);
  expect(beside).toBe(first);
  await office.person('bob@example.com');
  const later = await countOffice(slow);
  expect(later).toBe(first);
  expect(Date.parse(later.countedAt)).toBeLessThanOrEqual(Date.now() - 600);
  expect(countings).toBe(1);
  expect((await countOffice(office.world)).people.active).toBe(first.people.active + 1);
});

it('one slow counting, of a moment when the office was busy, does not stand for long', () => {
  expect(restAfter(600)).toBe(60_000);
  expect(restAfter(20_000)).toBe(120_000);
});
