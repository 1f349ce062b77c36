import { ApiError, type Client } from '@chancery/api';
import { describe, expect, it } from 'vitest';
import type { BulkRequest } from './requests.ts';
import { submit } from './submit.ts';

const id = '6d0f4c0e-4d2a-8b9e-9d0a-0f6f3c1c8a11';
const requests = Array.from(
  { length: 450 },
  (_, index): BulkRequest => ({
    line: index + 2,
    address: `p${index}@example.com`,
    request: Uint8Array.of(index % 256),
    keyOrigin: 'device',
  }),
);

/** An office that has taken in so many, issues all at the next look, and is away for some calls. */
function office({ taken = 0, away = 0 }: { taken?: number; away?: number } = {}) {
  const offsets: number[] = [];
  let [total, issued] = [taken, 0];
  const answer = () => {
    if (away-- > 0) throw new ApiError({ title: 'gone', code: 'unavailable', status: 0 });
    return {
      id,
      note: '',
      createdBy: 'x',
      createdAt: '',
      total,
      issued,
      failed: 0,
      withdrawn: 0,
      waiting: total - issued,
    };
  };
  const client = {
    issuance: async () => {
      if (total === 0 && away <= 0) throw new ApiError({ title: 'none', code: 'not-found', status: 404 });
      const now = answer();
      issued = total;
      return now;
    },
    submitIssuance: async ({ body }: { body: { offset?: number; items: unknown[] } }) => {
      offsets.push(body.offset ?? 0);
      total = Math.max(total, (body.offset ?? 0) + body.items.length);
      return answer();
    },
  } as unknown as Client;
  return { client, offsets };
}
const said: string[] = [];
const waiting = { say: (line: string) => said.push(line), patience: 5000, sleep: async () => {} };
const options = { note: '', retry: false };

describe('a batch on its way', () => {
  it('is sent in pieces, and waited for', async () => {
    const { client, offsets } = office();
    expect(await submit(client, id, requests, options, waiting)).toMatchObject({ total: 450, issued: 450 });
    expect(offsets).toEqual([0, 200, 400]);
  });

  it('goes on where a run that was killed had come to', async () => {
    const { client, offsets } = office({ taken: 200 });
    expect(await submit(client, id, requests, options, waiting)).toMatchObject({ issued: 450 });
    expect(offsets).toEqual([200, 400]);
    expect(said).toContainEqual(expect.stringContaining(`Goes on with the batch ${id}`));
  });

  it('waits for an office that is away, for as long as it is told', async () => {
    expect(await submit(office({ taken: 450, away: 3 }).client, id, requests, options, waiting)).toMatchObject({
      issued: 450,
    });
    await expect(submit(office({ taken: 450, away: 99 }).client, id, requests, options, waiting)).rejects.toMatchObject(
      {
        exitCode: 3,
        message: expect.stringContaining('run the same command again'),
      },
    );
  });

  it('is not mixed with another that has the same identifier', async () => {
    await expect(submit(office({ taken: 451 }).client, id, requests, options, waiting)).rejects.toMatchObject({
      message: expect.stringContaining('Nothing was sent'),
    });
  });
});
