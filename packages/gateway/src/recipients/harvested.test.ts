import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
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

const pin = (text: string, more = {}) => ({
  ...{
    certificate: Buffer.from(text),
    chain: [Buffer.from(`CA of ${text}`)],
    message: '<1@x.example>',
    signedAt: null,
  },
  ...more,
});
const pinned = ({ certificate, chain }: ReturnType<typeof pin>) => ({ certificate, chain });
const one = pin('certificate one');
const two = pin('certificate two');
const no = () => false;
const yes = () => true;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('harvested certificates', () => {
  it('pins the first, and keeps it across a restart, without regard to case', async () => {
    expect(await (await open()).offer('Bob@X.example', one, no)).toBe('pinned');
    const again = await open();
    expect(again.pinnedFor('bob@x.example')).toEqual(pinned(one));
    expect(again.pinnedFor('eve@x.example')).toBeUndefined();
    expect(await again.offer('bob@x.example', one, no)).toBe('known');
    expect([...again.domains]).toEqual(['x.example']);
  });

  it('never replaces a pinned certificate by itself, and keeps no more than a few that wait', async () => {
    const store = await open();
    await store.offer('bob@x.example', one, no);
    for (let time = 0; time < 20; time++) {
      expect(await store.offer('bob@x.example', pin(`other ${time}`), no)).toBe('waiting');
    }
    const again = await open();
    expect(again.pinnedFor('bob@x.example')).toEqual(pinned(one));
    expect(again.untold(1)[0]?.certificates).toHaveLength(12);
  });

  it('replaces one where the rule allows it, says so, and keeps the history', async () => {
    const store = await open();
    await store.offer('bob@x.example', one, no);
    expect(await store.offer('bob@x.example', two, yes)).toBe('replaced');
    const again = await open();
    expect(again.pinnedFor('bob@x.example')).toEqual(pinned(two));
    const [entry] = again.untold(1);
    expect(entry?.certificates).toMatchObject([
      { state: 'pinned', approved: { how: 'same-authority' }, message: '<1@x.example>' },
      { state: 'replaced', replacedBy: sha256('certificate two'), approved: { how: 'first' } },
    ]);
    // The one before does not come back by a message.
    expect(await again.offer('bob@x.example', one, yes)).toBe('waiting');
    expect(again.pinnedFor('bob@x.example')).toEqual(pinned(two));
  });

  it('does what an administrator says', async () => {
    const store = await open();
    await store.offer('bob@x.example', one, no);
    await store.offer('bob@x.example', two, no);
    expect(await store.accept('bob@x.example', sha256('certificate three'), 'operator')).toBe(false);
    expect(await store.accept('bob@x.example', sha256('certificate two'), 'operator')).toBe(true);
    expect((await open()).pinnedFor('bob@x.example')).toEqual(pinned(two));
    expect(await store.forget('bob@x.example')).toBe(true);
    expect((await open()).pinnedFor('bob@x.example')).toBeUndefined();
    expect(await store.forget('bob@x.example')).toBe(false);
  });

  it('counts who signs, and who does not any more', async () => {
    const store = await open();
    await store.noteUnsigned('bob@x.example');
    expect(store.habitOf('bob@x.example')).toBeUndefined();
    for (let time = 0; time < 5; time++) await store.offer('bob@x.example', one, no);
    expect(store.habitOf('bob@x.example')).toMatchObject({ signed: 3, unsigned: 0 });
    for (let time = 0; time < 5; time++) await store.noteUnsigned('bob@x.example');
    expect(store.habitOf('bob@x.example')).toMatchObject({ signed: 3, unsigned: 3 });
    await store.offer('bob@x.example', one, no);
    expect(store.habitOf('bob@x.example')).toMatchObject({ unsigned: 0 });
  });

  it('hears what software can read from newer messages alone', async () => {
    const store = await open();
    const says = (oid: string, signedAt: number) =>
      pin('certificate one', { capabilities: [{ algorithm: oid }], signedAt });
    await store.offer('bob@x.example', says('1.2.3', 2_000), no);
    await store.offer('bob@x.example', says('1.2.4', 1_000), no);
    expect(store.pinnedFor('bob@x.example')?.capabilities).toEqual([{ algorithm: '1.2.3' }]);
    await store.offer('bob@x.example', says('1.2.5', 3_000), no);
    expect((await open()).pinnedFor('bob@x.example')?.capabilities).toEqual([{ algorithm: '1.2.5' }]);
  });

  it('reads what was kept before there was a history', async () => {
    const former = { address: 'bob@x.example', pinned: Buffer.from('certificate one').toString('base64'), chain: [] };
    const kept = { ...former, pinnedAt: '2026-01-01T00:00:00Z', offered: [] };
    await writeFile(path.join(folder, 'a.json'), JSON.stringify(kept));
    expect((await open()).pinnedFor('bob@x.example')).toEqual({
      certificate: Buffer.from('certificate one'),
      chain: [],
    });
  });
});
