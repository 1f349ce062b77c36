import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type TemporaryOffice, temporaryOffice } from '../../test/temporary-office.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';

const PERSON = '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11';
const ran: string[] = [];
let office: TemporaryOffice;

beforeAll(async () => {
  office = await temporaryOffice({
    handlers: { 'publish-person': async (_world, { personId }) => void ran.push(personId) },
  });
});
afterAll(() => office.close());

const publish = operation({
  action: 'test.publish',
  permission: 'system',
  input: z.object({ fail: z.boolean() }),
  subject: () => null,
  async run(tx, input, _by, world) {
    await world.jobs.enqueue(tx, 'publish-person', { personId: PERSON });
    if (input.fail) throw new Error('after enqueueing');
    return { result: undefined, audit: {} };
  },
});

describe('the outbox', () => {
  it('runs what was committed', async () => {
    await perform(office.world, publish, system, { fail: false });
    expect(ran).toEqual([]);
    await office.drain();
    expect(ran).toEqual([PERSON]);
    await office.drain();
    expect(ran).toEqual([PERSON]);
  });

  it('never runs what was rolled back', async () => {
    ran.length = 0;
    await expect(perform(office.world, publish, system, { fail: true })).rejects.toThrow('after enqueueing');
    await office.drain();
    expect(ran).toEqual([]);
  });
});
