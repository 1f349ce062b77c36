import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { totpPurpose } from './credential.ts';
import { moveSecretsOnce } from './move-secrets.ts';
import { openSecret, sealSecret } from './sealing.ts';

let office: EscrowOffice;
beforeAll(async () => {
  office = await escrowOffice();
});
afterAll(() => office.close());

it('operators of an older office sign in with the same secrets after the key that these were under is gone', async () => {
  const { world } = office;
  const ada = await office.operator('Ada', 'administrator');
  const officers = [
    await office.operator('Olga', 'recovery-officer'),
    await office.operator('Otto', 'recovery-officer'),
  ];
  const seal = (secret: string) =>
    world.database.snapshot((snapshot) => sealSecret(world, snapshot, totpPurpose(ada.id), Buffer.from(secret)));
  const stored = async () => (await office.query('SELECT totp_secret FROM operators WHERE id = $1', [ada.id]))[0];
  const open = async () =>
    Buffer.from(
      await world.database.snapshot(async (snapshot) =>
        openSecret(world, snapshot, totpPurpose(ada.id), (await stored())?.totp_secret as Buffer),
      ),
    ).toString();
  await office.query('UPDATE operators SET totp_secret = $2 WHERE id = $1', [
    ada.id,
    Buffer.from(await seal('JBSWY3')),
  ]);
  expect(await open()).toBe('JBSWY3');
  await office.holdCeremony(officers);
  expect(await office.query(`SELECT state FROM vaults ORDER BY created_at`)).toEqual([
    { state: 'retired' },
    { state: 'live' },
  ]);
  expect(await open()).toBe('JBSWY3');
  const before = await stored();
  await moveSecretsOnce(world);
  expect(await stored()).toEqual(before);
});
