/** The worst day with a token: the export, two share-key files and the token open a key, and no office runs. */
import { argon2, createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Client } from '@chancery/api';
import { openPkcs11KeyStore } from '@chancery/keystore';
import { parseCertificate, readPkcs12 } from '@chancery/smime';
import { type Argon2id, sealShareKey } from '@chancery/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportEscrow } from '../packages/authority/src/kra/export.ts';
import { perform } from '../packages/authority/src/operation.ts';
import { system } from '../packages/authority/src/principal.ts';
import { escrowOffice } from '../packages/authority/test/escrow-office.ts';
import { writeExport } from '../packages/cli/src/disaster/export-file.ts';
import { openOffline } from '../packages/cli/src/disaster/open-offline.ts';
import { verifyLog } from '../packages/cli/src/disaster/opening-log.ts';
import { missing } from './peers.ts';
import { makeToken, SOFTHSM, type TestToken } from './softhsm.ts';

const PASSPHRASE = 'of a test, and long enough';
const PASSWORD = 'of the recovered keys';
const native: Argon2id = (message, nonce, { memory, passes, lanes }) =>
  promisify(argon2)('argon2id', { message, nonce, memory, passes, parallelism: lanes, tagLength: 32 });

describe.skipIf(missing('softhsm'))('an office whose key-encryption key is in a token', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-offline-'));
  const file = (name: string) => path.join(folder, name);
  let token: TestToken;
  beforeAll(async () => {
    token = makeToken();
    const keyStore = await openPkcs11KeyStore({
      ...{ module: SOFTHSM, token: token.label, sessions: 2, timeoutSeconds: 60 },
      ...{ pin: () => token.pin, refusalFile: token.refusalFile, notify: () => {} },
    });
    const office = await escrowOffice({ keyStore });
    const officers = [
      await office.operator('Olga', 'recovery-officer'),
      await office.operator('Otto', 'recovery-officer'),
    ];
    await office.holdCeremony(officers);
    await office.person('anna@example.com');
    for (const officer of officers) {
      const sealed = await sealShareKey(office.seed(officer), PASSPHRASE, officer.name, new Date(), native);
      writeFileSync(file(`${officer.name}.json`), JSON.stringify(sealed));
    }
    const client = {
      escrowExport: ({ query }: { query: { limit: number; after?: string } }) =>
        perform(office.world, exportEscrow, system, query),
    };
    expect(await writeExport(client as unknown as Client, file('export.jsonl'))).toMatchObject({ keys: 1 });
    await office.close();
    writeFileSync(file('passphrase'), PASSPHRASE);
    writeFileSync(file('password'), PASSWORD);
    writeFileSync(file('token.pin'), token.pin);
  });
  afterAll(() => {
    token?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (out: string, shareKeys: readonly string[], label = token.label) =>
    openOffline({
      ...{
        export: file('export.jsonl'),
        person: ['anna@example.com'],
        record: [],
        reason: 'the flood',
        out: file(out),
      },
      shareKey: shareKeys.map((name) => file(`${name}.json`)),
      ...{ passphraseFile: [file('passphrase')], passwordFile: file('password') },
      ...{ kekModule: SOFTHSM, kekToken: label, kekPinFile: file('token.pin') },
    });

  it('is opened without it by a quorum and the token, and by nothing less', async () => {
    await expect(open('one', ['Olga'])).rejects.toThrow(/It takes the share keys of 2 officers/);
    await expect(open('other', ['Olga', 'Otto'], 'another token')).rejects.toThrow();
    const { files, log } = await open('opened', ['Olga', 'Otto']);
    expect(files).toHaveLength(1);
    const [own] = (await readPkcs12(readFileSync(files[0] ?? ''), PASSWORD)).keys;
    const key = createPrivateKey({ key: Buffer.from(own?.privateKey ?? []), format: 'der', type: 'pkcs8' });
    const { publicKey, subjectAltNames } = parseCertificate(own?.certificate ?? new Uint8Array());
    expect(createPublicKey(key).equals(publicKey)).toBe(true);
    expect(JSON.stringify(subjectAltNames)).toContain('anna@example.com');
    expect(verifyLog(log)).toMatchObject({ problem: null, entries: [{ event: 'attempted' }, { event: 'opened' }] });
  });
});
