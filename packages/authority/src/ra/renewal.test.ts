import { generateKeyPairSync } from 'node:crypto';
import { buildName, buildRequest, localSigner, readPkcs12 } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { applyProfile } from '../ca/change-profile.ts';
import { createAuthority } from '../ca/grow-hierarchy.ts';
import { claimant, collectKey, openClaim } from '../delivery/claim.ts';
import { createGateway } from '../identity/gateways.ts';
import { perform } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { issuingAuthority, listAuthorities } from '../store/authorities.ts';
import type { Snapshot } from '../store/database.ts';
import { latestProfile } from '../store/profiles.ts';
import { newClaimLink } from './claim-link.ts';
import { enrolGateway, issueGatewaySigning, issueSigning } from './enrollment.ts';
import { describeRollovers, forecast, overdue } from './forecast.ts';
import { gatewayConfiguration, usableCertificates } from './gateways.ts';
import { suspendPerson } from './offboarding.ts';
import { changePerson } from './onboarding.ts';
import { mayRenew, renewDue } from './renewal.ts';
import { beginRollover, changeRollover, continueRollovers } from './rollover.ts';

let office: EscrowOffice;
let now = new Date('2026-01-05T12:00:00Z');
const DAY = 86_400_000;
const pass = (days: number) => {
  now = new Date(now.getTime() + days * DAY);
};
const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const read = <T>(run: (snapshot: Snapshot) => Promise<T>) => office.world.database.snapshot(run);

beforeAll(async () => {
  office = await escrowOffice({ clock: () => now, config: '[renewal]\nperDay = 3\n' });
  // A quarter, renewed within the last month of it.
  for (const id of ['signing', 'encryption', 'gateway']) await change(id, { validityDays: 90, renewalDays: 30 });
});
afterAll(() => office.close());

async function change(id: string, patch: object): Promise<void> {
  const profile = await read((snapshot) => latestProfile(snapshot, id));
  if (profile === undefined) throw new Error('expected');
  const input = { id, document: { ...profile.document, ...patch }, expectedVersion: profile.version };
  await perform(office.world, applyProfile, system, input);
}
const csr = async () => {
  const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  return Buffer.from(await buildRequest({ subject: buildName([{ type: 'commonName', value: 'x' }]), signer })).toString(
    'base64',
  );
};
const PASSWORD = 'correct horse battery';
const linkOf = async (id: string) => (await newClaimLink(office.world, local, id)).url.split('#')[1] ?? '';
const collect = async (secret: string) => {
  const by = await claimant(office.world, secret);
  const { data } = await perform(office.world, collectKey, by, { secret, profile: 'modern', password: PASSWORD });
  return (await readPkcs12(data, PASSWORD)).keys;
};
/** As though they had fetched what they have: making the file takes longer than everything else here. */
const fetched = (id: string) =>
  office.query('UPDATE escrowed_keys SET delivered_at = $2 WHERE person_id = $1 AND delivered_at IS NULL', [id, now]);
const certificatesOf = (id: string, use: string) =>
  office.query(
    `SELECT serial_number, escrowed_key_id, authority_id, revoked_at, not_after FROM certificates
     WHERE person_id = $1 AND use = $2 ORDER BY issued_at, not_after`,
    [id, use],
  );
const usable = (address: string) => read((snapshot) => usableCertificates(snapshot, address, now));
const renewal = async (serial: unknown) =>
  (await office.query('SELECT way, fresh, tries FROM renewals WHERE serial_number = $1', [serial]))[0];
/** The scheduler's part, and the jobs that follow. */
const round = async () => {
  await renewDue(office.world);
  await office.drain();
};

describe('keys of the office', () => {
  it('are certified anew in their window, each in its turn; the old certificate stays good beside the new one', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 8; n++) ids.push(await office.person(`p${n}@example.com`));
    for (const id of ids) await fetched(id);
    pass(59);
    await round();
    expect(await office.query('SELECT 1 FROM renewals')).toEqual([]);
    const planned = await read((snapshot) => forecast(office.world, snapshot, { by: 'day', spans: 20 }));
    expect(planned.spans.reduce((sum, { certificates }) => sum + certificates, 0)).toBe(8);
    const begun: number[] = [];
    for (let turn = 0; turn < 9; turn++) {
      pass(2);
      await round();
      // Twice on one day: nothing more.
      await renewDue(office.world);
      begun.push((await office.query('SELECT 1 FROM renewals')).length - begun.reduce((sum, one) => sum + one, 0));
    }
    expect(begun.every((count) => count <= 3)).toBe(true);
    expect(begun.filter((count) => count > 0).length).toBeGreaterThan(2);
    for (const [n, id] of ids.entries()) {
      const rows = await certificatesOf(id, 'encryption');
      expect(rows).toHaveLength(2);
      expect(rows[1]?.escrowed_key_id).toBe(rows[0]?.escrowed_key_id);
      expect(rows.every(({ revoked_at }) => revoked_at === null)).toBe(true);
      // The new one first, and the old one still: both open.
      expect((await usable(`p${n}@example.com`)).map(({ serial_number }) => serial_number)).toEqual([
        rows[1]?.serial_number,
        rows[0]?.serial_number,
      ]);
    }
    expect(await read((snapshot) => overdue(office.world, snapshot))).toEqual([]);
  }, 120_000);

  it('near their end wait for no ceiling, however many there are', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await office.person(`late${n}@example.com`));
    for (const id of ids) await fetched(id);
    // The office was down for weeks.
    pass(85);
    expect(
      (await read((snapshot) => overdue(office.world, snapshot))).filter(({ address }) => address?.startsWith('late')),
    ).toHaveLength(5);
    await round();
    for (const id of ids) expect(await certificatesOf(id, 'encryption')).toHaveLength(2);
  });

  it('of somebody suspended are left alone', async () => {
    const id = await office.person('away@example.com');
    await fetched(id);
    await perform(office.world, suspendPerson, local, { id });
    pass(80);
    await round();
    expect(await certificatesOf(id, 'encryption')).toHaveLength(1);
  });

  it('are replaced by fresh ones where the profile says so; who does not fetch theirs is not left without', async () => {
    await change('encryption', { renewalKey: 'fresh' });
    const [fetches, idle] = [await office.person('fetches@example.com'), await office.person('idle@example.com')];
    for (const id of [fetches, idle]) await fetched(id);
    pass(78);
    await round();
    const [first] = await certificatesOf(fetches, 'encryption');
    expect(await renewal(first?.serial_number)).toMatchObject({ way: 'office', fresh: true });
    expect(await office.query('SELECT why FROM claim_offers WHERE person_id = $1', [fetches])).toEqual([
      { why: 'renewal' },
    ]);
    // The new certificate is not given out before its owner has the key.
    expect(await usable('fetches@example.com')).toHaveLength(1);
    expect(await collect(await linkOf(fetches))).toHaveLength(1);
    expect(await usable('fetches@example.com')).toHaveLength(2);
    pass(4);
    await round();
    const keysOf = async (id: string) => (await certificatesOf(id, 'encryption')).map((row) => row.escrowed_key_id);
    expect(new Set(await keysOf(fetches)).size).toBe(2);
    expect(await keysOf(fetches)).toHaveLength(2);
    const idleKeys = await keysOf(idle);
    expect(idleKeys).toHaveLength(3);
    // The last one is for the key that they have.
    expect(idleKeys[2]).toBe(idleKeys[0]);
    pass(9);
    expect(await usable('idle@example.com')).toHaveLength(1);
    await change('encryption', { renewalKey: 'same' });
  });
});

describe('keys elsewhere', () => {
  const gateway = async (name: string) => {
    await perform(office.world, createGateway, system, { name });
    const [row] = await office.query('SELECT id FROM gateways WHERE name = $1', [name]);
    return { kind: 'gateway', id: String(row?.id), name } as const;
  };
  it('of a gateway are asked for by the gateway, which is told which, its own among them', async () => {
    const gate = await gateway('gate');
    const own = await enrolGateway(office.world, gate, await csr());
    const id = await office.person('signed@example.com');
    await perform(office.world, changePerson, local, { id, signingKey: 'gateway' });
    const ask = async () =>
      issueGatewaySigning(office.world, gate, { address: 'signed@example.com', csr: await csr() });
    const first = await ask();
    const told = async () => (await read((snapshot) => gatewayConfiguration(snapshot, now))).renew;
    expect(await told()).toEqual([]);
    pass(78);
    await round();
    expect((await told()).toSorted()).toEqual([own.serialNumber, first.serialNumber].toSorted());
    await ask();
    await enrolGateway(office.world, gate, await csr());
    pass(5);
    const late = await read((snapshot) => overdue(office.world, snapshot));
    expect(late.filter(({ way }) => way === 'gateway')).toEqual([]);
  });

  it('of its owner are asked for, and the link that is mailed makes one more and no supply', async () => {
    const id = await office.person('browser@example.com');
    const secret = await linkOf(id);
    const sign = async (link: string) =>
      issueSigning(office.world, await claimant(office.world, link), {
        personId: id,
        csr: await csr(),
        keyOrigin: 'browser',
      });
    const first = await sign(secret);
    await fetched(id);
    const may = (serial: string) => read((snapshot) => mayRenew(snapshot, serial, now));
    expect(await may(first.serialNumber)).toMatchObject({
      may: false,
      why: expect.stringMatching(/not to be renewed before/),
    });
    await expect(sign(secret)).rejects.toMatchObject({ code: 'wrong-state' });
    pass(78);
    await round();
    expect(await may(first.serialNumber)).toMatchObject({ may: true });
    expect(await renewal(first.serialNumber)).toEqual({ way: 'owner', fresh: true, tries: 1 });
    const again = await linkOf(id);
    expect((await openClaim(office.world, again)).signing).toBe('needed');
    const second = await sign(again);
    await expect(sign(again)).rejects.toMatchObject({ code: 'wrong-state' });
    expect(await may(second.serialNumber)).toMatchObject({ may: false });
    expect(await may('4a4a')).toMatchObject({ may: false });
    await perform(office.world, suspendPerson, local, { id });
    expect(await may(first.serialNumber)).toMatchObject({ may: false, why: 'This certificate is on hold.' });
  });

  it('that nobody renews are told as overdue, with what they wait for', async () => {
    const id = await office.person('sleepy@example.com');
    const secret = await linkOf(id);
    const by = await claimant(office.world, secret);
    await issueSigning(office.world, by, { personId: id, csr: await csr(), keyOrigin: 'browser' });
    await fetched(id);
    pass(84);
    await round();
    const late = await read((snapshot) => overdue(office.world, snapshot));
    expect(late.find(({ personId }) => personId === id)).toMatchObject({
      use: 'signing',
      way: 'owner',
      why: expect.stringMatching(/could not be told/),
    });
  });
});

describe('a rollover', () => {
  it('renews everyone of the authority before, at its pace, paused and resumed, and then is done', async () => {
    const before = await read(issuingAuthority);
    const people: string[] = [];
    for (let n = 0; n < 6; n++) people.push(await office.person(`roll${n}@example.com`));
    for (const id of people) await fetched(id);
    const root = (await read(listAuthorities)).find(({ role }) => role === 'root');
    await expect(
      perform(office.world, beginRollover, local, { authorityId: before.id, perDay: 24 }),
    ).rejects.toMatchObject({ code: 'wrong-state' });
    await perform(office.world, createAuthority, local, {
      title: 'Issuing CA 2',
      key: 'p256',
      parentId: root?.id ?? '',
    });
    const { id } = await perform(office.world, beginRollover, local, { authorityId: before.id, perDay: 24 });
    await expect(
      perform(office.world, beginRollover, local, { authorityId: before.id, perDay: 24 }),
    ).rejects.toMatchObject({ code: 'conflict' });
    const rolled = async () =>
      (
        await office.query(
          `SELECT DISTINCT person_id FROM certificates WHERE authority_id <> $1 AND use = 'encryption'
             AND person_id = ANY ($2::uuid[])`,
          [before.id, people],
        )
      ).length;
    const turn = async (hours: number) => {
      now = new Date(now.getTime() + hours * 3_600_000);
      await continueRollovers(office.world);
      await office.drain();
    };
    const begun = async () =>
      Number((await office.query('SELECT count(*) FROM renewals WHERE rollover_id = $1', [id]))[0]?.count);
    await turn(0);
    await turn(0);
    expect(await begun()).toBe(1);
    await perform(office.world, changeRollover, local, { id, act: 'pause' });
    await turn(10);
    expect(await begun()).toBe(1);
    await perform(office.world, changeRollover, local, { id, act: 'resume' });
    await turn(1);
    expect(await begun()).toBeGreaterThan(1);
    for (let days = 0; days < 4; days++) await turn(24);
    expect(await rolled()).toBe(6);
    // The same key, in two certificates of two authorities, both good.
    for (const person of people) {
      const rows = await certificatesOf(person, 'encryption');
      expect(new Set(rows.map((row) => row.escrowed_key_id)).size).toBe(1);
      expect(rows.every(({ revoked_at }) => revoked_at === null)).toBe(true);
    }
    // Those whose owners or gateways have to act are waited for, and told.
    const [described] = await read((snapshot) => describeRollovers(office.world, snapshot));
    expect(described).toMatchObject({ id, state: 'running' });
    const waits = await office.query(
      `SELECT c.use, r.way FROM renewals r JOIN certificates c USING (serial_number)
       WHERE r.rollover_id = $1 AND r.way <> 'office' GROUP BY c.use, r.way`,
      [id],
    );
    expect(described?.left).toBeGreaterThan(0);
    expect(waits.length).toBeGreaterThan(0);
    await perform(office.world, changeRollover, local, { id, act: 'end' });
    await expect(perform(office.world, changeRollover, local, { id, act: 'resume' })).rejects.toMatchObject({
      code: 'wrong-state',
    });
  });
});
