import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { personDetail } from '../ra/people.ts';
import { escrowedKeysOfPerson } from '../store/escrow.ts';
import { announcedKeys } from '../store/retention.ts';
import type { World } from '../world.ts';
import { liftHold, placeHold } from './hold.ts';
import { requestRecovery } from './recovery.ts';
import { approveDestruction, destroyKey, endRetention, whatKeeps } from './retention.ts';

const JOINED = new Date('2020-01-01T12:00:00.000Z');
/** The certificate ends 730 days later, and its profile keeps the key two years more. */
const ENDS = new Date('2023-12-31T11:54:59.000Z');
const DAY = 86_400_000;
const before = (days: number) => new Date(ENDS.getTime() - days * DAY);

let now = JOINED;
let office: EscrowOffice;
let olga: OperatorPrincipal;
let otto: OperatorPrincipal;
let rita: OperatorPrincipal;
beforeAll(async () => {
  office = await escrowOffice({ clock: () => now });
  olga = await office.operator('Olga', 'recovery-officer');
  otto = await office.operator('Otto', 'recovery-officer');
  rita = await office.operator('Rita', 'registration-officer');
  await office.holdCeremony([olga, otto]);
});
afterAll(() => office.close());

const keyOf = async (personId: string) => {
  const rows = await office.query('SELECT * FROM escrowed_keys WHERE person_id = $1', [personId]);
  return { id: String(rows[0]?.id), sealed: rows[0]?.sealed as Buffer, destroyed_at: rows[0]?.destroyed_at };
};
const joined = async (address: string) => {
  now = JOINED;
  const personId = await office.person(address);
  return { personId, ...(await keyOf(personId)) };
};
let version = 2;
const keepYears = (years: number | null) =>
  office.query(
    `INSERT INTO profiles (id, version, document, created_at)
     SELECT id, $1::int, jsonb_set(document, '{retainYears}', $2::jsonb), now() FROM profiles
     WHERE id = 'encryption' AND version = $1::int - 1`,
    [++version, JSON.stringify(years)],
  );
/** As the scheduler does, an hour or more later. */
const endAt = async (at: Date, world: World = office.world) => {
  now = at;
  await endRetention({ ...world });
};
const announced = async (id: string) => {
  const [key] = await office.world.database.snapshot((snapshot) =>
    announcedKeys(snapshot, { ids: [id], limit: 1, at: now }),
  );
  return key;
};
const isThere = async (personId: string) => (await keyOf(personId)).sealed.length > 0;
const destroying = (id: string) => perform(office.world, destroyKey, system, { escrowedKeyId: id });

describe('the end of a key', () => {
  it('never comes while its profile says nothing of it', async () => {
    const { personId, id } = await joined('ever@example.com');
    await endAt(new Date('2095-01-01'));
    expect(await announced(id)).toBeUndefined();
    expect(await isThere(personId)).toBe(true);
  });

  it('is announced, and comes when its days are over: sealed octets and locks go, the row and its trail stay', async () => {
    const { personId, id } = await joined('sam@example.com');
    await keepYears(2);
    await endAt(before(31));
    expect(await announced(id)).toBeUndefined();
    await endAt(before(29));
    expect(await announced(id)).toMatchObject({ endsAt: ENDS, announcedAt: now });
    await endAt(before(1));
    expect(whatKeeps((await announced(id)) as never, office.world, now)).toBe('It is kept until 2024-01-01');
    expect(await isThere(personId)).toBe(true);
    // Announced a day late: it goes a day late.
    await endAt(before(0));
    expect(await isThere(personId)).toBe(true);
    await endAt(before(-1));
    expect(await keyOf(personId)).toMatchObject({ sealed: Buffer.alloc(0), destroyed_at: now });
    expect(await office.query('SELECT 1 FROM escrow_locks WHERE escrowed_key_id = $1', [id])).toEqual([]);
    expect(await office.trail(`escrowed-key:${id}`)).toEqual(['key.destroy attempted', 'key.destroy succeeded']);
    expect(await office.query('SELECT count(*)::int AS n FROM certificates WHERE person_id = $1', [personId])).toEqual([
      { n: 1 },
    ]);

    const { escrowedKeys } = await office.world.database.snapshot((snapshot) =>
      personDetail(office.world, snapshot, personId),
    );
    expect(escrowedKeys).toMatchObject([{ destroyedAt: now.toISOString(), keptUntil: ENDS.toISOString(), locks: [] }]);
    expect(await office.world.database.snapshot((snapshot) => escrowedKeysOfPerson(snapshot, personId))).toEqual([]);
    await expect(
      perform(office.world, requestRecovery, await office.operator('Ada', 'administrator'), {
        personId,
        reason: 'other',
        explanation: 'Too late.',
        delivery: { kind: 'pkcs12' },
      }),
    ).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(destroying(id)).rejects.toThrow('It is not announced, or gone');
  });

  it('waits for a hold, a recovery and a directory', async () => {
    const { personId, id } = await joined('kept@example.com');
    await endAt(before(31 - 2));
    now = before(-40);
    const { id: hold } = await perform(office.world, placeHold, rita, {
      personId,
      caseNumber: 'C-1',
      reason: 'Court.',
    });
    await endAt(before(-41));
    expect(await isThere(personId)).toBe(true);
    await expect(destroying(id)).rejects.toThrow('Its owner is under a legal hold');
    await perform(office.world, liftHold, olga, { id: hold, reason: 'Over.' });

    const ask = await office.operator('Arno', 'administrator');
    const request = await perform(office.world, requestRecovery, ask, {
      personId,
      reason: 'other',
      explanation: 'Just in time.',
      delivery: { kind: 'pkcs12' },
      expiresInHours: 24,
    });
    await endAt(new Date(now.getTime() + 2 * 3_600_000));
    expect(whatKeeps((await announced(id)) as never, office.world, now)).toBe('A recovery of its owner’s keys waits');
    await office.query(`UPDATE recovery_requests SET state = 'expired' WHERE id = $1`, [request]);

    await office.query(
      `INSERT INTO publications (target, serial_number, wanted, state, updated_at)
       SELECT 'corporate', serial_number, false, 'failed', now() FROM certificates WHERE person_id = $1`,
      [personId],
    );
    await endAt(new Date(now.getTime() + 2 * 3_600_000));
    expect(await isThere(personId)).toBe(true);
    await office.query(`UPDATE publications SET state = 'removed'`);
    await endAt(new Date(now.getTime() + 2 * 3_600_000));
    expect(await isThere(personId)).toBe(false);
  });

  it('is put off by a newer certificate of the key, and by a newer version of the profile', async () => {
    const { personId, id } = await joined('longer@example.com');
    await endAt(before(20));
    expect(await announced(id)).toBeDefined();
    await keepYears(10);
    await endAt(before(19));
    expect(await announced(id)).toBeUndefined();
    await keepYears(null);
    await endAt(new Date('2095-01-01'));
    expect(await isThere(personId)).toBe(true);
    await keepYears(2);
  });
});

describe('where two operators are to agree', () => {
  const two = (): World => ({
    ...office.world,
    config: {
      ...office.world.config,
      escrow: { ...office.world.config.escrow, retention: { warnDays: 30, operators: 2 } },
    },
  });
  const agree = (by: OperatorPrincipal, id: string) => perform(two(), approveDestruction, by, { escrowedKeyIds: [id] });

  it('nothing goes before they have, neither for their own key', async () => {
    now = JOINED;
    const { personId, id } = await joined('otto@example.com');
    await endAt(before(20), two());
    await endAt(before(-40), two());
    expect(whatKeeps((await announced(id)) as never, two(), now)).toBe('0 of 2 operators have agreed');
    await expect(agree(otto, id)).rejects.toThrow('Nobody agrees that a key of their own is destroyed');
    await agree(olga, id);
    await agree(olga, id);
    await endAt(before(-41), two());
    expect(await isThere(personId)).toBe(true);
    await agree(rita, id);
    await endAt(before(-42), two());
    expect(await isThere(personId)).toBe(false);
    const [record] = await office.query(
      `SELECT details FROM audit_records WHERE subject = $1 AND outcome = 'succeeded'`,
      [`escrowed-key:${id}`],
    );
    expect(record?.details).toMatchObject({ personId, approvedBy: [olga.id, rita.id] });
    await expect(perform(office.world, approveDestruction, olga, { escrowedKeyIds: [id] })).rejects.toMatchObject({
      code: 'wrong-state',
    });
  });
});

describe('whoever writes SQL', () => {
  it('destroys no key and no vault lock but on that road', async () => {
    const { personId, id } = await joined('sql@example.com');
    const refused = /destroyed when its retention has ended/;
    const destroyNow = () =>
      office.query(`UPDATE escrowed_keys SET sealed = '', destroyed_at = $2 WHERE id = $1`, [id, before(-60)]);
    await expect(destroyNow()).rejects.toThrow(refused);
    await expect(office.query(`UPDATE escrowed_keys SET sealed = '\\x00' WHERE id = $1`, [id])).rejects.toThrow(
      refused,
    );
    await expect(office.query('UPDATE escrowed_keys SET person_id = gen_random_uuid()')).rejects.toThrow(
      /never changes/,
    );
    await expect(office.query('DELETE FROM escrowed_keys WHERE id = $1', [id])).rejects.toThrow(/never deleted/);
    for (const table of ['escrowed_keys', 'escrow_locks']) {
      await expect(office.query(`TRUNCATE ${table} CASCADE`)).rejects.toThrow(/never deleted|stays with its key/);
    }
    const lock = `escrowed_key_id = '${id}' AND kind = 'vault'`;
    await expect(office.query(`DELETE FROM escrow_locks WHERE ${lock}`)).rejects.toThrow(/never deleted/);
    await expect(office.query(`UPDATE escrow_locks SET kind = 'claim', holder = 'x' WHERE ${lock}`)).rejects.toThrow(
      /of the kind that it is/,
    );

    // Announced and over: without the attempt on record, or under a hold, it still does not go.
    await endAt(before(20));
    await expect(destroyNow()).rejects.toThrow(refused);
    now = before(-60);
    const { id: hold } = await perform(office.world, placeHold, rita, {
      personId,
      caseNumber: 'C-9',
      reason: 'Court.',
    });
    await expect(destroying(id)).rejects.toThrow('legal hold');
    await expect(destroyNow()).rejects.toThrow(refused);
    await perform(office.world, liftHold, olga, { id: hold, reason: 'Over.' });
    // A certificate that is still good keeps it, whatever the announcement says.
    await expect(
      office.query(`UPDATE escrowed_keys SET sealed = '', destroyed_at = $2 WHERE id = $1`, [id, before(800)]),
    ).rejects.toThrow(refused);
    expect(await isThere(personId)).toBe(true);
    await destroying(id);
    expect(await isThere(personId)).toBe(false);
    // And it does not come back.
    await expect(
      office.query(`UPDATE escrowed_keys SET sealed = '\\x00', destroyed_at = NULL WHERE id = $1`, [id]),
    ).rejects.toThrow(refused);
    await expect(
      office.query(
        `INSERT INTO certificates (serial_number, authority_id, use, profile, person_id, subject, addresses, key_algorithm,
           key_origin, spki_sha256, fingerprint, certificate, escrowed_key_id, not_before, not_after, issued_at)
         SELECT serial_number, authority_id, use, profile, person_id, subject, addresses, key_algorithm, key_origin,
           spki_sha256, '\\x01', certificate, escrowed_key_id, not_before, not_after, issued_at
         FROM certificates WHERE escrowed_key_id = $1`,
        [id],
      ),
    ).rejects.toThrow(/was destroyed/);
  });
});
