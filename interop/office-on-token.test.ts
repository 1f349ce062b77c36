/** The whole office with every key in a token, and one that began in software and moves. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../e2e/support/mail.ts';
import { OfficeProcess } from '../e2e/support/office-process.ts';
import { holdCeremony, inviteAndSignIn, type SignedIn, setUpOffice } from '../e2e/support/operators.ts';
import { contributeAs, decideAs } from '../packages/cli/src/vault/take-part.ts';
import { missing } from './peers.ts';
import { makePullableToken, type PullableToken } from './softhsm.ts';

const chancery = fileURLToPath(new URL('../packages/cli/bin/chancery.js', import.meta.url));

// Four starts of a whole office, and commands beside it.
describe.skipIf(missing('softhsm'))('an office on a token', { timeout: 600_000 }, () => {
  let token: PullableToken;
  beforeAll(() => {
    token = makePullableToken();
  });
  afterAll(() => token.remove());

  const tables = (store: string) => `
[keys]
store = "${store}"
[keys.pkcs11]
module = "${token.module}"
token = "${token.label}"
pin = { file = "token.pin" }
timeoutSeconds = 60
`;
  const command = (home: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [chancery, ...args], {
      env: { ...process.env, CHANCERY_HOME: home },
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };
  const issued = async (ada: SignedIn, address: string) => {
    await ada.client.importPeople({
      body: {
        csv: `address,name,aliases,external_id,signing_key,gateway_decrypts\n${address},Anna Becker,,${address},gateway,true\n`,
      },
    });
    await eventually('certificates', async () => {
      const { items } = await ada.client.certificates({ query: { limit: 100 } });
      return items.filter((one) => one.address === address).length >= 2 ? true : undefined;
    });
  };

  /** The quorum's other half is in the token: ceremony, escrow, recovery, a drill, and a key-encryption key that rotates there. */
  const keepsItsVault = async (url: string, ada: SignedIn) => {
    const officers: SignedIn[] = [];
    for (const name of ['Olga', 'Otto']) {
      const address = `${name.toLowerCase()}@example.com`;
      officers.push(await inviteAndSignIn(url, ada.client, { name, address, roles: ['recovery-officer'] }));
    }
    const shareKeys = await holdCeremony(ada.client, officers);
    await eventually('the keys to move into the vault', async () =>
      (await ada.client.vault()).keys.elsewhere === 0 ? true : undefined,
    );
    expect((await ada.client.vault()).kek).toEqual({ store: 'pkcs11', rotates: false });
    const recover = async () => {
      const { items } = await ada.client.people({ query: { search: 'anna@example.com', limit: 1 } });
      const { id } = await ada.client.requestRecovery({
        body: { personId: items[0]?.id ?? '', reason: 'other', explanation: 'a test', delivery: { kind: 'pkcs12' } },
      });
      for (const [{ client }, key] of shareKeys) await decideAs(client, key, id, 'approve');
      expect((await ada.client.releaseKey({ params: { id } })).data.length).toBeGreaterThan(500);
      const [officer] = officers;
      expect((await officer?.client.releasePassword({ params: { id } }))?.password).toMatch(/^\w{4}-/);
    };
    await recover();
    await ada.client.rotateKek();
    await eventually('the key-encryption key to rotate', async () =>
      (await ada.client.vault()).kek.rotates ? undefined : true,
    );
    await recover();
    const drill = await ada.client.beginDrill({ body: { records: 1 } });
    for (const [{ client }, key] of shareKeys) await contributeAs(client, key, drill, async (digits) => digits);
    await eventually('the drill to be complete', async () =>
      (await ada.client.round({ params: { id: drill.id } })).outcome === 'complete' ? true : undefined,
    );
    expect((await ada.client.overview()).drill).toMatchObject({ proven: 1, failed: 0 });
  };

  it('makes every key of the office in it, and no software key store at all', async () => {
    const office = await OfficeProcess.prepare({ authorityToml: tables('pkcs11') });
    writeFileSync(path.join(office.home, 'token.pin'), `${token.pin}\n`, { mode: 0o600 });
    try {
      await office.start();
      const ada = await setUpOffice(office.url, await office.setupToken(), { caAlgorithm: 'ecdsa' });
      await issued(ada, 'anna@example.com');
      const [store, ...others] = (await ada.client.overview()).keyStores;
      expect(others).toEqual([]);
      expect(store).toMatchObject({
        name: `pkcs11:${token.label}`,
        state: 'available',
        device: 'SoftHSM v2, SoftHSM project',
      });
      expect(existsSync(path.join(office.home, 'keys'))).toBe(false);
      expect(existsSync(path.join(office.home, 'keys.secret'))).toBe(false);

      const listed = JSON.parse(command(office.home, 'keys', 'list', '--json').stdout) as {
        reference: string;
        label: string;
      }[];
      expect(listed.map(({ label }) => label)).toEqual(
        expect.arrayContaining(['Example Corp Root CA', 'Example Corp S/MIME Issuing CA', 'vault']),
      );
      expect(listed.every(({ reference }) => reference.startsWith('pkcs11:'))).toBe(true);
      const checked = command(office.home, 'check-config');
      expect(checked).toMatchObject({ status: 0, stdout: expect.stringContaining('SoftHSM v2') });
      // The PIN is in no output and in no log.
      expect(`${office.printed}${checked.stdout}${checked.stderr}`).not.toContain(token.pin);

      await keepsItsVault(office.url, ada);

      token.pull();
      expect((await ada.client.overview()).keyStores).toMatchObject([{ state: 'unavailable' }]);
      expect(command(office.home, 'keys', 'health')).toMatchObject({
        status: 1,
        stdout: expect.stringContaining('unavailable'),
      });
      token.putBack();
      expect((await ada.client.overview()).keyStores).toMatchObject([{ state: 'available' }]);
      await issued(ada, 'bert@example.com');

      // A restart finds the keys again.
      await office.stop();
      await office.start();
      await issued(ada, 'cora@example.com');
      expect(await ada.client.verifyAudit()).toMatchObject({ intact: true });
    } finally {
      await office.dispose();
    }
  });

  it('that began in software goes on with its old keys, and makes new ones in the token', async () => {
    const office = await OfficeProcess.prepare();
    try {
      await office.start();
      const ada = await setUpOffice(office.url, await office.setupToken(), { caAlgorithm: 'ecdsa' });
      await office.stop();
      writeFileSync(path.join(office.home, 'token.pin'), token.pin, { mode: 0o600 });
      appendFileSync(path.join(office.home, 'authority.toml'), tables('pkcs11'));
      expect(readFileSync(path.join(office.home, 'authority.toml'), 'utf8')).toContain('pkcs11');
      await office.start();
      await issued(ada, 'anna@example.com');
      expect((await ada.client.overview()).keyStores).toMatchObject([
        { name: `pkcs11:${token.label}`, state: 'available' },
        { name: 'software', state: 'available' },
      ]);
    } finally {
      await office.dispose();
    }
  });
});
