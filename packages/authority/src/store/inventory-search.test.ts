/** Searching more certificates and people than are counted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { type CertificateFilter, listCertificates } from './certificates.ts';
import { listPeople, nameCursor, type PeopleFilter } from './people.ts';

const MANY = 1_203;

let office: PkiOffice;
const now = new Date();

beforeAll(async () => {
  office = await pkiOffice();
  await office.signing(await office.person('Zoe.First@example.com', { name: 'Zoë First' }));
  const { pool } = office.world.database;
  await pool.query(
    `INSERT INTO people (id, name, external_id, state, signing_key, gateway_decrypts, created_at)
     SELECT md5('p' || n)::uuid, 'Bench ' || n, CASE WHEN n % 100 = 0 THEN 'hr-' || n END, 'active', 'device', false, now()
     FROM generate_series(1, $1::int) AS n`,
    [MANY],
  );
  await pool.query(
    `INSERT INTO person_addresses (key, address, person_id, is_primary)
     SELECT 'bench' || n || '@example.com', 'Bench' || n || '@example.com', md5('p' || n)::uuid, true
     FROM generate_series(1, $1::int) AS n`,
    [MANY],
  );
  await pool.query(
    `WITH made AS (
       INSERT INTO issuance_intents (serial_number, authority_id, use, profile, person_id, key_origin, tbs, spki_sha256, state, created_at)
       SELECT '4' || substr(md5(n::text), 2), authority_id, use, profile, md5('p' || n)::uuid, key_origin, tbs, sha256(n::text::bytea), state, created_at
       FROM issuance_intents, generate_series(1, $1::int) AS n RETURNING serial_number)
     INSERT INTO certificates (serial_number, authority_id, use, profile, person_id, subject, addresses, key_algorithm, key_origin,
       spki_sha256, fingerprint, certificate, not_before, not_after, issued_at)
     SELECT '4' || substr(md5(n::text), 2), authority_id, use, profile, md5('p' || n)::uuid, 'CN=Bench ' || n,
       ARRAY['Bench' || n || '@example.com', 'old.' || n || '@example.org'], key_algorithm, key_origin, sha256(n::text::bytea), sha256(n::text::bytea),
       certificate, not_before, not_after, issued_at - n * interval '1 minute'
     FROM certificates, generate_series(1, $1::int) AS n`,
    [MANY],
  );
});

afterAll(() => office.close());

async function everyCertificate(filter: Omit<CertificateFilter, 'limit'>) {
  const found: { serial: string; subject: string; at: Date }[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await office.world.database.snapshot((snapshot) =>
      listCertificates(snapshot, { limit: 400, ...filter, after }, now),
    );
    found.push(...page.items.map((row) => ({ serial: row.serial_number, subject: row.subject, at: row.issued_at })));
    if (page.next === null) return { found, total: page.total, totalIsExact: page.totalIsExact };
    after = page.next;
  }
}

describe('a search of certificates', () => {
  it('finds whole addresses, whoever has them now and however they are typed', async () => {
    for (const [search, subject] of [
      ['bench7@example.com', 'CN=Bench 7'],
      ['BENCH1203@EXAMPLE.COM', 'CN=Bench 1203'],
      ['old.12@example.org', 'CN=Bench 12'],
      [' bench12@example.com ', 'CN=Bench 12'],
    ] as const) {
      const { found, total, totalIsExact } = await everyCertificate({ search });
      expect([search, total, totalIsExact, found.map((one) => one.subject)]).toEqual([search, 1, true, [subject]]);
    }
    expect(await everyCertificate({ search: 'bench7@example.com', state: 'revoked' })).toMatchObject({ total: 0 });
  });

  it('finds what only looks like a whole address, and parts of names, addresses and serial numbers', async () => {
    const count = async (search: string) => (await everyCertificate({ search })).total;
    expect(await count('ench7@example.co')).toBe(1);
    expect(await count('bench 120')).toBe(5);
    expect(await count('zoe.first')).toBe(1);
    expect(await count('nobody@example.com')).toBe(0);
    const { found } = await everyCertificate({});
    const [serial = ''] = found.map((one) => one.serial);
    expect((await everyCertificate({ search: serial })).found.map((one) => one.serial)).toContain(serial);
  });

  it('counts a thousand, and shows all there are, the newest first', async () => {
    for (const search of [undefined, 'example.com', 'bench']) {
      const { found, total, totalIsExact } = await everyCertificate({ search });
      expect([total, totalIsExact]).toEqual([1_000, false]);
      expect(new Set(found.map((one) => one.serial)).size).toBe(search === 'bench' ? MANY : MANY + 1);
      expect(found.map((one) => one.at.getTime())).toEqual(found.map((one) => one.at.getTime()).sort((a, b) => b - a));
    }
  });
});

describe('a search of people', () => {
  async function everybody(filter: Omit<PeopleFilter, 'limit'>) {
    const found: string[] = [];
    let after: PeopleFilter['after'];
    for (;;) {
      const { rows, hasMore, total, totalIsExact } = await office.world.database.snapshot((snapshot) =>
        listPeople(snapshot, { limit: 400, ...filter, after }, now),
      );
      found.push(...rows.map(({ name }) => name));
      const last = rows.at(-1);
      if (!hasMore || last === undefined) return { found, total, totalIsExact };
      after = { name: await office.world.database.snapshot((snapshot) => nameCursor(snapshot, last.id)), id: last.id };
    }
  }

  it('finds an address, a part of one, a name and an external id', async () => {
    expect((await everybody({ search: 'BENCH17@example.com' })).found).toEqual(['Bench 17']);
    expect((await everybody({ search: 'ench17@example.co' })).found).toEqual(['Bench 17']);
    expect((await everybody({ search: 'zoë' })).found).toEqual(['Zoë First']);
    expect((await everybody({ search: 'hr-300' })).found).toEqual(['Bench 300']);
    expect((await everybody({ search: 'HR-' })).found).toHaveLength(12);
    expect((await everybody({ search: 'nobody' })).found).toEqual([]);
    expect((await everybody({ search: 'BENCH17@example.com', state: 'left' })).found).toEqual([]);
  });

  it('counts a thousand, and shows all there are', async () => {
    for (const search of [undefined, 'example.com', 'bench']) {
      const { found, total, totalIsExact } = await everybody({ search });
      expect([total, totalIsExact, new Set(found).size]).toEqual([1_000, false, search === 'bench' ? MANY : MANY + 1]);
    }
    expect(await everybody({ search: 'bench 11' })).toMatchObject({ total: 111, totalIsExact: true });
  });
});
