import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeKeyStore } from './key-store.contract.ts';
import type { KeyReference } from './key-store.ts';
import { openSoftwareKeyStore } from './software.ts';

describeKeyStore('software', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'chancery-keys-'));
  return {
    open: () => openSoftwareKeyStore({ directory, secret: 'correct horse battery staple' }),
    remove: async () => rmSync(directory, { recursive: true }),
    unknown: 'software:00000000-0000-4000-8000-000000000000',
    imports: true,
    mlDsa: true,
    oaepHashes: ['sha256', 'sha384', 'sha512'],
    keysLiveInMemory: true,
  };
});

describe('the software key store', () => {
  const secret = 'correct horse battery staple';
  let parent: string;
  let directory: string;
  beforeEach(() => {
    parent = mkdtempSync(path.join(tmpdir(), 'chancery-keys-'));
    directory = path.join(parent, 'keys');
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  const fileOf = (reference: KeyReference): string =>
    path.join(directory, `${reference.slice('software:'.length)}.key`);
  const snapshot = (): Record<string, string> =>
    Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(path.join(directory, name), 'hex')]));

  it('keeps others out of its folder and files', async () => {
    const store = await openSoftwareKeyStore({ directory, secret });
    await store.generate('p256', 'a');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const modes = readdirSync(directory).map((name) => statSync(path.join(directory, name)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600]);
  });

  it('writes no key in the clear', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const store = await openSoftwareKeyStore({ directory, secret });
    const reference = await store.importKey(privateKey.export({ type: 'pkcs8', format: 'der' }), 'a');
    const scalar = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
    expect(scalar).toHaveLength(32);
    expect(readFileSync(fileOf(reference)).includes(scalar)).toBe(false);
  });

  it('refuses a wrong passphrase with one code, and changes nothing', async () => {
    const store = await openSoftwareKeyStore({ directory, secret });
    await store.generate('p256', 'a');
    const before = snapshot();
    for (const wrong of ['wrong', `${secret} `, randomBytes(32)]) {
      await expect(openSoftwareKeyStore({ directory, secret: wrong })).rejects.toMatchObject({
        code: 'wrong-passphrase',
        message: expect.stringContaining(directory),
      });
    }
    await expect(openSoftwareKeyStore({ directory, secret: '' })).rejects.toMatchObject({ code: 'invalid-argument' });
    expect(snapshot()).toEqual(before);
  });

  it('never says the passphrase in an error', async () => {
    await openSoftwareKeyStore({ directory, secret });
    const error = await openSoftwareKeyStore({ directory, secret: 'hunter2-hunter2' }).catch((thrown) => thrown);
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain('hunter2');
  });

  it('takes a passphrase however its letters were composed', async () => {
    const composed = await openSoftwareKeyStore({ directory, secret: 'Z\u00fcrich' });
    const reference = await composed.generate('p256', 'a');
    const decomposed = await openSoftwareKeyStore({ directory, secret: 'Zu\u0308rich' });
    expect(await decomposed.publicKey(reference)).toEqual(await composed.publicKey(reference));
  });

  it('names a key file that was altered in any octet or truncated anywhere', async () => {
    const store = await openSoftwareKeyStore({ directory, secret });
    const reference = await store.generate('p256', 'a');
    const file = fileOf(reference);
    const whole = readFileSync(file);
    const fresh = await openSoftwareKeyStore({ directory, secret });
    const damaged = { code: 'damaged', path: file, message: expect.stringContaining(file) };
    for (let index = 0; index < whole.length; index += 1) {
      const altered = Buffer.from(whole);
      altered[index] = (altered[index] ?? 0) ^ 0x20;
      writeFileSync(file, altered);
      await expect(fresh.signer(reference)).rejects.toMatchObject(damaged);
      writeFileSync(file, whole.subarray(0, index));
      await expect(fresh.signer(reference)).rejects.toMatchObject(damaged);
    }
    await expect(fresh.list()).rejects.toMatchObject(damaged);
    writeFileSync(file, whole);
    expect((await fresh.signer(reference)).kind).toBe('p256');
  });

  it('does not open a key under another name, nor one of another store', async () => {
    const store = await openSoftwareKeyStore({ directory, secret });
    const [one, other] = [await store.generate('p256', 'one'), await store.generate('p256', 'other')];
    writeFileSync(fileOf(one), readFileSync(fileOf(other)));
    const fresh = await openSoftwareKeyStore({ directory, secret });
    await expect(fresh.signer(one)).rejects.toMatchObject({ code: 'damaged', path: fileOf(one) });

    const elsewhere = await openSoftwareKeyStore({ directory: path.join(parent, 'elsewhere'), secret });
    const foreign = await elsewhere.generate('p256', 'foreign');
    const name = `${foreign.slice('software:'.length)}.key`;
    writeFileSync(path.join(directory, name), readFileSync(path.join(parent, 'elsewhere', name)));
    await expect(fresh.signer(foreign)).rejects.toMatchObject({ code: 'damaged' });
  });

  it('says so where the header is damaged or gone, and never makes a new one over keys', async () => {
    const store = await openSoftwareKeyStore({ directory, secret });
    await store.generate('p256', 'a');
    const header = path.join(directory, 'store.json');
    const whole = readFileSync(header, 'utf8');
    const damaged = { code: 'damaged', path: header };
    const costly = whole.replace(/"memoryKiB": \d+/, '"memoryKiB": 999999999');
    for (const text of ['', '{}', 'null', whole.slice(0, 100), costly, whole.replace('argon2id', 'none')]) {
      writeFileSync(header, text);
      await expect(openSoftwareKeyStore({ directory, secret })).rejects.toMatchObject(damaged);
    }
    rmSync(header);
    await expect(openSoftwareKeyStore({ directory, secret })).rejects.toMatchObject(damaged);
    expect(existsSync(header)).toBe(false);
    writeFileSync(header, whole);
    expect(await (await openSoftwareKeyStore({ directory, secret })).list()).toHaveLength(1);
  });

  it('does not open with a cheaper derivation than it was made with', async () => {
    await openSoftwareKeyStore({ directory, secret });
    const header = path.join(directory, 'store.json');
    writeFileSync(header, readFileSync(header, 'utf8').replace(/"memoryKiB": \d+/, '"memoryKiB": 64'));
    await expect(openSoftwareKeyStore({ directory, secret })).rejects.toMatchObject({ code: 'wrong-passphrase' });
  });

  it('is made once, however many make it at the same time', async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, () => openSoftwareKeyStore({ directory, secret })));
    const references = await Promise.all(stores.map((store, index) => store.generate('p256', `key ${index}`)));
    for (const store of stores) {
      const keys = await store.list();
      expect(keys.map(({ reference }) => reference).sort()).toEqual([...references].sort());
    }
  });

  it('clears away what a killed writer left, but not what another is just writing', async () => {
    await openSoftwareKeyStore({ directory, secret });
    const [old, recent] = ['.unfinished-a.key.1', '.unfinished-b.key.2'].map((name) => path.join(directory, name));
    for (const file of [old, recent]) writeFileSync(String(file), 'half');
    const yesterday = Date.now() / 1000 - 86_400;
    utimesSync(String(old), yesterday, yesterday);
    const store = await openSoftwareKeyStore({ directory, secret });
    expect(await store.list()).toEqual([]);
    expect([existsSync(String(old)), existsSync(String(recent))]).toEqual([false, true]);
  });

  it('keeps every key that it has named, however often its process is killed', async () => {
    await openSoftwareKeyStore({ directory, secret });
    const writer = `
      const { openSoftwareKeyStore } = await import(${JSON.stringify(new URL('./software.ts', import.meta.url).href)});
      const store = await openSoftwareKeyStore(${JSON.stringify({ directory, secret })});
      for (;;) process.stdout.write((await store.generate('p256', 'a')) + '\\n');`;
    const named: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', writer], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      for await (const chunk of child.stdout) {
        output += chunk;
        if (output.split('\n').length > 10 + round) child.kill('SIGKILL');
      }
      named.push(...output.split('\n').slice(0, -1));
    }
    const store = await openSoftwareKeyStore({ directory, secret });
    const kept = (await store.list()).map(({ reference }) => reference as string);
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((reference) => !kept.includes(reference))).toEqual([]);
  });

  it('refuses keys that it could not have made', async () => {
    const store = await openSoftwareKeyStore({ directory, secret });
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
      type: 'pkcs8',
      format: 'der',
    });
    const koblitz = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey.export({
      type: 'pkcs8',
      format: 'der',
    });
    const refused = { code: 'unsupported-key' };
    await expect(store.importKey(small, 'a')).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('rsa 1024'),
    });
    await expect(store.importKey(koblitz, 'a')).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('secp256k1'),
    });
    await expect(store.importKey(randomBytes(64), 'a')).rejects.toMatchObject(refused);
    expect(await store.list()).toEqual([]);
  });

  it('refuses a key whose public half is another one’s', async () => {
    const store = await openSoftwareKeyStore({ directory, secret });
    const pkcs8 = (): Buffer =>
      generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({ type: 'pkcs8', format: 'der' });
    const [mine, theirs] = [pkcs8(), pkcs8()];
    // The public point is the last 64 octets of the P-256 PKCS#8 that OpenSSL writes.
    const mixed = Buffer.concat([mine.subarray(0, -64), theirs.subarray(-64)]);
    await expect(store.importKey(mixed, 'a')).rejects.toMatchObject({ code: 'unsupported-key' });
    expect(await store.importKey(mine, 'a')).toMatch(/^software:/);
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'loses nothing when the disk is full, and says so (needs root, to mount a small disk)',
    async (context) => {
      mkdirSync(directory);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', directory]).status === 0;
      if (!mounted) context.skip('a tmpfs cannot be mounted here');
      try {
        const store = await openSoftwareKeyStore({ directory, secret });
        const made: KeyReference[] = [];
        const full = await (async () => {
          for (;;) made.push(await store.generate('p256', 'a'));
        })().catch((error) => error);
        expect(full).toMatchObject({ code: 'disk-full', message: expect.stringContaining(directory) });
        expect(made.length).toBeGreaterThan(0);
        const again = await openSoftwareKeyStore({ directory, secret });
        expect((await again.list()).map(({ reference }) => reference).sort()).toEqual(made.sort());
        expect(readdirSync(directory).filter((name) => name.startsWith('.'))).toEqual([]);
      } finally {
        spawnSync('umount', ['--lazy', directory]);
      }
    },
  );

  it('says so where its folder cannot be one', async () => {
    writeFileSync(directory, 'a file');
    await expect(openSoftwareKeyStore({ directory: path.join(directory, 'keys'), secret })).rejects.toMatchObject({
      code: 'folder-not-writable',
      message: expect.stringContaining(directory),
    });
  });

  it.skipIf(process.geteuid?.() === 0)(
    'says so where its folder is not its own (root may write anywhere)',
    async () => {
      mkdirSync(directory, { mode: 0o500 });
      await expect(openSoftwareKeyStore({ directory, secret })).rejects.toMatchObject({ code: 'folder-not-writable' });
    },
  );
});
