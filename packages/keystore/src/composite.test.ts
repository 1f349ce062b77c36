import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { composeKeyStores } from './composite.ts';
import type { KeyStore } from './key-store.ts';
import { openTokenKeyStore } from './pkcs11/store.ts';
import { openSoftwareKeyStore } from './software.ts';

const openSoftware = (directory: string) => openSoftwareKeyStore({ directory, secret: 'correct horse' });

/** A token that nobody will ever plug in. */
const absentToken = (folder: string): KeyStore =>
  openTokenKeyStore({
    module: path.join(folder, 'no-such-module.so'),
    token: 'absent',
    pin: () => '0000',
    refusalFile: path.join(folder, 'refused'),
  });

describe('stores behind one port', () => {
  let folder: string;
  let software: KeyStore;
  let token: KeyStore;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'chancery-composite-'));
    software = await openSoftware(path.join(folder, 'keys'));
    token = absentToken(folder);
  });
  afterEach(async () => {
    await Promise.all([software.close(), token.close()]);
    rmSync(folder, { recursive: true });
  });

  it('make new keys in the preferred one alone, and find old ones where they are', async () => {
    const old = await software.generate('p256', 'made before the token came');
    const store = composeKeyStores({ prefix: 'pkcs11', store: token }, { software });
    await expect(store.generate('p256', 'new')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.generateKek('new')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.importKey(Buffer.alloc(1), 'new')).rejects.toMatchObject({ code: 'unsupported-key' });
    expect((await store.signer(old)).kind).toBe('p256');
    expect((await software.list()).map(({ label }) => label)).toEqual(['made before the token came']);
  });

  it('do not pass half a list for the whole', async () => {
    const store = composeKeyStores({ prefix: 'software', store: software }, { pkcs11: token });
    await store.generate('p256', 'a');
    await expect(store.list()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('say how each is, the absent one with its reason', async () => {
    const store = composeKeyStores({ prefix: 'pkcs11', store: token }, { software });
    expect(await store.health()).toMatchObject([
      {
        name: 'pkcs11:absent',
        state: 'unavailable',
        lastError: { message: expect.stringMatching(/no-such-module|build:pkcs11/) },
      },
      { name: 'software', state: 'available', lastError: undefined },
    ]);
  });

  it('say which store a key may be in that none of them holds', async () => {
    const store = composeKeyStores({ prefix: 'software', store: software }, {});
    await expect(store.signer('pkcs11:one/00' as never)).rejects.toMatchObject({
      code: 'key-not-found',
      message: expect.stringContaining('[keys]'),
    });
  });
});
