import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openHarvested } from './harvested.ts';

let folder: string;
const quiet = () => undefined;
const open = () =>
  openHarvested(folder, () => new Date('2026-11-24T03:00:00Z'), { info: quiet, warn: quiet, error: quiet });
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'harvested-'));
});

const pin = (text: string) => ({ certificate: Buffer.from(text), chain: [Buffer.from(`CA of ${text}`)] });
const one = pin('certificate one');
const two = pin('certificate two');
const fresh = () => false;
const spent = () => true;

describe('harvested certificates', () => {
  it('pins the first, and keeps it across a restart, without regard to case', async () => {
    expect(await (await open()).offer('Bob@X.example', one, fresh)).toBe('pinned');
    const again = await open();
    expect(again.pinnedFor('bob@x.example')).toEqual(one);
    expect(again.pinnedFor('eve@x.example')).toBeUndefined();
    expect(await again.offer('bob@x.example', one, fresh)).toBe('known');
  });

  it('never replaces a pinned certificate that still stands', async () => {
    const store = await open();
    await store.offer('bob@x.example', one, fresh);
    for (let time = 0; time < 10; time++) {
      expect(await store.offer('bob@x.example', pin(`other ${time}`), fresh)).toBe('offered');
    }
    expect((await open()).pinnedFor('bob@x.example')).toEqual(one);
  });

  it('replaces one that is spent, and says so', async () => {
    const store = await open();
    await store.offer('bob@x.example', one, fresh);
    expect(await store.offer('bob@x.example', two, spent)).toBe('replaced');
    expect((await open()).pinnedFor('bob@x.example')).toEqual(two);
  });
});
