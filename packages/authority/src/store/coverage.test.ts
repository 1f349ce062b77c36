/** What is kept of who is covered says at every instant what looking at everybody says, whatever changed and whenever it was kept. */
import { randomUUID } from 'node:crypto';
import type { CoverageReason } from '@chancery/api';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { coverageCounts, coveragePage } from '../inventory/inventory.ts';
import { keepCoverage } from '../inventory/keep-coverage.ts';
import { refreshCoverage, staleCoverage } from './coverage.ts';

const PEOPLE = 12;
const STEPS = 100;
const DAY = 86_400_000;

let office: PkiOffice;
let people: string[];
let at = new Date();

beforeAll(async () => {
  office = await pkiOffice({ clock: () => at });
  people = [];
  for (let n = 0; n < PEOPLE; n++) {
    const id = await office.person(`person${n}@example.com`, { name: `${'cab'[n % 3]} Person ${n % 5}` });
    people.push(id);
    await office.escrowed(id);
  }
  await office.signing(people[0] as string);
  await query(`INSERT INTO gateways (id, name, created_at) VALUES (gen_random_uuid(), 'gateway', now())`);
});

afterAll(() => office.close());

const query = async (text: string, values: unknown[] = []) =>
  (await office.world.database.pool.query(text, values)).rows as Record<string, unknown>[];

/** The same numbers in each run (mulberry32). */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * sides);
  };
}

const roll = dice(20_261_126);
/** But for the last, whom an open transaction may hold. */
const someone = () => people[roll(people.length - 1)] as string;
const someday = () => new Date(Date.now() + (roll(41) - 20) * DAY);

type Change = (db: Pick<pg.Pool, 'query'>) => Promise<unknown>;

const certify: Change = (db) =>
  certifyFor(db, someone(), roll(2) === 0 ? 'signing' : 'encryption', someday(), 1 + roll(40));

const certifyFor = (db: Parameters<Change>[0], person: string, use: string, from: Date, days: number) =>
  db.query(
    `WITH key AS (SELECT id, spki_sha256 FROM escrowed_keys WHERE person_id = $1::uuid), made AS (
       INSERT INTO issuance_intents (serial_number, authority_id, use, profile, person_id, key_origin, tbs, spki_sha256, state, created_at, escrowed_key_id)
       SELECT $2::text, i.authority_id, $3::text, $3::text, $1::uuid, CASE $3::text WHEN 'signing' THEN 'device' ELSE 'kra' END, i.tbs,
         CASE $3::text WHEN 'signing' THEN sha256($2::text::bytea) ELSE key.spki_sha256 END, i.state, i.created_at,
         CASE $3::text WHEN 'encryption' THEN key.id END
       FROM (SELECT * FROM issuance_intents WHERE use = 'signing' ORDER BY created_at LIMIT 1) i, key RETURNING *)
     INSERT INTO certificates (serial_number, authority_id, use, profile, person_id, subject, addresses, key_algorithm, key_origin,
       spki_sha256, fingerprint, certificate, not_before, not_after, issued_at, escrowed_key_id)
     SELECT made.serial_number, made.authority_id, made.use, made.profile, made.person_id, 'CN=X', '{}', 'P-256', made.key_origin,
       made.spki_sha256, sha256($2::text::bytea), '\\x00', $4::timestamptz, $4::timestamptz + $5::int * interval '1 day', $4::timestamptz, made.escrowed_key_id FROM made`,
    [person, `4${randomUUID().replaceAll('-', '')}`, use, from, days],
  );
const onPerson =
  (set: () => string): Change =>
  (db) =>
    db.query(`UPDATE people SET ${set()} WHERE id = $1`, [someone()]);
const ofSomeone =
  (sql: string): Change =>
  (db) =>
    db.query(sql, [someone()]);

const invite: Change = (db) =>
  db.query(
    `INSERT INTO claims (id, person_id, secret_hash, sealed_secret, created_at, expires_at)
       VALUES (gen_random_uuid(), $1, sha256($2), $3, now(), $4) ON CONFLICT DO NOTHING`,
    [someone(), Buffer.from(randomUUID()), roll(2) === 0 ? Buffer.from('sealed') : null, someday()],
  );

const changes: readonly Change[] = [
  certify,
  certify,
  certify,
  onPerson(() => `state = 'suspended', suspended_at = now(), left_at = NULL`),
  onPerson(() => `state = 'left', left_at = now(), suspended_at = NULL`),
  onPerson(() => `state = 'active', suspended_at = NULL, left_at = NULL`),
  onPerson(() => `state = 'active', suspended_at = NULL, left_at = NULL`),
  onPerson(() => `state = 'active', suspended_at = NULL, left_at = NULL`),
  onPerson(() => `signing_key = '${['device', 'gateway'][roll(2)]}'`),
  onPerson(() => `name = '${'xyz'[roll(3)]} Person'`),
  ofSomeone(
    `UPDATE certificates SET revoked_at = now(), revocation_reason = 'certificateHold' WHERE person_id = $1 AND revoked_at IS NULL`,
  ),
  ofSomeone(
    `UPDATE certificates SET revoked_at = NULL, revocation_reason = NULL WHERE person_id = $1 AND revocation_reason = 'certificateHold'`,
  ),
  ofSomeone(
    `UPDATE certificates SET revoked_at = now(), revocation_reason = 'superseded' WHERE person_id = $1 AND revoked_at IS NULL AND use = 'signing'`,
  ),
  (db) =>
    db.query(
      `INSERT INTO enrollments (person_id, use, state, error, created_at, updated_at) VALUES ($1, $2, 'waiting', $3, now(), now())
       ON CONFLICT DO NOTHING`,
      [someone(), roll(2) === 0 ? 'signing' : 'encryption', roll(2) === 0 ? 'The country is missing.' : null],
    ),
  ofSomeone(`UPDATE enrollments SET state = 'withdrawn' WHERE person_id = $1`),
  ofSomeone(`DELETE FROM enrollments WHERE person_id = $1`),
  invite,
  invite,
  ofSomeone(`UPDATE claims SET sealed_secret = NULL WHERE person_id = $1`),
  ofSomeone(`UPDATE claims SET closed_at = now() WHERE person_id = $1`),
  ofSomeone(`UPDATE escrowed_keys SET delivered_at = now() WHERE person_id = $1`),
  ofSomeone(`UPDATE escrowed_keys SET delivered_at = NULL WHERE person_id = $1`),
  ofSomeone(`INSERT INTO escrow_locks (escrowed_key_id, kind, holder, wrapped, created_at)
    SELECT e.id, 'gateway', g.id, '\\x00', now() FROM escrowed_keys e, gateways g WHERE e.person_id = $1 ON CONFLICT DO NOTHING`),
  ofSomeone(`DELETE FROM escrow_locks WHERE kind = 'gateway'
    AND escrowed_key_id IN (SELECT id FROM escrowed_keys WHERE person_id = $1)`),
];

/** `name id use reason` of everybody, in order: by looking at all of them. */
async function everybody(refused: readonly string[]): Promise<{ line: string; reason: CoverageReason; use: string }[]> {
  const rows = await query(
    `SELECT lower(p.name) || ' ' || p.id || ' ' || v.use AS line, v.reason, v.use
     FROM people p JOIN coverage_of($1, $2, NULL) v ON v.person_id = p.id ORDER BY lower(p.name), p.id, v.use`,
    [at, refused],
  );
  return rows as never;
}

async function listed(filter: Partial<Parameters<typeof coveragePage>[2]>): Promise<string[]> {
  const limit = [4, 30, 30, 30][roll(4)] as number;
  const lines: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await office.world.database.snapshot((s) =>
      coveragePage(office.world, s, { ...filter, limit, after }),
    );
    lines.push(...page.items.map((item) => `${item.name.toLowerCase()} ${item.personId} ${item.use}`));
    if (page.next === null) {
      expect(page.total).toBe(lines.length);
      return lines;
    }
    after = page.next;
  }
}

async function compare(refused: readonly string[]): Promise<Set<CoverageReason>> {
  const all = await everybody(refused);
  const { items } = await office.world.database.snapshot((s) => coverageCounts(office.world, s));
  const counts = Object.fromEntries(items.map(({ use, reason, count }) => [`${use} ${reason}`, count]));
  const expected: Record<string, number> = {};
  for (const { use, reason } of all) expected[`${use} ${reason}`] = (expected[`${use} ${reason}`] ?? 0) + 1;
  expect(counts).toEqual(expected);
  const lines = (wanted: (one: (typeof all)[number]) => boolean) => all.filter(wanted).map(({ line }) => line);
  const uncovered = (reason: string) => reason !== 'covered' && reason !== 'left';
  const reasons = new Set(all.map(({ reason }) => reason));
  const [some = 'covered'] = [...reasons].slice(roll(reasons.size));
  const lists = [
    [{ uncovered: true }, lines(({ reason }) => uncovered(reason))],
    [{ uncovered: true, use: 'encryption' }, lines(({ reason, use }) => uncovered(reason) && use === 'encryption')],
    [
      { uncovered: true, search: 'a person' },
      lines(({ reason, line }) => uncovered(reason) && line.startsWith('a person')),
    ],
    [{ reason: some }, lines(({ reason }) => reason === some)],
  ] as const;
  const [filter, expectedLines] = lists[roll(lists.length)] as (typeof lists)[number];
  expect(await listed(filter)).toEqual(expectedLines);
  return reasons;
}

it('is so after each of many changes, kept anew or not, in any order of instants, and beside a transaction that is open', async () => {
  const seen = new Set<CoverageReason>();
  const { pool } = office.world.database;
  let open: pg.PoolClient | undefined;
  for (let step = 0; step < STEPS; step++) {
    for (let change = roll(5); change >= 0; change--) await (changes[roll(changes.length)] as Change)(pool);
    if (roll(4) === 0) at = someday();
    if (roll(2) === 0) await refreshCoverage(office.world.database, at, roll(2) === 0 ? 1_000 : 1 + roll(4));
    if (open === undefined && roll(6) === 0) {
      open = await pool.connect();
      await open.query('BEGIN');
      await open.query(`UPDATE people SET state = CASE state WHEN 'left' THEN 'active' ELSE 'left' END WHERE id = $1`, [
        people.at(-1),
      ]);
    } else if (open !== undefined && roll(3) === 0) {
      await open.query(roll(3) === 0 ? 'ROLLBACK' : 'COMMIT');
      open.release();
      open = undefined;
    }
    for (const reason of await compare([])) seen.add(reason);
  }
  expect([...seen].sort()).toEqual([
    'being-made',
    'covered',
    'enrolment-failed',
    'expired',
    'gateway-not-enrolled',
    'left',
    'link-not-given',
    'link-not-used',
    'no-link',
    'on-hold',
    'revoked',
    'suspended',
  ]);
}, 120_000);

it('is so after each change alone, when everything was kept just before', async () => {
  at = new Date();
  const person = await office.person('story@example.com', { name: 'Story' });
  await office.escrowed(person);
  const reasonNow = async () => {
    const { items } = await office.world.database.snapshot((s) =>
      coveragePage(office.world, s, { limit: 5, search: 'story@example.com', use: 'encryption' }),
    );
    return items[0]?.reason;
  };
  const key = `(SELECT id FROM escrowed_keys WHERE person_id = $1)`;
  const story: readonly (readonly [change: string | (() => Promise<unknown>), reason: CoverageReason])[] = [
    [
      `INSERT INTO enrollments (person_id, use, state, created_at, updated_at) VALUES ($1, 'encryption', 'waiting', now(), now())`,
      'being-made',
    ],
    [`UPDATE enrollments SET error = 'The country is missing.' WHERE person_id = $1`, 'enrolment-failed'],
    [`DELETE FROM enrollments WHERE person_id = $1`, 'no-link'],
    [() => certifyFor(office.world.database.pool, person, 'encryption', new Date(at.getTime() - DAY), 10), 'no-link'],
    [
      `INSERT INTO claims (id, person_id, secret_hash, sealed_secret, created_at, expires_at)
      VALUES (gen_random_uuid(), $1, sha256('story'), 'sealed', now(), now() + interval '3 days')`,
      'link-not-given',
    ],
    [`UPDATE claims SET sealed_secret = NULL WHERE person_id = $1`, 'link-not-used'],
    [`DELETE FROM claims WHERE person_id = $1`, 'no-link'],
    [`UPDATE escrowed_keys SET delivered_at = now() WHERE person_id = $1`, 'covered'],
    [`UPDATE escrowed_keys SET delivered_at = NULL WHERE person_id = $1`, 'no-link'],
    [
      `INSERT INTO escrow_locks (escrowed_key_id, kind, holder, wrapped, created_at) SELECT e.id, 'gateway', g.id, '\\x00', now()
       FROM escrowed_keys e, gateways g WHERE e.person_id = $1`,
      'covered',
    ],
    [`DELETE FROM escrow_locks WHERE kind = 'gateway' AND escrowed_key_id = ${key}`, 'no-link'],
    [
      `UPDATE certificates SET revoked_at = now(), revocation_reason = 'certificateHold' WHERE person_id = $1`,
      'on-hold',
    ],
    [`UPDATE people SET state = 'suspended', suspended_at = now() WHERE id = $1`, 'suspended'],
    [`UPDATE people SET state = 'active', suspended_at = NULL WHERE id = $1`, 'on-hold'],
    [`UPDATE certificates SET revocation_reason = 'superseded' WHERE person_id = $1`, 'revoked'],
  ];
  for (const [change, reason] of story) {
    await keepCoverage(office.world);
    if (typeof change === 'string') await query(change, [person]);
    else await change();
    expect(await listed({ reason, use: 'encryption' }), String(change)).toContain(`story ${person} encryption`);
    expect(await reasonNow()).toBe(reason);
    await compare([]);
  }
});

it('is so where the profile in use refuses keys of a kind, and once all is kept nobody is looked at anew', async () => {
  await query(`INSERT INTO profiles (id, version, document, created_at)
    SELECT id, max(version) + 1, jsonb_set((array_agg(document ORDER BY version DESC))[1], '{keyOrigins}', '["gateway"]'), now()
    FROM profiles WHERE id = (SELECT profile FROM profile_choices WHERE use = 'signing') GROUP BY id`);
  for (let step = 0; step < 8; step++) {
    await (changes[roll(changes.length)] as Change)(office.world.database.pool);
    expect(await compare(['signing device'])).toContain('profile-refuses');
  }
  expect(await office.world.database.snapshot((s) => staleCoverage(s, at))).not.toEqual([]);
  await keepCoverage(office.world);
  expect(await office.world.database.snapshot((s) => staleCoverage(s, at))).toEqual([]);
  await compare(['signing device']);
});
