/** kill -9 of everything between any two steps: the next start heals, and the flow goes on where it stood. */
import { createClient } from '@chancery/api';
import { deriveShareKey, newSeed, type ShareKey } from '@chancery/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimKeys } from '../packages/cli/src/demo/claim-keys.ts';
import { decideAs, registerShareKeyAs, takePart } from '../packages/cli/src/vault/take-part.ts';
import { arrived, eventually, send } from './support/mail.ts';
import { OfficeProcess, runChancery } from './support/office-process.ts';
import { inviteAndSignIn, type SignedIn, setUpOffice } from './support/operators.ts';

let office: OfficeProcess;
let ada: SignedIn;
let otto: SignedIn;
let olga: SignedIn;
let shareKeys: Map<SignedIn, ShareKey>;

beforeAll(async () => {
  office = await OfficeProcess.prepare();
  await office.start();
});
afterAll(() => office.dispose());

function shareKeyOf(officer: SignedIn): ShareKey {
  const key = shareKeys.get(officer);
  if (key === undefined) throw new Error(`${officer.address} has no share key`);
  return key;
}

async function crash(): Promise<void> {
  await office.killHard();
  await office.start();
}

describe('after kill -9 of everything', () => {
  it('before set-up: a new start prints a link that works', async () => {
    await crash();
    ada = await setUpOffice(office.url, await office.setupToken());
  });

  it('after set-up: the office is set up, and sessions live on', async () => {
    await crash();
    expect(await ada.client.office()).toMatchObject({ setUp: true });
    otto = await inviteAndSignIn(office.url, ada.client, {
      name: 'Otto',
      address: 'otto@example.com',
      roles: ['recovery-officer'],
    });
    olga = await inviteAndSignIn(office.url, ada.client, {
      name: 'Olga',
      address: 'olga@example.com',
      roles: ['recovery-officer'],
    });
  });

  it('between the steps of the vault ceremony: each stands, and the vault goes live', async () => {
    const officers = [otto, olga];
    shareKeys = new Map(officers.map((officer) => [officer, deriveShareKey(newSeed())]));
    for (const officer of officers) await registerShareKeyAs(officer.client, shareKeyOf(officer));
    await ada.client.openCeremony({ body: { kind: 'found', threshold: 2, officers: officers.map(({ id }) => id) } });
    for (const officer of [...officers, ...officers]) {
      await crash();
      expect(await takePart(officer.client, shareKeyOf(officer), async () => {})).not.toBeNull();
    }
    await crash();
    expect(await ada.client.vault()).toMatchObject({ state: 'live', epoch: 1 });
  });

  it('right after people joined: everyone gets exactly one encryption certificate', async () => {
    const rows = Array.from(
      { length: 8 },
      (_, n) => `p${n}@example.com,Person ${n},,E${n},${n === 0 ? 'gateway' : 'device'},${n === 0}`,
    );
    await ada.client.importPeople({
      body: { csv: `address,name,aliases,external_id,signing_key,gateway_decrypts\n${rows.join('\n')}\n` },
    });
    await crash();
    await eventually('everyone is certified', async () => {
      const { items } = await ada.client.certificates({ query: { use: 'encryption', limit: 100 } });
      return items.length >= 8 ? items : undefined;
    });
    await crash();
    const { items } = await ada.client.certificates({ query: { use: 'encryption', limit: 100 } });
    expect(new Set(items.map((one) => one.personId)).size).toBe(8);
    expect(items).toHaveLength(8);
    expect((await ada.client.overview()).escrow).toEqual({ keys: 8, encryptionCertificates: 8, covered: 8 });
  });

  it('right after a claim: the link is spent and the certificate usable', async () => {
    const { items } = await ada.client.people({ query: { search: 'p1@example.com' } });
    const link = await ada.client.newClaim({ params: { id: items[0]?.id ?? '' } });
    await crash();
    const keys = await claimKeys(createClient({ baseUrl: office.url }), link.url.slice(link.url.indexOf('#') + 1));
    expect(keys.files).toHaveLength(2);
    await crash();
  });

  it('right after the gateway accepted a mail: it arrives', async () => {
    await eventually('the gateway signs for p0', async () => {
      const { items } = await ada.client.certificates({ query: { use: 'signing', search: 'p0@example.com' } });
      return items.length > 0 ? items : undefined;
    });
    await eventually('the gateway accepts', () =>
      send(office.outboundPort, {
        from: 'p0@example.com',
        to: 'p1@example.com',
        subject: 'Before the crash',
        text: 'Safe.\n',
      }).then(
        () => true,
        () => undefined,
      ),
    );
    await crash();
    const mail = await arrived(office.mailbox, (message) => message.includes('Subject: Before the crash'));
    expect(mail.toString('latin1')).not.toContain('Safe.');
  });

  it('between the steps of a recovery: each stands, and a release happens once', async () => {
    const { items } = await ada.client.people({ query: { search: 'p1@example.com' } });
    const request = await ada.client.requestRecovery({
      body: { personId: items[0]?.id ?? '', reason: 'lost-device', explanation: 'Lost', delivery: { kind: 'pkcs12' } },
    });
    const params = { id: request.id };
    for (const officer of [otto, olga]) {
      await crash();
      await decideAs(officer.client, shareKeyOf(officer), request.id, 'approve');
    }
    await crash();
    await ada.client.releaseKey({ params });
    await crash();
    await expect(ada.client.releaseKey({ params })).rejects.toMatchObject({
      code: expect.stringMatching(/wrong-state|quorum-refused/),
    });
    expect((await otto.client.releasePassword({ params })).password.length).toBeGreaterThan(11);
  });

  it('the audit trail is whole', () => {
    const verdict = runChancery(['audit', 'verify', '--json'], { home: office.home });
    expect(JSON.parse(verdict.stdout)).toMatchObject({ intact: true });
  });
});
