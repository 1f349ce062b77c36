import { openPkcs11KeyStore } from '@chancery/keystore';
import { describe } from 'vitest';
import { describeKeyStore } from '../packages/keystore/src/key-store.contract.ts';
import { missing } from './peers.ts';
import { makeToken, SOFTHSM } from './softhsm.ts';

describe.skipIf(missing('softhsm'))('PKCS#11 with SoftHSM', () => {
  describeKeyStore('pkcs11', async () => {
    const token = makeToken();
    return {
      open: async () =>
        openPkcs11KeyStore({
          module: SOFTHSM,
          token: token.label,
          pin: () => token.pin,
          refusalFile: token.refusalFile,
        }),
      remove: async () => token.remove(),
      unknown: `pkcs11:${encodeURIComponent(token.label)}/00000000000070008000000000000000`,
      imports: false,
      oaepHashes: ['sha256', 'sha384', 'sha512'],
      keysLiveInMemory: false,
    };
  });
});
