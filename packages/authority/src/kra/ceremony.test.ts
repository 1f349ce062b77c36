import { createDecipheriv } from 'node:crypto';
import {
  acceptFor,
  type CeremonyPlan,
  combinePartials,
  dealFor,
  deriveShareKey,
  newSeed,
  PURPOSES,
  signDocument,
  type Transcript,
} from '@chancery/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { locksOfKeys } from '../store/escrow.ts';
import { recoveryById } from '../store/recovery.ts';
import { type CeremonyRow, ceremonyById, currentVault } from '../store/vaults.ts';
import { openingOf } from './canonical-request.ts';
import { abandonCeremony, acceptCeremony, dealPart, openCeremony, registerShareKey, testOpening } from './ceremony.ts';
import { openProvisionalLock, openVaultLock } from './locks/vault.ts';
import { releaseKey } from './release.ts';
import { keyOfVault } from './vault.ts';

let office: EscrowOffice;
let admin: OperatorPrincipal;
let olga: OperatorPrincipal;
let otto: OperatorPrincipal;
let omar: OperatorPrincipal;
let early: string;

beforeAll(async () => {
  office = await escrowOffice();
  admin = await office.operator('Ada', 'administrator');
  olga = await office.operator('Olga', 'recovery-officer');
  otto = await office.operator('Otto', 'recovery-officer');
  omar = await office.operator('Omar', 'recovery-officer');
  early = await office.person('early@example.com');
});
afterAll(() => office.close());

const read = <T>(run: Parameters<EscrowOffice['world']['database']['snapshot']>[0]) =>
  office.world.database.snapshot(run) as Promise<T>;
const vaultLock = async (personId: string) => {
  const [key] = await office.query('SELECT id, sealed FROM escrowed_keys WHERE person_id = $1', [personId]);
  const locks = await read<Awaited<ReturnType<typeof locksOfKeys>>>((snapshot) =>
    locksOfKeys(snapshot, [String(key?.id)]),
  );
  const lock = locks.find(({ kind }) => kind === 'vault');
  return { id: String(key?.id), holder: lock?.holder, wrapped: lock?.wrapped as Buffer };
};
const openOne = async (officers: OperatorPrincipal[], threshold = 2, dealers: OperatorPrincipal[] = []) => {
  const { id } = await perform(office.world, openCeremony, admin, {
    kind: dealers.length === 0 ? 'found' : 'reshare',
    threshold,
    officers: officers.map((officer) => officer.id),
    dealers: dealers.map((officer) => officer.id),
  });
  return id;
};
const row = (id: string) => read<CeremonyRow>((snapshot) => ceremonyById(snapshot, id));
const register = async (officer: OperatorPrincipal) => {
  const key = deriveShareKey(newSeed());
  const { publicKeys } = key;
  const signature = signDocument(key, PURPOSES.shareKey, { operatorId: officer.id, publicKeys });
  await perform(office.world, registerShareKey, officer, { publicKeys, signature, kind: 'file' });
  return key;
};

describe('before the ceremony', () => {
  it('keys are escrowed, and nothing is released', async () => {
    const vault = await read<Awaited<ReturnType<typeof currentVault>>>(currentVault);
    expect(vault).toMatchObject({ state: 'provisional', epoch: 0, publicKey: null });
    await expect(office.ask(admin, early)).rejects.toMatchObject({
      code: 'wrong-state',
      message: /Hold the ceremony first/,
    });
  });

  it('who opens one, and with whom, is checked', async () => {
    await expect(
      perform(office.world, openCeremony, olga, { kind: 'found', threshold: 2, officers: [olga.id, otto.id] }),
    ).rejects.toMatchObject({ code: 'forbidden' });
    await expect(openOne([olga, admin])).rejects.toMatchObject({ code: 'invalid-request' });
    await expect(openOne([olga, olga])).rejects.toMatchObject({ code: 'invalid-request' });
    await expect(openOne([olga, otto], 3)).rejects.toMatchObject({ code: 'invalid-request' });
    await expect(openOne([olga, otto], 2, [olga, otto])).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it('a share key must be shown to be the officer’s own', async () => {
    const key = deriveShareKey(newSeed());
    const { publicKeys } = key;
    const signature = signDocument(key, PURPOSES.shareKey, { operatorId: otto.id, publicKeys });
    const input = { publicKeys, signature, kind: 'file' as const };
    await expect(perform(office.world, registerShareKey, olga, input)).rejects.toMatchObject({
      code: 'unusable-input',
    });
    await expect(perform(office.world, registerShareKey, admin, input)).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('a ceremony', () => {
  it('waits for share keys, refuses what is not the officer’s, and can be abandoned', async () => {
    const id = await openOne([olga, otto]);
    await expect(openOne([olga, otto])).rejects.toMatchObject({ code: 'wrong-state' });
    expect((await row(id)).state).toBe('gathering');
    const [first, second] = [await register(olga), await register(otto)];
    expect((await row(id)).state).toBe('dealing');
    const plan = JSON.parse((await row(id)).plan ?? '') as CeremonyPlan;
    const dealing = await dealFor(plan, null, olga.id, first);
    const send = (by: OperatorPrincipal, what: object) =>
      perform(office.world, dealPart, by, { ceremonyId: id, dealing: what as never });
    await expect(send(otto, dealing)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(send(omar, dealing)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(send(olga, { ...dealing, proof: dealing.signature })).rejects.toMatchObject({
      code: 'unusable-input',
    });
    await send(olga, dealing);
    await expect(send(olga, dealing)).rejects.toMatchObject({ code: 'wrong-state' });
    await send(otto, await dealFor(plan, null, otto.id, second));

    const ceremony = await row(id);
    expect(ceremony.state).toBe('accepting');
    const transcript = JSON.parse(ceremony.transcript ?? '') as Transcript;
    const { digestOf } = await import('@chancery/vault');
    const opening = testOpening(ceremony, { transcript: digestOf(transcript) });
    // A server that asks an officer to open something else under the name of a ceremony is refused by the officer's client.
    const { wrapped } = await vaultLock(early);
    expect(wrapped.length).toBeGreaterThan(0);
    for (const other of [
      { ...opening, records: [...opening.records, ...opening.records] },
      { ...opening, request: '00'.repeat(32) },
      { ...opening, records: [{ ...(opening.records[0] as { encapsulation: string }), id: early }] },
    ]) {
      await expect(acceptFor(transcript, null, olga.id, first, other as never)).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    }
    const acceptance = await acceptFor(transcript, null, olga.id, first, opening);
    const accept = (by: OperatorPrincipal, what: object) =>
      perform(office.world, acceptCeremony, by, { ceremonyId: id, ...what } as never);
    await expect(accept(otto, acceptance)).rejects.toMatchObject({ code: 'forbidden' });
    await accept(olga, acceptance);
    expect((await row(id)).state).toBe('accepting');
    await perform(office.world, abandonCeremony, admin, { ceremonyId: id, reason: 'Otto is ill.' });
    expect((await row(id)).state).toBe('abandoned');
    const late = await acceptFor(transcript, null, otto.id, second, opening);
    await expect(accept(otto, late)).rejects.toMatchObject({ code: 'wrong-state' });
    expect(await read(currentVault)).toMatchObject({ state: 'provisional' });
  });

  it('puts a vault into use, moves what was escrowed before, and destroys the key it was under', async () => {
    const before = await read<Awaited<ReturnType<typeof currentVault>>>(currentVault);
    const backup = await vaultLock(early);
    await office.holdCeremony([olga, otto, omar]);
    const vault = await read<Awaited<ReturnType<typeof currentVault>>>(currentVault);
    expect(vault).toMatchObject({ state: 'live', epoch: 1, threshold: 2 });
    expect((await vaultLock(early)).holder).toBe(vault.id);
    // The lock that a backup of yesterday holds opens no more.
    await expect(openProvisionalLock(office.world, before, backup.id, backup.wrapped)).rejects.toThrow();
    expect(await office.trail(`vault:${before.id}`)).toEqual([
      'vault.move-keys succeeded',
      'vault.close attempted',
      'vault.close succeeded',
    ]);
    // Operators' secrets were under that key too, in an office that is older than ceremonies.
    expect(await office.trail('office')).toContain('operator.move-secrets succeeded');
    // The link that its owner has not seen yet still works.
    const id = await office.ask(admin, early);
    await office.approve(id, otto);
    await office.approve(id, omar);
    expect((await perform(office.world, releaseKey, admin, { id })).data.length).toBeGreaterThan(500);
  });

  it('is on record: who took part with which keys', async () => {
    const [record] = await office.query(
      `SELECT details FROM audit_records WHERE action = 'vault.accept' AND details->>'complete' = 'true'`,
    );
    const details = record?.details as { officers: { id: string }[]; threshold: number };
    expect(details.officers.map(({ id }) => id)).toEqual([olga.id, otto.id, omar.id]);
    expect(details.threshold).toBe(2);
  });
});

describe('a thief', () => {
  it('with the database, the key store and one officer’s share key opens nothing; with two, the key', async () => {
    const id = await office.ask(admin, await office.person('thief@example.com'));
    const request = await read<NonNullable<Awaited<ReturnType<typeof recoveryById>>>>((snapshot) =>
      recoveryById(snapshot, id),
    );
    const personId = request.person_id ?? '';
    const vault = await read<Awaited<ReturnType<typeof currentVault>>>(currentVault);
    const { key } = keyOfVault(vault);
    const opening = openingOf(request);
    const { id: recordId, wrapped } = await vaultLock(personId);
    const [first, second] = [await office.approval(id, olga), await office.approval(id, otto)];
    // One share, counted twice, or given another's number, is not two.
    expect(() => combinePartials([first.partial, first.partial], key, opening)).toThrow();
    const posing = combinePartials([first.partial, { ...first.partial, officer: 2 }], key, opening);
    await expect(openVaultLock(office.world, vault, recordId, wrapped, posing[0] as never)).rejects.toThrow();
    const [point] = combinePartials([first.partial, second.partial], key, opening);
    const dek = await openVaultLock(office.world, vault, recordId, wrapped, point as never);
    const [record] = await office.query('SELECT sealed FROM escrowed_keys WHERE id = $1', [recordId]);
    const sealed = record?.sealed as Buffer;
    expect(dek).toHaveLength(32);
    // Without the key store the quorum's half alone opens nothing either.
    const elsewhere = { ...office.world, keyStore: { unwrap: () => Promise.reject(new Error('gone')) } } as never;
    await expect(openVaultLock(elsewhere, vault, recordId, wrapped, point as never)).rejects.toThrow('gone');
    const decipher = createDecipheriv('aes-256-gcm', dek, sealed.subarray(0, 12), { authTagLength: 16 });
    expect(decipher.update(sealed.subarray(12, -16)).subarray(0, 1)).toEqual(Buffer.from([0x30]));
  });
});

describe('sharing anew', () => {
  it('keeps the vault key, ends requests that wait, and makes old shares worthless', async () => {
    const nora = await office.operator('Nora', 'recovery-officer');
    const pending = await office.ask(admin, early);
    await office.approve(pending, olga);
    const before = await read<Awaited<ReturnType<typeof currentVault>>>(currentVault);
    await office.holdCeremony([otto, omar, nora], { threshold: 3, dealers: [olga, omar] });
    const after = await read<Awaited<ReturnType<typeof currentVault>>>(currentVault);
    expect(after).toMatchObject({ id: before.id, epoch: 2, threshold: 3 });
    expect(after.publicKey).toEqual(before.publicKey);
    expect(await read((snapshot) => recoveryById(snapshot, pending))).toMatchObject({ state: 'expired' });

    const id = await office.ask(admin, early);
    await expect(office.approve(id, olga)).rejects.toThrow(/holds no share/);
    for (const officer of [otto, omar]) await office.approve(id, officer);
    await expect(perform(office.world, releaseKey, admin, { id })).rejects.toMatchObject({
      message: /2 of 3 recovery officers/,
    });
    await office.approve(id, nora);
    expect((await perform(office.world, releaseKey, admin, { id })).data.length).toBeGreaterThan(500);
  });

  it('takes as many dealers as the threshold, who hold a share', async () => {
    await expect(openOne([olga, otto], 2, [otto, omar])).rejects.toMatchObject({ message: /It takes 3 officers/ });
    await expect(openOne([olga, otto], 2, [olga, otto, omar])).rejects.toMatchObject({ message: /holds no share/ });
  });
});

it('a vault key cannot be exchanged, whoever writes SQL', async () => {
  await expect(office.query(`UPDATE vaults SET public_key = '\\x04' WHERE state = 'live'`)).rejects.toThrow(
    /never changes/,
  );
  expect(system.kind).toBe('system');
});
