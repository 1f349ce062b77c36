import path from 'node:path';
import { composeKeyStores, openSoftwareKeyStore } from '@chancery/keystore';
import { describe, expect, it } from 'vitest';
import { describeKeyStore, type KeyStoreUnderTest } from '../packages/keystore/src/key-store.contract.ts';
import { openTokenKeyStore } from '../packages/keystore/src/pkcs11/store.ts';
import { missing } from './peers.ts';
import { makePullableToken, makeToken, SOFTHSM, type TestToken } from './softhsm.ts';

describe.skipIf(missing('softhsm'))('PKCS#11 with SoftHSM', () => {
  const tokenStore = (token: TestToken) =>
    openTokenKeyStore({ module: SOFTHSM, token: token.label, pin: () => token.pin, refusalFile: token.refusalFile });
  const described = (token: TestToken): Omit<KeyStoreUnderTest, 'open'> => ({
    remove: async () => token.remove(),
    unknown: `pkcs11:${encodeURIComponent(token.label)}/00000000000070008000000000000000`,
    imports: false,
    mlDsa: false,
    oaepHashes: ['sha256', 'sha384', 'sha512'],
    keysLiveInMemory: false,
  });

  describeKeyStore('pkcs11', async () => {
    const token = makeToken();
    return { ...described(token), open: async () => tokenStore(token) };
  });

  describeKeyStore('pkcs11 without AES-GCM', async () => {
    const token = makePullableToken();
    token.hideGcm();
    return {
      ...described(token),
      open: async () =>
        openTokenKeyStore({
          module: token.module,
          token: token.label,
          pin: () => token.pin,
          refusalFile: token.refusalFile,
        }),
    };
  });

  it('without AES-GCM, seals under a data key that the token wrapped; with it, in the token', async () => {
    for (const [hidden, form] of [
      [true, 2],
      [false, 1],
    ] as const) {
      const token = makePullableToken();
      if (hidden) token.hideGcm();
      const { module, label, pin, refusalFile } = token;
      const store = openTokenKeyStore({ module, token: label, pin: () => pin, refusalFile });
      const kek = await store.generateKek('kek');
      const wrapped = await store.wrap(kek, Buffer.from('secret'), Buffer.from('aad'));
      expect(wrapped[0]).toBe(form);
      expect(Buffer.from(await store.unwrap(kek, wrapped, Buffer.from('aad'))).toString()).toBe('secret');
      await store.close();
      token.remove();
    }
  });

  describeKeyStore('pkcs11, with software keys beside it', async () => {
    const token = makeToken();
    const directory = path.join(token.folder, 'keys');
    return {
      ...described(token),
      open: async () =>
        composeKeyStores(
          { prefix: 'pkcs11', store: tokenStore(token) },
          { software: await openSoftwareKeyStore({ directory, secret: 'correct horse' }) },
        ),
    };
  });
});
