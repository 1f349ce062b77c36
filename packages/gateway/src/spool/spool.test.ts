import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { JournalEntry } from '@chancery/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { wholeOf } from '../../test/support/whole.ts';
import { openSpool, repetitionKey } from './spool.ts';
import type { Draft } from './spooled-message.ts';

let folder: string;
const events: string[] = [];
const note = (event: string) => void events.push(event);
const log = { info: note, warn: note, error: note };
let clock = 1_000_000;
const now = () => clock;
const open = () => openSpool(folder, now, log);

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spool-'));
  events.length = 0;
  clock = 1_000_000;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const draft = (more: Partial<Draft> = {}): Draft => ({
  id: 'm1',
  direction: 'outbound',
  sender: 'anna@example.com',
  key: 'k1',
  copies: [
    { recipients: ['b@x.example', 'c@x.example'], message: Buffer.from('first copy\r\n') },
    { recipients: ['d@y.example'], message: Buffer.from('second\ncopy é') },
  ],
  mayBounce: true,
  journal: [],
  ...more,
});

const decision: JournalEntry = {
  id: '',
  at: '2026-11-24T03:00:00.000Z',
  direction: 'inbound',
  messageId: null,
  sender: 'anna@example.com',
  recipient: 'b@x.example',
  rule: 'default',
  outcome: 'plain',
  verdict: null,
  detail: '',
};

describe('the spool', () => {
  it('gives back every copy octet for octet, also after a restart', async () => {
    const octets = randomBytes(200_000);
    await (await open()).commit(draft({ copies: [{ recipients: ['b@x.example'], message: octets }] }));
    const again = await open();
    expect(again.waiting()).toHaveLength(1);
    expect((await wholeOf(await again.read('m1', 0))).equals(octets)).toBe(true);
  });

  it('keeps recipients and states across a restart, and forgets a message when all are done', async () => {
    const spool = await open();
    await spool.commit(draft());
    await spool.record('m1', [
      { recipient: 0, state: 'delivered', reply: '250 ok' },
      { recipient: 1, state: 'waiting', reply: '451 later' },
    ]);
    const again = await open();
    expect(again.get('m1')?.recipients.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['delivered', 1],
      ['waiting', 1],
      ['waiting', 0],
    ]);
    await again.record('m1', [
      { recipient: 1, state: 'delivered', reply: '250 ok' },
      { recipient: 2, state: 'failed', reply: '550 no' },
    ]);
    expect(again.waiting()).toEqual([]);
    expect((await open()).waiting()).toEqual([]);
  });

  it('gives back what was decided of what waits, and of what was delivered before its client was told', async () => {
    const entry = (id: string) => ({ ...decision, id });
    const [first, second] = [
      entry('11111111-1111-4111-8111-111111111111'),
      entry('22222222-2222-4222-8222-222222222222'),
    ];
    const one = { copies: [{ recipients: ['b@x.example'], message: Buffer.from('x') }] };
    const spool = await open();
    await spool.commit(draft({ ...one, journal: [first] }));
    await spool.commit(draft({ ...one, id: 'm2', key: 'k2', journal: [second] }));
    await spool.record('m1', [{ recipient: 0, state: 'delivered', reply: '250' }]);
    const again = await open();
    expect(again.waiting().map(({ id }) => id)).toEqual(['m2']);
    expect(again.decidedBefore).toEqual([first, second]);
  });

  it('never changes a state that is final', async () => {
    const spool = await open();
    await spool.commit(draft());
    await spool.record('m1', [{ recipient: 0, state: 'delivered', reply: '250' }]);
    await spool.record('m1', [{ recipient: 0, state: 'failed', reply: '550' }]);
    expect(spool.get('m1')?.recipients[0]?.state).toBe('delivered');
  });

  it('takes a torn last line of states as not written, and goes on behind it', async () => {
    const spool = await open();
    await spool.commit(draft());
    await spool.record('m1', [{ recipient: 0, state: 'delivered', reply: '250' }]);
    const file = path.join(folder, 'm1.state');
    await writeFile(file, `${await readFile(file, 'utf8')}{"recipient":1,"state":"deliv`);
    const again = await open();
    expect(again.get('m1')?.recipients.map(({ state }) => state)).toEqual(['delivered', 'waiting', 'waiting']);
    await again.record('m1', [{ recipient: 2, state: 'delivered', reply: '250' }]);
    expect((await open()).get('m1')?.recipients.map(({ state }) => state)).toEqual([
      'delivered',
      'waiting',
      'delivered',
    ]);
  });

  it('drops what was never acknowledged', async () => {
    await (await open()).commit(draft());
    await writeFile(path.join(folder, 'm2.message.abc.tmp'), '{"half":');
    await writeFile(path.join(folder, 'm3.state'), '{}');
    const again = await open();
    expect(again.waiting().map(({ id }) => id)).toEqual(['m1']);
    expect((await readdir(folder)).sort()).toEqual(['m1.message']);
  });

  it('refuses to hand out octets that are not the ones it was given', async () => {
    const spool = await open();
    await spool.commit(draft());
    const file = path.join(folder, 'm1.message');
    const octets = await readFile(file);
    octets[octets.indexOf('first')] = 0x46;
    await writeFile(file, octets);
    // What was just taken is still in memory, and right.
    expect((await spool.read('m1', 0)).toString()).toMatch(/^first/);
    const again = await open();
    await expect(again.read('m1', 0)).rejects.toMatchObject({ code: 'state-damaged' });
    expect((await again.read('m1', 1)).toString()).toBe('second\ncopy é');
  });

  it('keeps a damaged file for a person and says so', async () => {
    await (await open()).commit(draft());
    const file = path.join(folder, 'm1.message');
    await writeFile(file, (await readFile(file)).subarray(0, -3));
    const again = await open();
    expect(again.waiting()).toEqual([]);
    expect(events).toEqual(['spool.damaged']);
    expect(await readdir(folder)).toEqual(['m1.message']);
  });

  it('answers a repetition with the first id: while waiting, when done, and after a restart', async () => {
    let spool = await open();
    expect(await spool.commit(draft())).toMatchObject({ id: 'm1', repeated: false });
    expect(await spool.commit(draft({ id: 'm2' }))).toMatchObject({ id: 'm1', repeated: true });
    spool = await open();
    expect(await spool.commit(draft({ id: 'm3' }))).toMatchObject({ id: 'm1', repeated: true });
    await spool.record(
      'm1',
      [0, 1, 2].map((recipient) => ({ recipient, state: 'delivered', reply: '250' }) as const),
    );
    expect(await spool.commit(draft({ id: 'm4' }))).toMatchObject({ id: 'm1', repeated: true });
    spool = await open();
    expect(await spool.commit(draft({ id: 'm5' }))).toMatchObject({ id: 'm1', repeated: true });
    clock += 25 * 3600 * 1000;
    expect(await spool.commit(draft({ id: 'm6' }))).toMatchObject({ id: 'm6', repeated: false });
  });

  it('keeps one of two repetitions that come at the same time', async () => {
    const spool = await open();
    const both = await Promise.all([spool.commit(draft()), spool.commit(draft({ id: 'm2' }))]);
    expect(both.map(({ repeated }) => repeated)).toEqual([false, true]);
    expect(spool.waiting()).toHaveLength(1);
  });

  it('takes the same message again once the client has seen our acceptance', async () => {
    let spool = await open();
    await spool.commit(draft());
    await spool.confirm('m1');
    expect(await spool.commit(draft({ id: 'm2' }))).toMatchObject({ id: 'm2', repeated: false });
    await spool.confirm('m2');
    spool = await open();
    expect(await spool.commit(draft({ id: 'm3' }))).toMatchObject({ repeated: false });
    await spool.record(
      'm3',
      [0, 1, 2].map((recipient) => ({ recipient, state: 'delivered', reply: '250' }) as const),
    );
    await spool.confirm('m3');
    expect(await spool.commit(draft({ id: 'm4' }))).toMatchObject({ repeated: false });
  });

  describe('on a disk that is full', () => {
    let mounted = false;
    beforeEach(() => {
      mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0;
    });
    afterEach(() => void (mounted && spawnSync('umount', ['-l', folder])));
    const ballast = () => path.join(folder, 'ballast');
    const fill = () => expect(writeFile(ballast(), Buffer.alloc(256 * 1024))).rejects.toThrow(/ENOSPC/);

    it('knows who has it all the same, and notes it when there is room', async ({ skip }) => {
      if (!mounted) skip('only root may mount a small disk');
      const spool = await open();
      await spool.commit(draft());
      await fill();
      await spool.record('m1', [{ recipient: 0, state: 'delivered', reply: '250' }]);
      expect(spool.get('m1')?.recipients.map(({ state }) => state)).toEqual(['delivered', 'waiting', 'waiting']);
      expect(events).toContain('spool.state-not-written');
      expect((await open()).get('m1')?.recipients[0]?.state).toBe('waiting');
      await rm(ballast());
      await spool.record('m1', [{ recipient: 2, state: 'delivered', reply: '250' }]);
      expect((await open()).get('m1')?.recipients.map(({ state }) => state)).toEqual([
        'delivered',
        'waiting',
        'delivered',
      ]);
    });

    it('opens, and remembers what it must', async ({ skip }) => {
      if (!mounted) skip('only root may mount a small disk');
      const spool = await open();
      const [b, c] = [{ recipients: ['b@x.example'] }, { recipients: ['c@x.example'] }];
      await spool.commit(draft({ copies: [{ ...b, message: Buffer.alloc(9000, 'x') }] }));
      await spool.commit(draft({ id: 'm2', key: 'k2', copies: [{ ...c, message: Buffer.alloc(9000, 'y') }] }));
      await fill();
      await spool.record('m1', [{ recipient: 0, state: 'delivered', reply: '250' }]);
      const again = await open();
      expect(again.remembers('k1')).toBe('m1');
      expect(again.waiting().map(({ id }) => id)).toEqual(['m2']);
      expect(await again.read('m2', 0)).toHaveLength(9000);
    });
  });

  it('says that it cannot take a message when the folder is gone', async () => {
    const spool = await open();
    await rm(folder, { recursive: true });
    await expect(spool.commit(draft())).rejects.toMatchObject({ code: 'spool-unavailable' });
    expect(spool.waiting()).toEqual([]);
  });
});

describe('repetitionKey', () => {
  it('depends on direction, sender, recipients (not their order) and octets', async () => {
    const key = await repetitionKey('outbound', 'a', ['b', 'c'], Buffer.from('x'));
    expect(await repetitionKey('outbound', 'a', ['c', 'b'], Buffer.from('x'))).toBe(key);
    const others = await Promise.all([
      repetitionKey('inbound', 'a', ['b', 'c'], Buffer.from('x')),
      repetitionKey('outbound', 'A', ['b', 'c'], Buffer.from('x')),
      repetitionKey('outbound', 'a', ['b'], Buffer.from('x')),
      repetitionKey('outbound', 'a', ['b', 'c'], Buffer.from('y')),
    ]);
    expect(new Set([key, ...others]).size).toBe(5);
  });
});
