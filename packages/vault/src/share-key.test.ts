import { argon2 } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { deriveShareKey, forgetShareKey, isSignedBy, newSeed, seedFromPasskey, signDocument } from './share-key.ts';
import {
  type Argon2id,
  argon2idInJavaScript,
  openShareKey,
  type ShareKeyFile,
  sealShareKey,
} from './share-key-file.ts';

const native: Argon2id = async (message, nonce, { memory, passes, lanes }) =>
  promisify(argon2)('argon2id', { message, nonce, memory, passes, parallelism: lanes, tagLength: 32 });
const PASSPHRASE = 'correct horse battery staple';
const made = new Date('2026-01-02T03:04:05Z');

describe('a share key', () => {
  it('comes of its seed, the same each time', () => {
    const seed = newSeed();
    const key = deriveShareKey(seed);
    expect(deriveShareKey(seed)).toEqual(key);
    expect(deriveShareKey(newSeed()).publicKeys).not.toEqual(key.publicKeys);
    forgetShareKey(key);
    expect(key.encryption).toEqual(new Uint8Array(32));
    expect(key.signing).toEqual(new Uint8Array(32));
  });

  it('comes of a passkey, for one holder', () => {
    const output = newSeed();
    expect(seedFromPasskey(output, 'a')).toEqual(seedFromPasskey(output, 'a'));
    expect(seedFromPasskey(output, 'a')).not.toEqual(seedFromPasskey(output, 'b'));
    expect(() => seedFromPasskey(new Uint8Array(16), 'a')).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('signs documents for a purpose', () => {
    const key = deriveShareKey(newSeed());
    const signature = signDocument(key, 'approval', { b: 1, a: [2] });
    const holds = (of: string, purpose: string, document: unknown) => isSignedBy(of, signature, purpose, document);
    expect(holds(key.publicKeys.signing, 'approval', { a: [2], b: 1 })).toBe(true);
    expect(holds(key.publicKeys.signing, 'rejection', { a: [2], b: 1 })).toBe(false);
    expect(holds(key.publicKeys.signing, 'approval', { a: [2], b: 2 })).toBe(false);
    expect(holds(deriveShareKey(newSeed()).publicKeys.signing, 'approval', { a: [2], b: 1 })).toBe(false);
    // The neutral point as a key: RFC 8032 without the strict check would take it for any message.
    expect(holds('AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'approval', {})).toBe(false);
  });
});

describe('a share key in a file', () => {
  it('opens with its passphrase, however the letters are composed, and not with another', async () => {
    const seed = newSeed();
    const file = await sealShareKey(seed, 'Zugführerin gelb', 'Ada', made, native);
    expect(JSON.stringify(file)).not.toContain(Buffer.from(seed).toString('base64url'));
    const opened = await openShareKey(JSON.parse(JSON.stringify(file)), 'Zugführerin gelb'.normalize('NFD'), native);
    expect(opened).toEqual(deriveShareKey(seed));
    await expect(openShareKey(file, 'Zugfuhrerin gelb', native)).rejects.toMatchObject({ code: 'cannot-open' });
    await expect(openShareKey({ ...file, holder: 'Eve' }, 'Zugführerin gelb', native)).rejects.toMatchObject({
      code: 'cannot-open',
    });
  });

  it('is not made with a short passphrase', async () => {
    await expect(sealShareKey(newSeed(), 'elevenchars', 'Ada', made, native)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('does not make the machine work without bounds', async () => {
    const argon2id = { memory: 65_536, passes: 3, lanes: 1, salt: 'AAAAAAAAAAAAAAAAAAAAAA' };
    const file = { type: 'chancery-share-key', version: 1, holder: '', createdAt: '', nonce: '', sealed: '' };
    const publicKeys = { encryption: '', signing: '' };
    const wrong: Partial<ShareKeyFile['argon2id']>[] = [
      { memory: 2 ** 31 },
      { passes: 1e9 },
      { lanes: 0 },
      { memory: 1 },
    ];
    for (const change of [...wrong, { memory: 1.5 }]) {
      const asked = { ...file, publicKeys, argon2id: { ...argon2id, ...change } };
      await expect(openShareKey(asked, PASSPHRASE, native)).rejects.toMatchObject({ code: 'malformed' });
    }
    for (const none of [null, 'text', {}, { ...file, argon2id: null }]) {
      await expect(openShareKey(none, PASSPHRASE, native)).rejects.toMatchObject({ code: 'malformed' });
    }
  });

  it('is stretched in a browser as it is natively', async () => {
    const shares: number[] = [];
    const browser = argon2idInJavaScript((share) => shares.push(share));
    const work = { memory: 64, passes: 2, lanes: 1 };
    const salt = new Uint8Array(16).fill(7);
    expect(Buffer.from(await browser(newSeed().fill(1), salt, work))).toEqual(
      Buffer.from(await native(newSeed().fill(1), salt, work)),
    );
    expect(shares.at(-1)).toBe(1);
  });
});
