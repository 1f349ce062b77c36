import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { perform } from '../operation.ts';
import { type Principal, permissionsOf, system } from '../principal.ts';
import { isUnderHold } from '../store/legal-holds.ts';
import { liftHold, placeHold } from './hold.ts';

let office: EscrowOffice;
let olga: OperatorPrincipal;
let otto: OperatorPrincipal;
let rita: OperatorPrincipal;
let sam: string;
beforeAll(async () => {
  office = await escrowOffice();
  olga = await office.operator('Olga', 'recovery-officer');
  otto = await office.operator('Otto', 'recovery-officer');
  rita = await office.operator('Rita', 'registration-officer');
  sam = await office.person('sam@example.com', { aliases: ['OTTO@example.com'] });
});
afterAll(() => office.close());

const place = (by: Principal, caseNumber: string, personId = sam) =>
  perform(office.world, placeHold, by, { personId, caseNumber, reason: 'The court asks.' });
const lift = (by: Principal, id: string) => perform(office.world, liftHold, by, { id, reason: 'It is over.' });
const underHold = (personId = sam) => office.world.database.snapshot((snapshot) => isUnderHold(snapshot, personId));

it('stands from a registration officer on, until another recovery officer lifts it, each on record', async () => {
  expect(await underHold()).toBe(false);
  const { id } = await place(rita, 'C-1');
  expect(await underHold()).toBe(true);
  await expect(place(olga, 'C-1')).rejects.toMatchObject({ code: 'conflict' });
  const { id: second } = await place(olga, 'C-2');
  await lift(olga, id);
  // The other case goes on.
  expect(await underHold()).toBe(true);
  await expect(lift(olga, second)).rejects.toThrow('Whoever placed a hold does not lift it');
  expect(await underHold()).toBe(true);
  await lift(await office.operator('Oda', 'recovery-officer'), second);
  expect(await underHold()).toBe(false);
  await expect(lift(olga, id)).rejects.toMatchObject({ code: 'wrong-state' });
  expect(await office.trail(`hold:${second}`)).toEqual([
    'hold.place succeeded',
    'hold.lift denied',
    'hold.lift succeeded',
  ]);
});

it('is not placed or lifted by the person themselves, by an address of theirs', async () => {
  await expect(place(otto, 'C-3')).rejects.toThrow('Nobody places a hold on themselves');
  const { id } = await place(rita, 'C-3');
  await expect(lift(otto, id)).rejects.toThrow('Nobody lifts a hold on themselves');
  await lift(olga, id);
});

it('is not for an administrator, the command line on this machine, an auditor or a job', async () => {
  const { id } = await place(rita, 'C-4');
  const ada = await office.operator('Ada', 'administrator');
  const others: Principal[] = [
    ada,
    { kind: 'local', id: 'local', name: 'local' },
    await office.operator('Aud', 'auditor'),
    { kind: 'gateway', id: ada.id, name: 'gateway' },
  ];
  for (const by of others) {
    expect([...permissionsOf(by)].filter((one) => one.startsWith('hold:'))).toEqual([]);
    await expect(place(by, 'C-5')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(lift(by, id)).rejects.toMatchObject({ code: 'forbidden' });
  }
  await expect(place(system, 'C-5')).rejects.toThrow('Only an operator places a hold');
  await expect(lift(system, id)).rejects.toThrow('Only a recovery officer lifts a hold');
  await expect(lift(rita, id)).rejects.toMatchObject({ code: 'forbidden' });
  expect(await underHold()).toBe(true);
  await lift(olga, id);
});

it('is not rewritten, forgotten or lifted by whoever placed it, whoever writes SQL', async () => {
  const { id } = await place(rita, 'C-6');
  const refused = /lifted, and never rewritten/;
  await expect(office.query('DELETE FROM legal_holds')).rejects.toThrow(refused);
  await expect(office.query('TRUNCATE legal_holds')).rejects.toThrow(refused);
  await expect(office.query(`UPDATE legal_holds SET reason = 'none' WHERE id = $1`, [id])).rejects.toThrow(refused);
  const liftAs = (operatorId: string) =>
    office.query(`UPDATE legal_holds SET lifted_by = $2, lifted_at = now(), lift_reason = '' WHERE id = $1`, [
      id,
      operatorId,
    ]);
  await expect(liftAs(rita.id)).rejects.toThrow(/legal_holds_check/);
  await liftAs(olga.id);
  await expect(liftAs(otto.id)).rejects.toThrow(refused);
});
