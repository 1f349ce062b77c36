/** No key is both escrowed and certified for signing, for whoever writes SQL by hand, at once, and many rows in one statement. */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';

let office: PkiOffice;
let connections: [pg.PoolClient, pg.PoolClient];

beforeAll(async () => {
  office = await pkiOffice();
  const personId = await office.person('ada@example.com');
  await office.escrowed(personId);
  await office.signing(personId);
  const { pool } = office.world.database;
  connections = [await pool.connect(), await pool.connect()];
});

afterAll(async () => {
  for (const connection of connections) connection.release();
  await office.close();
});

/** SQL: the keys `${from}` to `${to}`, escrowed. */
const escrow = (from: number, to: number) =>
  `INSERT INTO escrowed_keys (id, person_id, vault_id, key_algorithm, spki, spki_sha256, format_version, sealed, created_at)
   SELECT gen_random_uuid(), person_id, vault_id, key_algorithm, spki, sha256(n::text::bytea), format_version, sealed, created_at
   FROM (SELECT * FROM escrowed_keys ORDER BY created_at LIMIT 1) AS e, generate_series(${from}, ${to}) AS n`;

/** SQL: certificates for signing with those keys. */
const certify = (from: number, to: number) =>
  `WITH made AS (
     INSERT INTO issuance_intents (serial_number, authority_id, use, profile, person_id, key_origin, tbs, spki_sha256, state, created_at)
     SELECT '4' || substr(md5(n::text), 2), authority_id, use, profile, person_id, key_origin, tbs, sha256(n::text::bytea), state, created_at
     FROM (SELECT * FROM issuance_intents WHERE use = 'signing' ORDER BY created_at LIMIT 1) AS i, generate_series(${from}, ${to}) AS n
     RETURNING serial_number, spki_sha256)
   INSERT INTO certificates (serial_number, authority_id, use, profile, person_id, subject, addresses, key_algorithm, key_origin,
     spki_sha256, fingerprint, certificate, not_before, not_after, issued_at)
   SELECT made.serial_number, authority_id, use, profile, person_id, subject, addresses, key_algorithm, key_origin,
     made.spki_sha256, sha256(made.serial_number::bytea), certificate, not_before, not_after, issued_at
   FROM made, (SELECT * FROM certificates WHERE use = 'signing' ORDER BY issued_at LIMIT 1) AS c`;

it('one statement takes more keys than PostgreSQL has locks', async () => {
  const [connection] = connections;
  const settings = await connection.query(
    `SELECT current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int AS locks`,
  );
  const keys = settings.rows[0].locks + 1_000;
  await connection.query('BEGIN');
  await connection.query(certify(100_001, 100_000 + keys));
  await connection.query(escrow(200_001, 200_000 + keys));
  await connection.query('ROLLBACK');
});

it.each([
  ['one', 1, 1],
  ['many', 1, 700],
])('a key that is escrowed is not certified, nor the other way round: %s at once', async (_what, from, to) => {
  const [connection] = connections;
  for (const [first, second, message] of [
    [escrow(1, 1), certify(from, to), 'certified for encryption only'],
    [certify(1, 1), escrow(from, to), 'never escrowed'],
  ] as const) {
    await connection.query('BEGIN');
    await connection.query(first);
    await expect(connection.query(second)).rejects.toThrow(message);
    await connection.query('ROLLBACK');
  }
});

it.each([
  ['one and one', 1, 1, 1, 1],
  ['one and many', 1, 1, 1, 700],
  ['many and one', 1, 700, 1, 1],
  ['many and many', 1, 700, 501, 1_200],
])('of two transactions at the same time one is refused: %s', async (_what, from, to, otherFrom, otherTo) => {
  const [one, other] = connections;
  for (const [first, second] of [
    [escrow(from, to), certify(otherFrom, otherTo)],
    [certify(from, to), escrow(otherFrom, otherTo)],
  ] as const) {
    await one.query('BEGIN');
    await other.query('BEGIN');
    await one.query(first);
    let settled = false;
    const late = other.query(second).then(
      () => 'done',
      (error: Error) => error.message,
    );
    late.then(() => (settled = true));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(settled).toBe(false);
    await one.query('COMMIT');
    expect(await late).toMatch(/never escrowed|certified for encryption only/);
    await other.query('ROLLBACK');
    await one.query('BEGIN');
    await one.query(
      'DELETE FROM certificates WHERE serial_number IN (SELECT serial_number FROM issuance_intents WHERE spki_sha256 IN (SELECT sha256(n::text::bytea) FROM generate_series(1, 1200) AS n))',
    );
    await one.query(
      'DELETE FROM issuance_intents WHERE spki_sha256 IN (SELECT sha256(n::text::bytea) FROM generate_series(1, 1200) AS n)',
    );
    // Which nothing but a test may.
    await one.query('ALTER TABLE escrowed_keys DISABLE TRIGGER keep_escrowed_key');
    await one.query(
      'DELETE FROM escrowed_keys WHERE spki_sha256 IN (SELECT sha256(n::text::bytea) FROM generate_series(1, 1200) AS n)',
    );
    await one.query('ALTER TABLE escrowed_keys ENABLE TRIGGER keep_escrowed_key');
    await one.query('COMMIT');
  }
});
