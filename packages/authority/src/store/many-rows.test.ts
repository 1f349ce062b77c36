import { randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TemporaryOffice, temporaryOffice } from '../../test/temporary-office.ts';
import { insertion } from './many-rows.ts';

let office: TemporaryOffice;

beforeAll(async () => {
  office = await temporaryOffice();
});

afterAll(() => office.close());

it('puts in what it was given: odd text, octets, instants, nothing at all', async () => {
  const at = new Date('2026-11-25T19:59:59.123Z');
  const names = ['O\'Hara "the \\ slash"', '{a,b}', '\\x00', 'Zoë 李\n\ttab', '', 'null'];
  const people = names.map((name, index) => ({
    id: randomUUID(),
    name,
    external_id: index % 2 === 0 ? null : `external ${index}`,
    state: 'active' as const,
    signing_key: 'device' as const,
    gateway_decrypts: index % 2 === 0,
    created_at: at,
  }));
  const request = randomBytes(1000);
  const issuance = { id: randomUUID(), note: '', created_by: 'test', created_at: at };
  const items = people.map(({ id }, position) => ({
    issuance_id: issuance.id,
    position,
    address: `${position}@example.com`,
    person_id: id,
    key_origin: 'device' as const,
    request: position === 0 ? Buffer.alloc(0) : request,
    state: 'waiting' as const,
    error: null,
    updated_at: at,
  }));
  const { pool } = office.world.database;
  await office.world.database.operations.transaction(async (tx) => {
    await insertion('people', people).execute(tx);
    await insertion('issuances', [issuance]).execute(tx);
    await insertion('issuance_items', items).execute(tx);
    const again = await sql`${insertion('issuance_items', items)} ON CONFLICT DO NOTHING`.execute(tx);
    expect(again.numAffectedRows).toBe(0n);
  });
  const columns = 'id, name, external_id, state, signing_key, gateway_decrypts, created_at';
  const found = await pool.query(`SELECT ${columns} FROM people`);
  expect(new Set(found.rows)).toEqual(new Set(people));
  const taken = await pool.query('SELECT * FROM issuance_items ORDER BY position');
  expect(taken.rows).toEqual(items.map((item) => ({ ...item, serial_number: null })));
});
