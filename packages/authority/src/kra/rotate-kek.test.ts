import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal, withPowerFailure } from '../../test/escrow-office.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { showClaim } from '../ra/claim-link.ts';
import { currentVault } from '../store/vaults.ts';
import { releaseKey, releasePassword } from './release.ts';
import { continueRotations, destroyOldKek, resealSome, rotateKek } from './rotate-kek.ts';

let rotating = false;
let office: EscrowOffice;
let admin: OperatorPrincipal;
let officers: OperatorPrincipal[];
const people: string[] = [];

beforeAll(async () => {
  office = await escrowOffice({
    handlers: {
      'rotate-kek': async (world) => {
        if (rotating) await continueRotations(world);
      },
    },
  });
  admin = await office.operator('Ada', 'administrator');
  officers = [await office.operator('Olga', 'recovery-officer'), await office.operator('Otto', 'recovery-officer')];
});
afterAll(() => office.close());

const vault = () => office.world.database.snapshot(currentVault);
const keks = async () => (await office.world.keyStore.list()).filter(({ label }) => label === 'vault').length;
const recover = async (personId: string) => {
  const id = await office.ask(admin, personId);
  for (const officer of officers) await office.approve(id, officer);
  const { data } = await perform(office.world, releaseKey, admin, { id });
  expect(data.length).toBeGreaterThan(500);
  return id;
};
const locks = async () =>
  (await office.query(`SELECT wrapped FROM escrow_locks WHERE kind = 'vault' ORDER BY id`)).map(
    ({ wrapped }) => wrapped as Buffer,
  );

it('waits for the officers’ ceremony, and for an administrator', async () => {
  await expect(perform(office.world, rotateKek, admin, {})).rejects.toMatchObject({ code: 'wrong-state' });
  await office.holdCeremony(officers);
  for (const name of ['ann', 'ben', 'cat']) people.push(await office.person(`${name}@example.com`));
  await expect(perform(office.world, rotateKek, officers[0] as OperatorPrincipal, {})).rejects.toMatchObject({
    code: 'forbidden',
  });
});

it('goes on after each crash where it was; meanwhile everything opens; at the end the old key is gone', {
  timeout: 120_000,
}, async () => {
  const told = await recover(people[0] ?? '');
  const [before, octets] = [await vault(), await locks()];
  expect(await keks()).toBe(1);
  await perform(office.world, rotateKek, admin, {});
  await expect(perform(office.world, rotateKek, admin, {})).rejects.toMatchObject({ code: 'wrong-state' });
  expect(await vault()).toMatchObject({ id: before.id, previousKekReference: before.kekReference });
  expect(await keks()).toBe(2);
  const vaultId = before.id;
  const some = () => perform(office.world, resealSome, system, { vaultId, most: 1 });
  await expect(perform(office.world, destroyOldKek, system, { vaultId })).rejects.toMatchObject({
    code: 'wrong-state',
  });
  // Marked, then one lock of three; then the process is gone.
  await some();
  await some();
  expect((await locks()).filter((lock, at) => !lock.equals(octets[at] as Buffer))).toHaveLength(1);
  for (const person of people.slice(0, 2)) await recover(person);
  // One that is cut off in the middle leaves all of its group as it was.
  await withPowerFailure(office.world, 2, async () => {
    await expect(continueRotations(office.world)).rejects.toThrow('the power failed');
  });
  expect((await locks()).filter((lock, at) => !lock.equals(octets[at] as Buffer))).toHaveLength(1);
  // What was locked meanwhile is under the new key already.
  people.push(await office.person('late@example.com'));
  rotating = true;
  await continueRotations(office.world);
  await continueRotations(office.world);
  expect(await vault()).toMatchObject({ previousKekReference: null });
  expect(await keks()).toBe(1);
  // Half a alone is another: points, half b and the wrapped data key stay.
  for (const [at, lock] of (await locks()).entries()) {
    const old = octets.find((one) => one.subarray(0, 238).equals(lock.subarray(0, 238)));
    if (at < octets.length) expect(lock.subarray(0, 1)).toEqual(Buffer.of(3));
    if (old !== undefined) expect(lock.subarray(238)).not.toEqual(old.subarray(238));
  }
  for (const person of people.slice(2)) await recover(person);
  // Secrets of claims and passwords of releases were under it too.
  for (const person of people) {
    expect((await perform(office.world, showClaim, admin, { personId: person })).url).toMatch(/#/);
  }
  const [approver] = officers;
  const { password } = await perform(office.world, releasePassword, approver as OperatorPrincipal, { id: told });
  expect(password).toMatch(/^\w{4}(-\w{4}){5}$/);
  expect((await office.trail(`vault:${vaultId}`)).slice(-2)).toEqual([
    'vault.destroy-kek attempted',
    'vault.destroy-kek succeeded',
  ]);
});

it('waits, with the old key, where something opens under neither', async () => {
  const [lock] = await office.query(
    `SELECT id, wrapped FROM escrow_locks WHERE kind = 'vault' ORDER BY id DESC LIMIT 1`,
  );
  const wrapped = Buffer.from(lock?.wrapped as Buffer);
  const put = (octets: Buffer) =>
    office.query('UPDATE escrow_locks SET wrapped = $2 WHERE id = $1', [lock?.id, octets]);
  const altered = Buffer.from(wrapped);
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
  await put(altered);
  await perform(office.world, rotateKek, admin, {});
  await expect(continueRotations(office.world)).rejects.toMatchObject({ message: /opens under neither key/ });
  expect(await keks()).toBe(2);
  await put(wrapped);
  await continueRotations(office.world);
  expect(await keks()).toBe(1);
});

it('knows everything that is sealed under the key', () => {
  const folder = new URL('./', import.meta.url);
  const users = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .filter((name) => /\bsealUnderVault\(/.test(readFileSync(new URL(name, folder), 'utf8')));
  // Whoever seals something else under the vault's key adds it to rotate-kek.ts first, and then here.
  expect(users.sort()).toEqual(['claim-link.ts', 'locks/vault.ts', 'release.ts', 'rotate-kek.ts', 'vault.ts']);
});
