/** What devices and people ask for, below the protocols: reading before asking, renewing in time, and losing a device. */
import type { KeyObject } from 'node:crypto';
import { buildName, buildRequest, localSigner, parseCertificate } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { deviceKey, rsaKey } from '../../test/scep-client.ts';
import { verifyTrail } from '../audit/verify.ts';
import { establishSecretsKey } from '../identity/sealing.ts';
import { act, perform, performTogether } from '../operation.ts';
import { type Principal, system } from '../principal.ts';
import { certificateBySerial } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import type { World } from '../world.ts';
import { makeChallenge } from './challenge.ts';
import { reportCompromise } from './compromise.ts';
import { decideAndIssue, enrolDevice, settleEnrolment } from './device-enrolment.ts';
import { describeDevices, devicesOfPerson } from './enrolled-devices.ts';
import { generateForDevice } from './generated-key.ts';
import { loseDevice, markDeviceLost } from './lost-device.ts';
import { readUpload } from './read-upload.ts';

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const DAY = 86_400_000;
const CONFIG = '[enrolment]\nselfService = "direct"\n[enrolment.label.early]\nrenewalDays = 3660\n';
let office: EscrowOffice;
let now = new Date('2026-03-02T08:00:00Z');
let ada: string;
let ben: string;
const person = (id: string): Principal => ({ kind: 'person', id, name: 'Ada', signedIn: true });
const read = <T>(run: (snapshot: Snapshot) => Promise<T>) => office.world.database.snapshot(run);

beforeAll(async () => {
  office = await escrowOffice({ clock: () => now, config: CONFIG });
  await office.world.database.operations.transaction((tx) => establishSecretsKey(tx, office.world));
  ada = await office.person('ada@example.com');
  ben = await office.person('ben@example.com');
});
afterAll(() => office.close());

const requestFor = async (key: KeyObject, emails: readonly string[] = []) =>
  buildRequest({
    subject: buildName([{ type: 'commonName', value: 'a laptop' }]),
    signer: localSigner(key),
    ...(emails.length > 0 && { emails }),
  });
const base64 = (octets: Uint8Array) => Buffer.from(octets).toString('base64');

type Asked = Parameters<typeof enrolDevice>[2];
async function ask(by: Principal, proof: Asked['proof'], more: Partial<Asked> = {}, world: World = office.world) {
  const request = more.request ?? (await requestFor(deviceKey()));
  return enrolDevice(world, by, {
    ...{ protocol: 'est', label: 'default', use: 'signing', transactionId: null },
    ...more,
    request,
    proof,
  });
}
async function enrol(id: string): Promise<{ id: string; serialNumber: string }> {
  const { challenge: secret } = await perform(office.world, makeChallenge, local, { personId: id });
  const enrolled = await ask(person(id), { kind: 'challenge', secret });
  if (enrolled.state !== 'issued') throw new Error('expected');
  return { id: enrolled.id, serialNumber: enrolled.certificate.serialNumber };
}
const renew = (id: string, serialNumber: string, more: Partial<Asked> = {}) =>
  ask(person(id), { kind: 'certificate', serialNumber }, more);
const certificate = async (serialNumber: string) => {
  const row = await read((snapshot) => certificateBySerial(snapshot, serialNumber));
  if (row === undefined) throw new Error('expected');
  return row;
};
const within = (selfService: 'never' | 'approval'): World => {
  const { config } = office.world;
  return { ...office.world, config: { ...config, enrolment: { ...config.enrolment, selfService } } };
};

describe('a request that a person brings', () => {
  it('is told all that is wrong with it at once, and the certificate as it would be', async () => {
    const key = deviceKey();
    const csr = base64(await requestFor(key, ['ada@example.com']));
    const good = await read((snapshot) => readUpload(office.world, snapshot, ada, csr));
    expect(good).toMatchObject({
      subject: 'CN=a laptop',
      problems: [],
      approval: false,
      addresses: ['ada@example.com'],
    });
    const drawn = parseCertificate(Buffer.from(good.preview?.certificate ?? '', 'base64'));
    expect(Buffer.from(drawn.spki)).toEqual(Buffer.from(localSigner(key).spki));
    expect((await ask(person(ada), { kind: 'session' }, { request: Buffer.from(csr, 'base64') })).state).toBe('issued');

    const weak = base64(await requestFor(rsaKey(1024), ['ben@example.com']));
    const bad = await read((snapshot) => readUpload(within('never'), snapshot, ada, weak));
    expect(bad.preview).toBeNull();
    expect(bad.problems).toEqual([
      expect.stringMatching(/^Ask your administrator/),
      expect.stringMatching(/address that is not this person’s\.$/),
      expect.stringMatching(/^The key cannot be certified/),
    ]);
    const again = await read((snapshot) => readUpload(within('approval'), snapshot, ada, csr));
    expect(again).toMatchObject({ approval: true, problems: [expect.stringContaining('certified before')] });
    const nonsense = read((snapshot) => readUpload(office.world, snapshot, ada, 'AAAA'));
    await expect(nonsense).rejects.toMatchObject({ code: 'unusable-input' });
  });

  it('is given nothing where people set up nothing by themselves, and waits where an operator decides', async () => {
    await expect(ask(person(ada), { kind: 'session' }, {}, within('never'))).rejects.toMatchObject({
      code: 'wrong-state',
    });
    expect(await ask(person(ada), { kind: 'session' }, {}, within('approval'))).toMatchObject({ state: 'waiting' });
  });
});

describe('a renewal by a device', () => {
  it('is refused before its time and after its end, and is given in between, once', async () => {
    const first = await enrol(ada);
    const { renew_at, not_after } = await certificate(first.serialNumber);
    await expect(renew(ada, first.serialNumber)).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringContaining(`not to be renewed before ${renew_at.toISOString()}`),
    });
    const before = now;
    now = new Date(renew_at.getTime() + DAY);
    const renewed = await renew(ada, first.serialNumber);
    expect(renewed.state).toBe('issued');
    await expect(renew(ada, first.serialNumber)).rejects.toMatchObject({ code: 'wrong-state' });
    const other = await certificate((await enrol(ben)).serialNumber);
    now = new Date(Math.max(not_after.getTime(), other.not_after.getTime()) + 1000);
    await expect(renew(ben, other.serial_number)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('has ended'),
    });
    now = before;
  });
});

describe('a lost device', () => {
  it('is one with what it renewed; all that it held is compromised and replaced in one act', async () => {
    const first = await enrol(ben);
    const { renew_at } = await certificate(first.serialNumber);
    const key = await renew(ben, first.serialNumber, { use: 'encryption' });
    await generateForDevice(office.world, key.id);
    now = new Date(renew_at.getTime() + DAY);
    const renewed = await renew(ben, first.serialNumber);
    const kept = await enrol(ben);
    const listed = await read((snapshot) => describeDevices(snapshot, { id: ben, name: 'Ben' }, now));
    expect(
      listed.filter(({ certificates }) => certificates.some((one) => one.serialNumber === kept.serialNumber)),
    ).toEqual([expect.objectContaining({ id: kept.id, renewals: 0 })]);
    const device = listed.find(({ id }) => id === first.id);
    expect(device).toMatchObject({
      id: first.id,
      subject: 'CN=a laptop',
      renewals: 1,
      lostAt: null,
      challenge: { madeByName: 'The command line' },
    });
    expect(device?.certificates.map(({ use }) => use).sort()).toEqual(['encryption', 'signing', 'signing']);
    // A renewal that waits is not given any more.
    if (renewed.state !== 'issued') throw new Error('expected');
    await office.query(`INSERT INTO profiles (id, version, document, created_at)
      SELECT id, version + 1, jsonb_set(document, '{approval}', '"always"'), created_at FROM profiles
      WHERE id = 'signing' ORDER BY version DESC LIMIT 1`);
    const waiting = await renew(ben, renewed.certificate.serialNumber, { label: 'early' });
    expect(waiting.state).toBe('waiting');

    await expect(loseDevice(office.world, person(ada), { deviceId: first.id, note: '' })).rejects.toMatchObject({
      code: 'not-found',
    });
    // All of it, or nothing: one key that is not theirs, and the device is not marked either.
    const together = performTogether<unknown>(office.world, local, [
      act(markDeviceLost, { personId: ben, deviceId: first.id }),
      act(reportCompromise, { personId: ben, serialNumber: '4a4b' }),
    ]);
    await expect(together).rejects.toMatchObject({ code: 'not-found' });
    expect(await office.query('SELECT 1 FROM device_enrolments WHERE lost_at IS NOT NULL')).toEqual([]);

    const { keys } = await loseDevice(office.world, person(ben), { deviceId: first.id, note: 'Left on a train.' });
    expect(keys.map(({ use, revoked, replacement }) => [use, revoked.length, replacement]).sort()).toEqual([
      ['encryption', 1, 'office'],
      ['signing', 1, 'not-needed'],
      ['signing', 1, 'not-needed'],
    ]);
    for (const { serialNumber } of device?.certificates ?? [])
      expect((await certificate(serialNumber)).revocation_reason).toBe('keyCompromise');
    expect((await certificate(kept.serialNumber)).revoked_at).toBeNull();
    await expect(renew(ben, renewed.certificate.serialNumber)).rejects.toMatchObject({ code: 'forbidden' });
    const decision = { id: waiting.id, decision: 'approve', reason: 'late' } as const;
    await expect(decideAndIssue(office.world, local, decision)).rejects.toMatchObject({ code: 'wrong-state' });
    const trail = await office.query(
      `SELECT action, outcome FROM audit_records WHERE action IN ('device.report-lost', 'person.report-compromise') ORDER BY sequence`,
    );
    expect(trail.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'device.report-lost failed',
      'person.report-compromise failed',
      'device.report-lost succeeded',
      ...Array(3).fill('person.report-compromise succeeded'),
    ]);
    const [lost] = (await read((snapshot) => devicesOfPerson(snapshot, ben))).filter(
      (one) => one.first.id === first.id,
    );
    expect(lost?.first.lost_at).toEqual(now);
    // Said twice: nothing is left to be done.
    expect(await loseDevice(office.world, local, { deviceId: first.id, note: '' })).toEqual({ keys: [] });
    // What was being signed at that moment is revoked as soon as it is there.
    const settled = { id: waiting.id, outcome: 'issued', serialNumber: kept.serialNumber } as const;
    await perform(office.world, settleEnrolment, system, settled);
    expect((await certificate(kept.serialNumber)).revocation_reason).toBe('keyCompromise');
    expect(await read(verifyTrail)).toMatchObject({ intact: true });
  });
});
