import { describe, expect, it } from 'vitest';
import { checkOwnerPublicKey, deriveOwnerKey, OWNER_PRF_INPUT, openOwnerLock, sealOwnerLock } from './owner-key.ts';
import { deriveShareKey, PRF_INPUT, seedFromPasskey } from './share-key.ts';

const output = Uint8Array.from({ length: 32 }, (_, at) => at);
const binding = { recordId: 'record', personId: 'ada' };
const dek = new Uint8Array(32).fill(7);

describe('an owner key', () => {
  it('is the same each time, another for another person, and not the share key of that passkey', () => {
    const key = deriveOwnerKey(output, 'ada');
    expect(deriveOwnerKey(output, 'ada')).toEqual(key);
    expect(deriveOwnerKey(output, 'eve').publicKey).not.toBe(key.publicKey);
    const share = deriveShareKey(seedFromPasskey(output, 'ada'));
    expect(share.publicKeys.encryption).not.toBe(key.publicKey);
    expect(OWNER_PRF_INPUT).not.toEqual(PRF_INPUT);
    expect(() => deriveOwnerKey(output.subarray(1), 'ada')).toThrow(/32 octets/);
  });

  it('is a point on the curve', () => {
    checkOwnerPublicKey(deriveOwnerKey(output, 'ada').publicKey);
    for (const bad of ['', 'AA', `B${'A'.repeat(86)}`, 'not base64url!']) {
      expect(() => checkOwnerPublicKey(bad), bad).toThrow();
    }
  });
});

describe('an owner lock', () => {
  it('opens with that key, as that record of that person, unaltered, and not otherwise', async () => {
    const key = deriveOwnerKey(output, 'ada');
    const lock = await sealOwnerLock(key.publicKey, dek, binding);
    expect(lock).toHaveLength(114);
    expect(await openOwnerLock(key, lock, binding)).toEqual(dek);
    const other = deriveOwnerKey(new Uint8Array(32).fill(9), 'ada');
    await expect(openOwnerLock(other, lock, binding)).rejects.toMatchObject({ code: 'cannot-open' });
    for (const wrong of [
      { ...binding, recordId: 'another' },
      { ...binding, personId: 'eve' },
    ]) {
      await expect(openOwnerLock(key, lock, wrong)).rejects.toMatchObject({ code: 'cannot-open' });
    }
    for (let at = 0; at < lock.length; at += 7) {
      const altered = Uint8Array.from(lock);
      altered[at] = (altered[at] ?? 0) ^ 1;
      await expect((async () => openOwnerLock(key, altered, binding))(), `octet ${at}`).rejects.toThrow();
    }
    await expect((async () => openOwnerLock(key, lock.subarray(1), binding))()).rejects.toThrow(/not an owner lock/);
  });
});
