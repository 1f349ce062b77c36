/** Lists, filters and searches of an inventory that grows to a million certificates. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient } from '@chancery/api';
import pg from 'pg';
import { OfficeProcess } from '../../e2e/support/office-process.ts';
import { setUpOffice } from '../../e2e/support/operators.ts';
import { openDatabaseNamed } from '../ca/databases.ts';
import { machine } from '../machine.ts';

interface InventoryInput {
  readonly quick: boolean;
  readonly only: string;
  readonly json: boolean;
}

const SIZES = { full: [10_000, 100_000, 1_000_000], quick: [10_000, 100_000] };
const TIMES = 60;

export async function benchInventory(input: InventoryInput): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-bench-'));
  const database = await openDatabaseNamed('embedded', folder);
  if (typeof database === 'string') throw new Error(database);
  const office = await OfficeProcess.prepare({ authorityToml: `[database]\nurl = "${database.url}"\n` });
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  const sizes = input.quick ? SIZES.quick : SIZES.full;
  const rows = new Map<string, number[]>();
  try {
    await office.start();
    await setUpOffice(office.url, await office.setupToken());
    let filled = 0;
    for (const size of sizes) {
      // Filling takes the tables for itself for minutes: an office beside it would only queue up.
      await office.stop();
      await fill(pool, filled, size);
      filled = size;
      await office.start();
      const client = createClient({ baseUrl: office.url, token: office.localToken });
      for (const [name, ask] of Object.entries(questions(client, size))) {
        if (!name.includes(input.only)) continue;
        const p95 = await percentile95(ask);
        rows.set(name, [...(rows.get(name) ?? []), p95]);
        process.stderr.write(`${size}: ${name}: ${p95.toFixed(1)} ms\n`);
      }
    }
    const report = { date: new Date().toISOString(), machine: machine(), sizes, rows: Object.fromEntries(rows) };
    console.log(input.json ? JSON.stringify(report, undefined, 2) : format(report));
  } catch (error) {
    process.stderr.write(`${office.printed}\n`);
    throw error;
  } finally {
    await pool.end();
    await office.dispose();
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each call is another question of its kind. */
function questions(client: ReturnType<typeof createClient>, size: number): Record<string, () => Promise<unknown>> {
  const someone = () => Math.floor(Math.random() * (size / 2));
  let next: string | undefined;
  let nextUncovered: string | undefined;
  return {
    'first page': () => client.certificates({ query: { limit: 50 } }),
    'page after page': async () => {
      const page = await client.certificates({ query: { limit: 50, ...(next === undefined ? {} : { after: next }) } });
      next = page.next ?? undefined;
    },
    'encryption, valid': () => client.certificates({ query: { limit: 50, use: 'encryption', state: 'valid' } }),
    expiring: () => client.certificates({ query: { limit: 50, state: 'expiring' } }),
    expired: () => client.certificates({ query: { limit: 50, state: 'expired' } }),
    revoked: () => client.certificates({ query: { limit: 50, state: 'revoked' } }),
    'search: an address': () => client.certificates({ query: { limit: 50, search: `person${someone()}@example.com` } }),
    'search: part of a name': () => client.certificates({ query: { limit: 50, search: `Bench ${someone()}` } }),
    'search: what all have': () => client.certificates({ query: { limit: 50, search: 'example.com' } }),
    'search: nothing has it': () => client.certificates({ query: { limit: 50, search: `nobody${someone()}` } }),
    'search: a serial number': () =>
      client.certificates({ query: { limit: 50, search: someone().toString(16).padStart(8, '4') } }),
    'people, first page': () => client.people({ query: { limit: 50 } }),
    'people: an address': () => client.people({ query: { limit: 50, search: `person${someone()}@` } }),
    overview: () => client.overview(),
    'inventory: what ends first': () => client.holdings({ query: { limit: 50 } }),
    'inventory: not covered': () => client.coverage({ query: { limit: 50, uncovered: true } }),
    'inventory: not covered, page after page': async () => {
      const after = nextUncovered === undefined ? {} : { after: nextUncovered };
      const page = await client.coverage({ query: { limit: 50, uncovered: true, ...after } });
      nextUncovered = page.next ?? undefined;
    },
    'inventory: not covered, for a reason': () => client.coverage({ query: { limit: 50, reason: 'no-link' } }),
    'inventory: not covered, part of a name': () =>
      client.coverage({ query: { limit: 50, uncovered: true, search: `Bench ${someone()}` } }),
    'inventory: counts': () => client.coverageCounts(),
  };
}

/**
 * Two certificates for each person, over four years, with rows of the usual size but octets of no certificate: lists read
 * none. Straight into the tables, by SQL; every constraint and trigger is in force.
 */
async function fill(pool: pg.Pool, from: number, to: number): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL work_mem = '256MB'`);
    // Rows first, then the indexes that are no constraints: a tenth of the time.
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(
      `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
       WHERE indrelid IN ('certificates'::regclass, 'people'::regclass, 'person_addresses'::regclass, 'issuance_intents'::regclass) AND NOT indisunique`,
    );
    for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
    await client.query(`
      INSERT INTO people (id, name, state, signing_key, gateway_decrypts, created_at)
      SELECT ${uuidOf('n')}, 'Bench ' || n || ' Person', 'active', 'device', false, now()
      FROM generate_series(${from / 2}, ${to / 2 - 1}) AS n`);
    await client.query(`
      INSERT INTO person_addresses (key, address, person_id, is_primary)
      SELECT 'person' || n || '@example.com', 'person' || n || '@example.com', ${uuidOf('n')}, true
      FROM generate_series(${from / 2}, ${to / 2 - 1}) AS n`);
    await client.query(`
      CREATE TEMPORARY TABLE made ON COMMIT DROP AS
      SELECT n, '4' || substr(md5('serial' || n), 2) AS serial, ${uuidOf('n / 2')} AS person,
        sha256(convert_to('key' || n, 'UTF8')) AS key, now() - random() * interval '4 years' AS issued
      FROM generate_series(${from}, ${to - 1}) AS n`);
    await client.query(`
      INSERT INTO issuance_intents (serial_number, authority_id, use, profile, person_id, key_origin, tbs, spki_sha256, state, created_at, profile_version, renewal_days)
      SELECT serial, (SELECT id FROM authorities WHERE role = 'issuing'), 'signing', 'signing', person, 'device', '\\x00', key, 'signed', issued, 1, 30
      FROM made`);
    await client.query(`
      INSERT INTO certificates (serial_number, authority_id, use, profile, profile_version, renewal_days, person_id, subject, addresses,
        key_algorithm, key_origin, spki_sha256, fingerprint, certificate, not_before, not_after, issued_at, revoked_at, revocation_reason)
      SELECT serial, (SELECT id FROM authorities WHERE role = 'issuing'), 'signing', 'signing', 1, 30, person,
        'O=Example Corp,CN=Bench ' || n / 2 || ' Person,serialNumber=' || person, ARRAY['person' || n / 2 || '@example.com'],
        'P-256', 'device', key, sha256(convert_to('f' || n, 'UTF8')), decode(repeat(md5('der' || n), 50), 'hex'), issued, issued + interval '730 days', issued,
        CASE WHEN n % 50 = 0 THEN issued + interval '1 day' END, CASE WHEN n % 50 = 0 THEN 'superseded' END
      FROM made`);
    for (const { definition } of indexes) await client.query(definition);
    await client.query('COMMIT');
    await client.query('ANALYZE');
    // As the office does once a minute; questions asked before would have all of these people looked at anew.
    const began = performance.now();
    for (;;) {
      const { rows } = await client.query<{ people: number }>('SELECT refresh_coverage(now(), 2000) AS people');
      if (rows[0]?.people === 0) break;
    }
    process.stderr.write(`${to}: who is covered, kept: ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    await client.query('VACUUM ANALYZE');
  } finally {
    client.release();
  }
}

/** SQL: a UUID of version 4 that follows from a number. */
const uuidOf = (number: string): string =>
  `overlay(overlay(md5('person' || ${number}) placing '4' from 13) placing '8' from 17)::uuid`;

/** Milliseconds. */
async function percentile95(ask: () => Promise<unknown>): Promise<number> {
  for (let warm = 0; warm < 5; warm++) await ask();
  const times: number[] = [];
  for (let turn = 0; turn < TIMES; turn++) {
    const began = performance.now();
    await ask();
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(TIMES * 0.95)] ?? 0;
}

function format(report: { date: string; machine: string; sizes: number[]; rows: Record<string, number[]> }): string {
  return [
    `${report.date.slice(0, 10)}, ${report.machine}`,
    '',
    `Milliseconds from request to answer over HTTP, 95th percentile of ${TIMES}; by certificates in the inventory (half as many people).`,
    '',
    `| | ${report.sizes.map((size) => size.toLocaleString('en')).join(' | ')} |`,
    `| --- | ${report.sizes.map(() => '---:').join(' | ')} |`,
    ...Object.entries(report.rows).map(
      ([name, times]) => `| ${name} | ${times.map((ms) => ms.toFixed(1)).join(' | ')} |`,
    ),
  ].join('\n');
}
