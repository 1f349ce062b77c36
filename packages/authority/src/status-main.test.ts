import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  buildOcspRequest,
  type Certificate,
  parseCertificate,
  parseCrl,
  parseOcspResponse,
  type Signer,
} from '@chancery/smime';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../test/pki-office.ts';
import { holdCertificate } from './ca/revoke.ts';
import { parseAuthorityConfig } from './config.ts';
import { perform } from './operation.ts';
import { system } from './principal.ts';
import { renewDueResponders } from './status/renew-responder.ts';
import { type RunningStatus, startStatus } from './status-main.ts';
import { issuingAuthority } from './store/authorities.ts';
import { statusGrants } from './store/status-grants.ts';

let now = new Date();
let office: PkiOffice;
let status: RunningStatus;
let issuer: Certificate;
let leaf: Certificate;
let asReader: pg.PoolConfig;
/** Keeps an answer waiting, where a test asks for it. */
let onSigning: (() => Promise<void>) | undefined;
let release = () => {};
const held = new Promise<void>((resolve) => {
  release = resolve;
});

beforeAll(async () => {
  office = await pkiOffice({ clock: () => now });
  issuer = (await office.world.database.snapshot(issuingAuthority)).certificate;
  leaf = parseCertificate((await office.signing(await office.person('ada@example.com'))).certificate);
  // Twice: whoever updates runs it again.
  for (let n = 0; n < 2; n++) await office.world.database.pool.query(statusGrants('status_reader'));
  asReader = await logIn('status_reader');
  status = await startStatus({
    config: parseAuthorityConfig('[status]\nport = 0\n', office.home),
    connection: asReader,
    keyStore: { signer: async (reference) => slowly(await office.world.keyStore.signer(reference)) },
    log: office.world.log,
    clock: () => now,
  });
});
afterAll(async () => {
  await status?.stop();
  await office.close();
});

/** The embedded database lets in nobody but its own role: here, for once, another by its password, as a database of an office does. */
async function logIn(role: string): Promise<pg.PoolConfig> {
  const { pool } = office.world.database;
  const password = randomUUID();
  await pool.query(`ALTER ROLE ${role} PASSWORD '${password}'`);
  const { rows } = await pool.query('SELECT current_database() AS name');
  const directory = path.dirname(String(office.connection.host));
  appendFileSync(path.join(directory, 'pg_hba.conf'), `local ${rows[0].name} ${role} scram-sha-256\n`);
  const [pid] = readFileSync(path.join(directory, 'pg', 'postmaster.pid'), 'utf8').split('\n');
  process.kill(Number(pid), 'SIGHUP');
  const connection = { ...office.connection, user: role, password };
  for (const deadline = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const client = new pg.Client(connection);
    try {
      await client.connect();
      return connection;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      await client.end();
    }
  }
}

function slowly(signer: Signer): Signer {
  return {
    spki: signer.spki,
    kind: signer.kind,
    async sign(...parameters) {
      await onSigning?.();
      return signer.sign(...parameters);
    },
  };
}

const url = (path: string) => `http://127.0.0.1:${status.port}${path}`;
const health = async () => {
  const answer = await fetch(url('/health'));
  return { code: answer.status, body: (await answer.json()) as { status: string; problems: string[] } };
};

async function statusOf(cert: Certificate) {
  const body = Buffer.from(buildOcspRequest({ cert, issuer }));
  const answer = await fetch(url('/ocsp'), { method: 'POST', body });
  return parseOcspResponse(Buffer.from(await answer.arrayBuffer()));
}

describe('the role of chancery status', () => {
  it('logs in as itself, by its password, and reads only', async () => {
    const client = new pg.Client(asReader);
    await client.connect();
    try {
      const { rows } = await client.query(
        `SELECT session_user AS session, current_user AS now, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls,
           current_setting('default_transaction_read_only') AS readonly
         FROM pg_roles WHERE rolname = current_user`,
      );
      const none = { rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolbypassrls: false };
      expect(rows).toEqual([{ session: 'status_reader', now: 'status_reader', readonly: 'on', ...none }]);
      // What it may read it may not change, though it turns its own setting off.
      await client.query('SET default_transaction_read_only = off');
      await expect(client.query(`UPDATE crls SET entries = 0`)).rejects.toThrow(/permission denied/);
      await expect(client.query('SET ROLE chancery')).rejects.toThrow(/permission denied/);
    } finally {
      await client.end();
    }
    await expect(new pg.Client({ ...asReader, password: 'another' }).connect()).rejects.toThrow(
      /password authentication failed/,
    );
  });

  it.each([
    'UPDATE certificates SET revoked_at = NULL',
    'INSERT INTO revocation_versions SELECT id, 1 FROM authorities',
    'DELETE FROM crls',
    'CREATE TABLE mine (n int)',
    'SELECT subject FROM certificates',
    'SELECT certificate FROM certificates',
    'SELECT * FROM people',
    'SELECT sealed FROM escrowed_keys',
    'SELECT * FROM audit_records',
  ])('may not: %s', async (text) => {
    const client = new pg.Client(asReader);
    await client.connect();
    try {
      // Else that alone would keep it from writing.
      await client.query('SET default_transaction_read_only = off');
      await expect(client.query(text)).rejects.toThrow(/permission denied/);
    } finally {
      await client.end();
    }
  });

  it('is made of plain names only', () => {
    expect(() => statusGrants('x; DROP TABLE people')).toThrow(/plain PostgreSQL identifier/);
  });
});

describe('chancery status', () => {
  it('makes no responder certificate: that is the authority’s to do', async () => {
    expect((await statusOf(leaf)).status).toBe('unauthorized');
    const { code, body } = await health();
    expect(code).toBe(503);
    expect(body.problems).toEqual(['issuing: there is no OCSP responder certificate in force whose key is here.']);
    await renewDueResponders(office.world);
    now = new Date(now.getTime() + 10_000);
    expect((await statusOf(leaf)).basic?.responses[0]?.status).toBe('good');
    expect(await health()).toMatchObject({ code: 200, body: { status: 'ok', problems: [] } });
  });

  it('knows of a hold the moment it commits', async () => {
    await perform(office.world, holdCertificate, system, { serialNumber: leaf.serialNumber });
    expect((await statusOf(leaf)).basic?.responses[0]?.status).toMatchObject({ reason: 'certificateHold' });
  });

  it('serves lists, certificates and chains, and nothing else of the office', async () => {
    for (const [path, type] of [
      ['/crl/issuing.crl', 'application/pkix-crl'],
      ['/ca/issuing.cer', 'application/pkix-cert'],
      ['/ca/issuing.p7c', 'application/pkcs7-mime; smime-type=certs-only'],
      ['/ca/chain.p7c', 'application/pkcs7-mime; smime-type=certs-only'],
    ] as const) {
      const answer = await fetch(url(path));
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([path, 200, type]);
      if (path.endsWith('.crl')) expect(parseCrl(Buffer.from(await answer.arrayBuffer())).entryCount).toBe(0);
    }
    for (const path of ['/', '/api/v1/office', '/api/openapi.json', '/setup', '/ca/people.cer'])
      expect((await fetch(url(path))).status).toBe(404);
  });

  it('says what is wrong when lists have ended and nobody renews', async () => {
    const before = now;
    now = new Date(now.getTime() + 40 * 86_400_000);
    const { code, body } = await health();
    expect(code).toBe(503);
    expect(body.problems.join(' ')).toMatch(/root: the CRL ended.*issuing: the CRL ended.*no OCSP responder/);
    now = before;
  });

  it('answers what was asked, then stops', async () => {
    const body = Buffer.from(buildOcspRequest({ cert: leaf, issuer, nonce: Buffer.from('never kept') }));
    const began = new Promise<void>((resolve) => {
      onSigning = () => {
        resolve();
        return held;
      };
    });
    const asked = fetch(url('/ocsp'), { method: 'POST', body });
    await began;
    const stopped = status.stop();
    release();
    expect(parseOcspResponse(Buffer.from(await (await asked).arrayBuffer())).status).toBe('successful');
    await stopped;
    await expect(fetch(url('/health'))).rejects.toThrow();
    await status.stop();
  });
});
