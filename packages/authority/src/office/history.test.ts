import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { certificatesInForce } from '../store/certificates.ts';
import { certificateHistory } from './history.ts';

let office: PkiOffice;
beforeAll(async () => {
  office = await pkiOffice();
});
afterAll(() => office.close());

const at = new Date('2026-11-25T12:00:00Z');
const history = () => office.world.database.snapshot((snapshot) => certificateHistory(snapshot, at));
const sql = (text: string, values: unknown[] = []) => office.world.database.pool.query(text, values);

/** Issued on that day and ending on that one, as though the office had been there. */
async function certificate(name: string, issued: string, ends: string): Promise<string> {
  const { serialNumber } = await office.signing(await office.person(`${name}@example.com`));
  await sql('UPDATE certificates SET issued_at = $2, not_after = $3 WHERE serial_number = $1', [
    serialNumber,
    `${issued}Z`,
    `${ends}Z`,
  ]);
  return serialNumber;
}

it('counts a year back and a year ahead, by day and profile, without what is revoked', async () => {
  await certificate('a', '2026-11-25T00:00:00', '2026-11-25T11:00:00'); // issued today, ended an hour ago
  await certificate('b', '2026-11-24T23:59:59', '2026-11-25T23:00:00');
  await certificate('c', '2026-11-24T00:00:01', '2027-11-24T23:59:59');
  await certificate('d', '2025-11-25T23:59:59', '2027-11-25T00:00:01'); // a day too early, a day too late
  await certificate('e', '2025-11-26T00:00:00', '2027-03-01T00:00:00');
  const revoked = await certificate('f', '2026-11-24T12:00:00', '2027-03-01T00:00:00');
  await sql(`UPDATE certificates SET revoked_at = $2, revocation_reason = 'superseded' WHERE serial_number = $1`, [
    revoked,
    at,
  ]);
  expect(await history()).toEqual({
    today: '2026-11-25',
    issued: [
      { day: '2025-11-26', profile: 'signing', count: 1 },
      { day: '2026-11-24', profile: 'signing', count: 3 },
      { day: '2026-11-25', profile: 'signing', count: 1 },
    ],
    expiring: [
      { day: '2026-11-25', profile: 'signing', count: 1 },
      { day: '2027-03-01', profile: 'signing', count: 1 },
      { day: '2027-11-24', profile: 'signing', count: 1 },
    ],
  });
  const inForce = await office.world.database.snapshot((snapshot) => certificatesInForce(snapshot, at));
  expect([...inForce.values()]).toEqual([4]);
});
