/** The worst day: a drill by hand, an export, no office any more, and keys that a quorum opens on another machine. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Client, Round } from '@chancery/api';
import { openSoftwareKeyStore } from '@chancery/keystore';
import { parseCertificate, readPkcs12 } from '@chancery/smime';
import type { ShareKey } from '@chancery/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OfflineOptions, openOffline } from '../packages/cli/src/disaster/open-offline.ts';
import { verifyLog } from '../packages/cli/src/disaster/opening-log.ts';
import { makeShareKeyFile } from '../packages/cli/src/vault/share-key-file.ts';
import { contributeAs, registerShareKeyAs, takePart } from '../packages/cli/src/vault/take-part.ts';
import { eventually } from './support/mail.ts';
import { OfficeProcess, runChancery } from './support/office-process.ts';
import { inviteAndSignIn, type SignedIn, setUpOffice } from './support/operators.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chancery-disaster-'));
const file = (name: string) => path.join(folder, name);
const PASSPHRASE = 'of a test, and long enough';
const PASSWORD = 'of the recovered keys';
let office: OfficeProcess;
let ada: SignedIn;
let officers: SignedIn[];
const keys: ShareKey[] = [];

beforeAll(async () => {
  office = await OfficeProcess.prepare();
  await office.start();
  ada = await setUpOffice(office.url, await office.setupToken());
  writeFileSync(file('passphrase'), `${PASSPHRASE}\n`);
  writeFileSync(file('password'), `${PASSWORD}\n`);
  officers = [];
  for (const name of ['Olga', 'Otto', 'Omar']) {
    const address = `${name.toLowerCase()}@example.com`;
    const officer = await inviteAndSignIn(office.url, ada.client, { name, address, roles: ['recovery-officer'] });
    const key = await makeShareKeyFile(file(`${name}.json`), PASSPHRASE, name);
    await registerShareKeyAs(officer.client, key);
    officers.push(officer);
    keys.push(key);
  }
  await ada.client.openCeremony({
    body: { kind: 'found', threshold: 2, officers: officers.map(({ id }) => id), dealers: [] },
  });
  for (let step = 0; step < 2; step++)
    for (const [at, { client }] of officers.entries()) await takePart(client, keys[at] as never, async () => {});
  await ada.client.importPeople({
    body: {
      csv: 'address,name,aliases,external_id,signing_key,gateway_decrypts\nanna@example.com,Anna Becker,,1,device,false\nben@example.com,Ben Carter,,2,device,false\n',
    },
  });
  await eventually('two certificates', async () => {
    const { items } = await ada.client.certificates({ query: { use: 'encryption' } });
    return items.length === 2 ? true : undefined;
  });
}, 120_000);
afterAll(async () => {
  await office?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** In this process: what is refused needs no process of its own. */
const offline = (out: string, shareKeys: string[], change: Partial<OfflineOptions> = {}) =>
  openOffline({
    export: file('export.jsonl'),
    reason: 'the flood',
    shareKey: shareKeys.map((name) => file(`${name}.json`)),
    passphraseFile: [file('passphrase')],
    passwordFile: file('password'),
    kekFolder: file('keys'),
    kekSecretFile: file('keys.secret'),
    person: [],
    record: [],
    out: file(out),
    ...change,
  });

describe('a drill by hand', () => {
  it('is begun by an administrator, and complete when a quorum has contributed', { timeout: 180_000 }, async () => {
    const begun = runChancery(['escrow', 'drill', '--records', '2'], { home: office.home });
    expect(begun).toMatchObject({ code: 0, stdout: expect.stringContaining('0 of 2 keys proven to open') });
    const given = runChancery(
      ['escrow', 'drill', '--share-key', file('Olga.json'), '--passphrase-file', file('passphrase')],
      { home: office.home, env: { CHANCERY_TOKEN: officers[0]?.token ?? '' } },
    );
    expect(given).toMatchObject({ code: 0, stderr: '' });
    const [drill] = (await ada.client.rounds()).items;
    const { client } = officers[2] as SignedIn;
    await contributeAs(client, keys[2] as ShareKey, drill as Round, async (digits) => digits);
    await eventually('the drill to be complete', async () => {
      const { items } = await ada.client.rounds();
      return items[0]?.outcome === 'complete' ? true : undefined;
    });
    expect((await ada.client.overview()).drill).toMatchObject({ keys: 2, proven: 2, failed: 0 });
  });

  it('what to do when a share key is lost is said before it is', { timeout: 60_000 }, () => {
    const lost = runChancery(['vault', 'lost', '--officer', 'olga@example.com'], { home: office.home });
    expect(lost).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--dealer otto@example.com --dealer omar@example.com'),
    });
  });
});

describe('a new vault in the place of the one in use', () => {
  it('is founded only when that is meant; its predecessor’s officers move the keys', { timeout: 180_000 }, async () => {
    const [olga, otto] = officers as [SignedIn, SignedIn, SignedIn];
    const who = ['--threshold', '2', '--officer', olga.address, '--officer', otto.address];
    const unmeant = runChancery(['vault', 'open', ...who], { home: office.home });
    expect(unmeant).toMatchObject({ code: 2, stderr: expect.stringContaining('A vault is in use.') });
    expect(runChancery(['vault', 'open', '--new-vault', ...who], { home: office.home }).code).toBe(0);
    for (let step = 0; step < 2; step++)
      for (const at of [0, 1]) await takePart(officers[at]?.client as Client, keys[at] as ShareKey, async () => {});
    const vault = await ada.client.vault();
    expect(vault.keys).toEqual({ inVault: 0, elsewhere: 2 });
    const round = await eventually('the keys to be laid out', async () =>
      (await ada.client.vault()).rounds.find(({ kind, records }) => kind === 'rewrap' && records.asked === 2),
    );
    // Omar has no part in the new vault: he hears its fingerprint, and another one stops him.
    const asOmar = (digits: string) =>
      runChancery(
        [
          ...['vault', 'rewrap', '--share-key', file('Omar.json'), '--passphrase-file', file('passphrase')],
          ...['--fingerprint', digits],
        ],
        { home: office.home, env: { CHANCERY_TOKEN: officers[2]?.token ?? '' } },
      );
    expect(asOmar('0'.repeat(60))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Somebody stands between'),
    });
    expect(asOmar(vault.fingerprint ?? '')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 batches done'),
    });
    // Otto dealt in it himself: nobody need tell him.
    const never = () => Promise.reject(new Error('asked'));
    await contributeAs(otto.client, keys[1] as ShareKey, round, never);
    await eventually('the old vault to be empty', async () => {
      const { items } = await ada.client.rounds();
      return items[0]?.outcome === 'complete' ? true : undefined;
    });
    expect((await ada.client.vault()).keys).toEqual({ inVault: 2, elsewhere: 0 });
  });
});

describe('without an office', () => {
  it('an export, the key store and a quorum of share keys open a key', { timeout: 180_000 }, async () => {
    const exported = runChancery(['escrow', 'export', '--out', file('export.jsonl'), '--json'], { home: office.home });
    expect(exported).toMatchObject({ code: 0 });
    expect(JSON.parse(exported.stdout)).toMatchObject({ keys: 2, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const text = readFileSync(file('export.jsonl'), 'utf8');
    for (const secret of [PASSPHRASE, office.localToken, 'PRIVATE KEY']) expect(text).not.toContain(secret);
    copyFileSync(path.join(office.home, 'keys.secret'), file('keys.secret'));
    await office.stop();
    cpSync(path.join(office.home, 'keys'), file('keys'), { recursive: true });

    const two = runChancery(
      [
        ...['escrow', 'open', '--offline', '--export', file('export.jsonl'), '--reason', 'the flood'],
        ...[
          '--share-key',
          file('Otto.json'),
          '--share-key',
          file('Olga.json'),
          '--passphrase-file',
          file('passphrase'),
        ],
        ...['--kek-folder', file('keys'), '--kek-secret-file', file('keys.secret'), '--person', 'ANNA@example.com'],
        ...['--password-file', file('password'), '--out', file('two'), '--json'],
      ],
      { home: file('no office'), env: { CHANCERY_URL: 'http://127.0.0.1:9' } },
    );
    expect(two.code, two.stderr).toBe(0);
    const { files, log } = JSON.parse(two.stdout) as { files: string[]; log: string };
    expect(files).toHaveLength(1);
    const [own] = (await readPkcs12(readFileSync(files[0] ?? ''), PASSWORD)).keys;
    const key = createPrivateKey({ key: Buffer.from(own?.privateKey ?? []), format: 'der', type: 'pkcs8' });
    const { publicKey, subjectAltNames } = parseCertificate(own?.certificate ?? new Uint8Array());
    expect(createPublicKey(key).equals(publicKey)).toBe(true);
    expect(JSON.stringify(subjectAltNames)).toContain('anna@example.com');

    expect(runChancery(['escrow', 'log', log])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Olga, Otto'),
    });
    expect(verifyLog(log)).toMatchObject({
      problem: null,
      entries: [
        { event: 'attempted', keys: [{ person: 'anna@example.com' }], officers: [{ name: 'Olga' }, { name: 'Otto' }] },
        { event: 'opened', detail: 'the flood' },
      ],
    });
    // The office is back, and hears of it.
    await office.start();
    const report = () => runChancery(['escrow', 'report-opening', log], { home: office.home });
    expect(report()).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 entries are on the audit trail now'),
    });
    expect(report()).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('0 entries are on the audit trail now'),
    });
    await office.stop();

    const whole = readFileSync(log, 'utf8');
    writeFileSync(log, whole.replace('anna@', 'hana@'));
    expect(verifyLog(log).problem).toBe('Line 1 is not what Olga signed.');
    writeFileSync(log, whole.split('\n').slice(1).join('\n'));
    expect(verifyLog(log).problem).toBe('Line 1 does not follow the one before it.');
  });

  it('fewer share keys open nothing, nor one counted twice, and it is said who else would do', async () => {
    const anna = { person: ['anna@example.com'] };
    for (const few of [['Olga'], ['Olga', 'Olga']]) {
      await expect(offline('one', few, anna)).rejects.toMatchObject({
        exitCode: 1,
        message:
          'It takes the share keys of 2 officers of this vault, and 1 were given (Olga). Nothing was opened. Any of these would do: Otto.',
      });
    }
    expect(existsSync(file('one'))).toBe(false);
  });

  it('another key store, an altered or a cut export open nothing, and say what is wrong', async () => {
    const ben = { person: ['ben@example.com'] };
    writeFileSync(file('other.secret'), 'of another office\n');
    const other = offline('other', ['Otto', 'Olga'], { ...ben, kekSecretFile: file('other.secret') });
    await expect(other).rejects.toMatchObject({ code: 'wrong-passphrase' });
    const store = await openSoftwareKeyStore({ directory: file('empty'), secret: 'of another office' });
    await store.close();
    const empty = { ...ben, kekFolder: file('empty'), kekSecretFile: file('other.secret') };
    await expect(offline('gone', ['Otto', 'Olga'], empty)).rejects.toThrow(/There is no key software:/);
    expect(verifyLog(path.join(file('gone'), 'openings.jsonl')).entries.map(({ event }) => event)).toEqual([
      'attempted',
      'failed',
    ]);
    const nobody = offline('other', ['Otto', 'Olga'], { person: ['nobody@example.com'] });
    await expect(nobody).rejects.toThrow(/nobody@example.com is not in/);
    const text = readFileSync(file('export.jsonl'), 'utf8');
    writeFileSync(file('export.jsonl'), text.replace('Ben Carter', 'Ben Barter'));
    await expect(offline('other', ['Otto', 'Olga'], ben)).rejects.toThrow(/was altered/);
    writeFileSync(file('export.jsonl'), text.split('\n').slice(0, -2).join('\n'));
    await expect(offline('other', ['Otto', 'Olga'], ben)).rejects.toThrow(/was cut off/);
    expect(existsSync(file('other'))).toBe(false);
  });
});
