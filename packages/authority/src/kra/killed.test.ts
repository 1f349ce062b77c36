import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { perform } from '../operation.ts';
import { recoveryById } from '../store/recovery.ts';
import { decideRecovery, requestRecovery } from './recovery.ts';
import { releaseKey } from './release.ts';

let office: EscrowOffice;
beforeAll(async () => {
  office = await escrowOffice();
});
afterAll(() => office.close());

it('kill -9 while a key is opened: nothing left the house, the attempt is on record, and the key comes out once', async () => {
  const { world } = office;
  const admin = await office.operator('Ada', 'administrator');
  const officers = [
    await office.operator('Olga', 'recovery-officer'),
    await office.operator('Otto', 'recovery-officer'),
  ];
  await office.holdCeremony(officers);
  const id = await perform(world, requestRecovery, admin, {
    personId: await office.person('sam@example.com'),
    reason: 'lost-device',
    explanation: 'Lost at sea.',
    delivery: { kind: 'pkcs12' },
  });
  const request = () => world.database.snapshot((snapshot) => recoveryById(snapshot, id));
  for (const officer of officers) {
    await perform(world, decideRecovery, officer, { id, decision: 'approve', ...(await office.approval(id, officer)) });
  }
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('../../test/hang-while-releasing.ts', import.meta.url)),
      JSON.stringify(office.connection),
      id,
      JSON.stringify(admin),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  expect(line.toString()).toBe('unwrapping\n');
  child.kill('SIGKILL');
  await once(child, 'exit');

  expect(await request()).toMatchObject({ state: 'approved', released_at: null, sealed_password: null });
  expect((await office.trail(`recovery:${id}`)).at(-1)).toBe('recovery.release attempted');
  expect((await perform(world, releaseKey, admin, { id })).data.length).toBeGreaterThan(500);
  await expect(perform(world, releaseKey, admin, { id })).rejects.toMatchObject({ code: 'quorum-refused' });
  expect((await office.trail(`recovery:${id}`)).slice(-4)).toEqual([
    'recovery.release attempted',
    'recovery.release succeeded',
    'recovery.release attempted',
    'recovery.release denied',
  ]);
});
