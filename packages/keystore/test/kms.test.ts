/** That the port has room for a cloud KMS: an adapter of one file, held to the contract of every store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { composeKeyStores } from '../src/composite.ts';
import { describeKeyStore } from '../src/key-store.contract.ts';
import type { KeyStore } from '../src/key-store.ts';
import { openSoftwareKeyStore } from '../src/software.ts';
import { openKmsKeyStore } from './kms-key-store.ts';
import { startKmsService } from './kms-service.ts';

async function startService() {
  const directory = mkdtempSync(path.join(tmpdir(), 'chancery-kms-'));
  const keys: KeyStore = await openSoftwareKeyStore({ directory, secret: 'of the service' });
  const service = await startKmsService(keys);
  return {
    endpoint: service.endpoint,
    async remove() {
      await service.stop();
      await keys.close();
      rmSync(directory, { recursive: true });
    },
  };
}

describeKeyStore('a KMS over HTTP, through the composite', async () => {
  const { endpoint, remove } = await startService();
  return {
    open: async () => composeKeyStores({ prefix: 'kms', store: openKmsKeyStore(endpoint) }, {}),
    remove,
    unknown: 'kms:00000000-0000-4000-8000-000000000000',
    imports: false,
    mlDsa: true,
    oaepHashes: ['sha256', 'sha384', 'sha512'],
    keysLiveInMemory: false,
  };
});

it('a KMS that does not answer is unavailable, and says since when', async () => {
  const { endpoint, remove } = await startService();
  const store = openKmsKeyStore(endpoint);
  const signer = await store.signer(await store.generate('p256', 'a'));
  await remove();
  await expect(signer.sign(Buffer.from('x'), 'sha256')).rejects.toMatchObject({ code: 'unavailable' });
  expect(await store.health()).toMatchObject([{ state: 'unavailable', lastError: { at: expect.any(Date) } }]);
});
