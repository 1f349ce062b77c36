import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { composeKeyStores } from './composite.ts';
import { describeKeyStore } from './key-store.contract.ts';
import { prefixKeyStore } from './prefixed.ts';
import { openSoftwareKeyStore } from './software.ts';

const open = (directory: string) => openSoftwareKeyStore({ directory, secret: 'correct horse battery staple' });

describeKeyStore('prefixed', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'chancery-prefixed-'));
  return {
    open: async () => prefixKeyStore('status', await open(directory)),
    remove: async () => rmSync(directory, { recursive: true }),
    unknown: 'status:software:00000000-0000-4000-8000-000000000000',
    imports: true,
    mlDsa: true,
    oaepHashes: ['sha256', 'sha384', 'sha512'],
    keysLiveInMemory: true,
  };
});

it('stands beside another of its kind, and neither is asked for a key of the other', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-prefixed-'));
  try {
    const main = await open(path.join(folder, 'keys'));
    const status = prefixKeyStore('status', await open(path.join(folder, 'status-keys')));
    const both = composeKeyStores({ prefix: 'software', store: main }, { status });
    const [ours, theirs] = [await both.generate('p256', 'ours'), await status.generate('p256', 'theirs')];
    expect([ours, theirs].map((reference) => reference.replace(/[0-9a-f-]{36}$/, ''))).toEqual([
      'software:',
      'status:software:',
    ]);
    for (const reference of [ours, theirs]) expect((await both.signer(reference)).kind).toBe('p256');
    await expect(status.signer(ours)).rejects.toMatchObject({ code: 'key-not-found' });
    await expect(main.signer(theirs)).rejects.toMatchObject({ code: 'key-not-found' });
    expect((await status.list()).map(({ label }) => label)).toEqual(['theirs']);
    expect((await both.health()).map(({ name }) => name)).toEqual(['software', 'status software']);
    await both.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
