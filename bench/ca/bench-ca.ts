/**
 * Certificates per second from a REST request to committed, audited and enqueued for publication, beside what the key alone
 * could sign in the same run.
 */
import { createHash, generateKeyPair, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createClient } from '@chancery/api';
import { buildName, buildRequest, localSigner } from '@chancery/smime';
import pg from 'pg';
import { OfficeProcess } from '../../e2e/support/office-process.ts';
import { setUpOffice } from '../../e2e/support/operators.ts';
import { machine } from '../machine.ts';
import { openDatabaseNamed } from './databases.ts';

interface CaInput {
  readonly quick: boolean;
  readonly only: string;
  readonly json: boolean;
}

interface CaRow {
  readonly database: string;
  readonly key: string;
  /** Certificates a second. */
  readonly bulk: readonly number[];
  readonly single: number;
  /** Signatures a second of the key alone, on every core, in the same run. */
  readonly bare: number;
}

const PACE = { full: { rounds: 3, bulk: 5000, single: 1000 }, quick: { rounds: 1, bulk: 1000, single: 300 } };

export async function benchCa(input: CaInput): Promise<void> {
  const pace = input.quick ? PACE.quick : PACE.full;
  const rows: CaRow[] = [];
  const missing: string[] = [];
  for (const database of ['embedded', 'external'] as const) {
    for (const algorithm of ['ecdsa', 'rsa'] as const) {
      if (!`${database} ${algorithm}`.includes(input.only)) continue;
      const row = await measure(database, algorithm, pace);
      if (typeof row === 'string') {
        if (!missing.includes(row)) missing.push(row);
      } else rows.push(row);
    }
  }
  const report = { date: new Date().toISOString(), machine: machine(), pace, rows, missing };
  console.log(input.json ? JSON.stringify(report, undefined, 2) : format(report));
}

async function measure(
  name: 'embedded' | 'external',
  algorithm: 'ecdsa' | 'rsa',
  pace: (typeof PACE)['full'],
): Promise<CaRow | string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-bench-'));
  const database = await openDatabaseNamed(name, folder);
  if (typeof database === 'string') return database;
  const office = await OfficeProcess.prepare({
    authorityToml: `[database]\nurl = "${database.url}"\n`,
    // As it comes; end-to-end tests look fifteen times as often, and each look reads all people.
    gatewayToml: '[gateway.authority]\nrefreshSeconds = 15\n',
  });
  try {
    await office.start();
    await setUpOffice(office.url, await office.setupToken(), { caAlgorithm: algorithm });
    const client = createClient({ baseUrl: office.url, token: office.localToken });
    const people = await insertPeople(database.url, pace.bulk);
    const bulk: number[] = [];
    for (let round = 0; round < pace.rounds; round++) {
      const requests = await requestsFor(people.map(({ address }) => address));
      const began = performance.now();
      await issueInBulk(client, requests);
      bulk.push(rate(pace.bulk, began));
      say(`${database.name}, ${algorithm}: ${bulk.at(-1)?.toFixed(0)} certificates/s in bulk`);
    }
    const some = people.slice(0, pace.single);
    const requests = await requestsFor(some.map(({ address }) => address));
    const began = performance.now();
    await eachOf(requests, 16, ({ csr, keyOrigin }, index) =>
      client.requestSigning({ params: { id: some[index]?.id ?? '' }, body: { csr, keyOrigin } }),
    );
    const single = rate(some.length, began);
    await requireRecords(client, database.url, pace.rounds * pace.bulk + some.length);
    const bare = await bareSignatures(algorithm);
    return { database: database.name, key: algorithm === 'rsa' ? 'RSA-3072' : 'P-256', bulk, single, bare };
  } finally {
    await office.dispose();
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Client = ReturnType<typeof createClient>;

/** Straight into the tables: an import would make an encryption key for each, which is not what is measured here. */
async function insertPeople(url: string, count: number): Promise<{ id: string; address: string }[]> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    const people = Array.from({ length: count }, (_, index) => ({
      id: randomUUID(),
      address: `person${index}@example.com`,
    }));
    const ids = people.map(({ id }) => id);
    const addresses = people.map(({ address }) => address);
    await pool.query(
      `INSERT INTO people (id, name, state, signing_key, gateway_decrypts, created_at)
       SELECT id, 'Person ' || address, 'active', 'device', false, now() FROM unnest($1::uuid[], $2::text[]) AS p (id, address)`,
      [ids, addresses],
    );
    await pool.query(
      `INSERT INTO person_addresses (key, address, person_id, is_primary)
       SELECT address, address, id, true FROM unnest($1::uuid[], $2::text[]) AS p (id, address)`,
      [ids, addresses],
    );
    return people;
  } finally {
    await pool.end();
  }
}

/** A request for each address, of a fresh P-256 key. */
async function requestsFor(addresses: readonly string[]) {
  const subject = buildName([{ type: 'commonName', value: 'bench' }]);
  const requests = [];
  for (const address of addresses) {
    const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const csr = Buffer.from(await buildRequest({ subject, signer, emails: [address] })).toString('base64');
    requests.push({ address, csr, keyOrigin: 'device' as const });
  }
  return requests;
}

async function issueInBulk(client: Client, requests: Awaited<ReturnType<typeof requestsFor>>): Promise<void> {
  const id = randomUUID();
  for (let offset = 0; offset < requests.length; offset += 1000) {
    await client.submitIssuance({ body: { id, offset, items: requests.slice(offset, offset + 1000) } });
  }
  for (;;) {
    const { issued, failed } = await client.issuance({ params: { id } });
    if (failed > 0) throw new Error(`${failed} requests failed`);
    if (issued === requests.length) return;
    await sleep(50);
  }
}

/** Every certificate is there with its three records and its place in the outbox, and the chain is whole. */
async function requireRecords(client: Client, url: string, certificates: number): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    const count = async (text: string) => Number((await pool.query(text)).rows[0].count);
    const found = {
      certificates: await count(`SELECT count(*) FROM certificates WHERE use = 'signing'`),
      prepared: await count(
        `SELECT count(*) FROM audit_records WHERE action = 'certificate.prepare' AND outcome = 'succeeded' AND details->>'use' = 'signing'`,
      ),
      signed: await count(
        `SELECT count(DISTINCT s.subject) FROM audit_records s JOIN audit_records a ON a.subject = s.subject
          AND a.action = s.action AND a.outcome = 'attempted' AND a.sequence < s.sequence
         WHERE s.action = 'certificate.sign' AND s.outcome = 'succeeded' AND s.details->>'use' = 'signing'`,
      ),
    };
    const outbox = await count(`SELECT count(*) FROM jobs.job WHERE name = 'publish-person'`);
    if (Object.values(found).some((one) => one !== certificates) || outbox < certificates)
      throw new Error(`Of ${certificates} certificates: ${JSON.stringify({ ...found, outbox })}`);
    if (!(await client.verifyAudit()).intact) throw new Error('The audit trail is broken');
  } finally {
    await pool.end();
  }
}

async function bareSignatures(algorithm: 'ecdsa' | 'rsa'): Promise<number> {
  const generate = promisify(generateKeyPair);
  const { privateKey } =
    algorithm === 'rsa'
      ? await generate('rsa', { modulusLength: 3072 })
      : await generate('ec', { namedCurve: 'P-256' });
  const tbs = createHash('sha512').update('to be signed').digest();
  const signOnce = () =>
    new Promise<void>((resolve, reject) =>
      sign('sha256', tbs, privateKey, (error) => (error === null ? resolve() : reject(error))),
    );
  const began = performance.now();
  let signed = 0;
  while (performance.now() - began < 2000) {
    await Promise.all(Array.from({ length: 32 }, signOnce));
    signed += 32;
  }
  return rate(signed, began);
}

async function eachOf<T>(items: readonly T[], width: number, work: (item: T, index: number) => Promise<unknown>) {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) await work(items[index] as T, index);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

const rate = (count: number, began: number): number => (count * 1000) / (performance.now() - began);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

function format(report: {
  date: string;
  machine: string;
  pace: (typeof PACE)['full'];
  rows: CaRow[];
  missing: string[];
}) {
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return [
    `${report.date.slice(0, 10)}, ${report.machine}`,
    '',
    `Certificates per second: ${report.pace.bulk} requests as one batch (median of ${report.pace.rounds}); ${report.pace.single} single requests, 16 at a time;`,
    'signatures per second of the CA key alone, on all cores, in the same run; the batch over that.',
    '',
    '| database | CA key | batch | single | key alone | batch / key alone |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...report.rows.map(
      ({ database, key, bulk, single, bare }) =>
        `| ${database} | ${key} | ${median(bulk).toFixed(0)} | ${single.toFixed(0)} | ${bare.toFixed(0)} | ${(median(bulk) / bare).toFixed(2)} |`,
    ),
    ...report.missing.flatMap((sentence) => ['', `Missing: ${sentence}.`]),
  ].join('\n');
}
