import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { JournalEntry } from '@chancery/api';
import { beforeEach, describe, expect, it } from 'vitest';
import { openJournal } from './journal.ts';

let folder: string;
const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'journal-'));
});

const entry = (): JournalEntry => ({
  id: randomUUID(),
  at: '2026-11-24T03:00:00.000Z',
  direction: 'outbound',
  messageId: null,
  sender: 'anna@example.com',
  recipient: 'b@x.example',
  rule: 'default',
  outcome: 'signed',
  verdict: null,
  detail: '',
});
const open = (post: (entries: JournalEntry[]) => Promise<unknown>, isRefusal = () => false) =>
  openJournal(folder, post, isRefusal, 3_600_000, log);

describe('the journal', () => {
  it('sends what was written, once, and leaves nothing', async () => {
    const sent: JournalEntry[] = [];
    const journal = await open(async (entries) => sent.push(...entries));
    const entries = [entry(), entry()];
    await journal.write(entries);
    await journal.flush();
    await journal.flush();
    expect(sent).toEqual(entries);
    expect(await readdir(folder)).toEqual([]);
    await journal.stop();
  });

  it('keeps entries that a full disk does not take, and sends them when there is room', async () => {
    const sent: JournalEntry[] = [];
    const journal = await open(async (entries) => sent.push(...entries));
    await symlink('/dev/full', path.join(folder, 'current.jsonl'));
    const entries = [entry(), entry(), entry()];
    for (const one of entries.slice(0, 2)) await expect(journal.write([one])).rejects.toThrow(/ENOSPC/);
    await rm(path.join(folder, 'current.jsonl'));
    await journal.write(entries.slice(2));
    await journal.flush();
    expect(sent).toEqual(entries);

    const last = entry();
    await symlink('/dev/full', path.join(folder, 'current.jsonl'));
    await expect(journal.write([last])).rejects.toThrow(/ENOSPC/);
    await rm(path.join(folder, 'current.jsonl'));
    await journal.flush();
    await journal.stop();
    expect(sent).toEqual([...entries, last]);
  });

  it('keeps entries while the authority is down, also across a restart, and sends them in batches', async () => {
    const journal = await open(async () => {
      throw new Error('down');
    });
    const entries = Array.from({ length: 1201 }, entry);
    await journal.write(entries);
    await journal.flush();
    await journal.stop();
    // What a crash tore is not an entry.
    await appendFile(path.join(folder, 'current.jsonl'), '{"id":"half');
    const batches: JournalEntry[][] = [];
    const again = await open(async (batch) => batches.push(batch));
    await again.flush();
    expect(batches.map(({ length }) => length)).toEqual([500, 500, 201]);
    expect(batches.flat()).toEqual(entries);
    expect(await readdir(folder)).toEqual([]);
    await again.stop();
  });

  it('sets a refused batch aside instead of sending it for ever', async () => {
    let calls = 0;
    const refusing = async () => {
      calls++;
      throw new Error('invalid');
    };
    const journal = await open(refusing, () => true);
    await journal.write([entry()]);
    await journal.flush();
    await journal.flush();
    expect(calls).toBe(1);
    expect((await readdir(folder)).map((name) => name.slice(0, 8))).toEqual(['refused-']);
    await journal.stop();
  });

  it('loses no entry that is written while others are being sent', async () => {
    const sent: JournalEntry[] = [];
    const journal = await open(async (entries) => {
      await new Promise((resolve) => setImmediate(resolve));
      sent.push(...entries);
    });
    const entries = Array.from({ length: 100 }, entry);
    await Promise.all(
      entries.map((one, index) => {
        if (index % 7 === 0) void journal.flush();
        return journal.write([one]);
      }),
    );
    await journal.flush();
    await journal.flush();
    expect(sent.map(({ id }) => id).sort()).toEqual(entries.map(({ id }) => id).sort());
    await journal.stop();
  });
});
