import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type TemporaryOffice, temporaryOffice } from '../../test/temporary-office.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { describeRecord } from './records.ts';
import { readTrail } from './trail.ts';
import { verifyExportedTrail, verifyTrail } from './verify.ts';

let office: TemporaryOffice;
let tamperer: pg.Client;

beforeAll(async () => {
  office = await temporaryOffice();
  tamperer = new pg.Client(office.connection);
  await tamperer.connect();
});
afterAll(async () => {
  await tamperer.end();
  await office.close();
});

const note = operation({
  action: 'test.note',
  permission: 'system',
  input: z.object({ text: z.string() }),
  subject: () => null,
  async run(_tx, input) {
    return { result: undefined, audit: { text: input.text, number: 1.5, nested: { b: 1, a: [true, null] } } };
  },
});

/** As whoever owns the database would: with the trigger out of the way. */
async function tamper(...statements: string[]): Promise<void> {
  await tamperer.query('ALTER TABLE audit_records DISABLE TRIGGER USER');
  for (const statement of statements) await tamperer.query(statement);
  await tamperer.query('ALTER TABLE audit_records ENABLE TRIGGER USER');
}

const verify = () => office.world.database.snapshot(verifyTrail);

async function exported(): Promise<string> {
  const rows = await office.world.database.snapshot((snapshot) => readTrail(snapshot, 0, 1000));
  return rows.map((row) => `${JSON.stringify(describeRecord(row))}\n`).join('');
}

beforeEach(async () => {
  await tamper('DELETE FROM audit_records');
  for (const text of ['one', 'zwei', '三', 'four', 'five']) await perform(office.world, note, system, { text });
});

describe('the audit trail', () => {
  it('is intact as it was written, in the database and as an export', async () => {
    const verdict = await verify();
    expect(verdict).toMatchObject({ intact: true, records: 5, brokenAt: null });
    expect(verifyExportedTrail(await exported())).toEqual(verdict);
  });

  it('is intact when it is empty', async () => {
    await tamper('DELETE FROM audit_records');
    expect(await verify()).toMatchObject({ intact: true, records: 0, head: null });
    expect(verifyExportedTrail('')).toMatchObject({ intact: true, records: 0 });
  });

  it('cannot be changed by ordinary means', async () => {
    await expect(tamperer.query("UPDATE audit_records SET actor_name = 'x'")).rejects.toThrow('append-only');
    await expect(tamperer.query('DELETE FROM audit_records')).rejects.toThrow('append-only');
    await expect(tamperer.query('TRUNCATE audit_records')).rejects.toThrow('append-only');
  });

  it.each([
    ['a column altered', "UPDATE audit_records SET actor_name = 'nobody' WHERE sequence = 3"],
    ['a detail altered', `UPDATE audit_records SET details = '{"text":"other"}' WHERE sequence = 3`],
    ['an instant altered', "UPDATE audit_records SET at = at - interval '1 hour' WHERE sequence = 3"],
    ['an outcome altered', "UPDATE audit_records SET outcome = 'denied' WHERE sequence = 3"],
    ['the hashed text altered', "UPDATE audit_records SET canonical = canonical || ' ' WHERE sequence = 3"],
    ['the hash altered', "UPDATE audit_records SET hash = sha256('x') WHERE sequence = 3"],
    ['the link altered', "UPDATE audit_records SET previous_hash = sha256('x') WHERE sequence = 3"],
    ['a record removed', 'DELETE FROM audit_records WHERE sequence = 3'],
  ])('is found broken: %s', async (_what, statement) => {
    await tamper(statement);
    expect(await verify()).toMatchObject({ intact: false, records: 2, brokenAt: 3 });
  });

  it('is found broken: a record removed and the rest renumbered', async () => {
    await tamper(
      'DELETE FROM audit_records WHERE sequence = 3',
      'UPDATE audit_records SET sequence = 3 WHERE sequence = 4',
      'UPDATE audit_records SET sequence = 4 WHERE sequence = 5',
    );
    expect(await verify()).toMatchObject({ intact: false, records: 2, brokenAt: 3 });
  });

  it('is found broken: two records exchanged', async () => {
    await tamper(
      'UPDATE audit_records SET sequence = 99 WHERE sequence = 2',
      'UPDATE audit_records SET sequence = 2 WHERE sequence = 3',
      'UPDATE audit_records SET sequence = 3 WHERE sequence = 99',
    );
    expect(await verify()).toMatchObject({ intact: false, records: 1, brokenAt: 2 });
  });

  it('is found broken: the first record removed', async () => {
    await tamper('DELETE FROM audit_records WHERE sequence = 1');
    expect(await verify()).toMatchObject({ intact: false, records: 0, brokenAt: 1 });
  });

  it('gives away by its head that the end is missing', async () => {
    const before = await verify();
    await tamper('DELETE FROM audit_records WHERE sequence = 5');
    const after = await verify();
    expect(after).toMatchObject({ intact: true, records: 4 });
    expect(after.head).not.toBe(before.head);
  });

  it('keeps its order when many write at once', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, n) => perform(office.world, note, system, { text: String(n) })));
    expect(await verify()).toMatchObject({ intact: true, records: 45 });
  });
});

describe('an export', () => {
  const lines = async () => (await exported()).trimEnd().split('\n');

  it('is found broken: altered, removed, reordered, not a record', async () => {
    const good = await lines();
    const altered = good.with(1, (good[1] ?? '').replace('zwei', 'drei'));
    expect(verifyExportedTrail(altered.join('\n'))).toMatchObject({ intact: false, brokenAt: 2 });
    const removed = good.toSpliced(1, 1);
    expect(verifyExportedTrail(removed.join('\n'))).toMatchObject({ intact: false, brokenAt: 2 });
    const reordered = good.with(1, good[2] ?? '').with(2, good[1] ?? '');
    expect(verifyExportedTrail(reordered.join('\n'))).toMatchObject({ intact: false, brokenAt: 2 });
    const garbage = good.with(1, '{"sequence":2}');
    expect(verifyExportedTrail(garbage.join('\n'))).toMatchObject({ intact: false, brokenAt: 2 });
    expect(verifyExportedTrail('not json')).toMatchObject({ intact: false, brokenAt: 1 });
  });
});
