/** An external PostgreSQL 15, the oldest that we promise, by `database.url`. */
import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../e2e/support/office-process.ts';
import { openExampleOffice } from './example-office.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';

const BIN = '/usr/lib/postgresql/15/bin';

describe.skipIf(missing('postgresql') || process.getuid?.() !== 0)('PostgreSQL 15 by database.url', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-pg15-'));
  let server: ReturnType<typeof spawn> | undefined;
  afterAll(async () => {
    server?.kill('SIGINT');
    await sleep(500);
    rmSync(folder, { recursive: true, force: true });
  });

  it('serves the whole office: people, certificates, escrow, an intact trail', async () => {
    const as = ['-u', 'postgres', '--'];
    const uid = Number(run('id', ['-u', 'postgres']).text);
    chownSync(folder, uid, uid);
    const data = path.join(folder, 'data');
    expect(run('runuser', [...as, `${BIN}/initdb`, '-D', data, '-A', 'trust', '-U', 'chancery']).code).toBe(0);
    const port = await freePort();
    server = spawn('runuser', [...as, `${BIN}/postgres`, '-D', data, '-p', String(port), '-k', folder], {
      stdio: 'ignore',
    });
    for (let tries = 0; run(`${BIN}/pg_isready`, ['-h', '127.0.0.1', '-p', String(port)]).code !== 0; tries++) {
      if (tries > 100) throw new Error('PostgreSQL 15 did not start');
      await sleep(100);
    }

    const example = await openExampleOffice({
      authorityToml: `[database]\nurl = "postgresql://chancery@127.0.0.1:${port}/postgres"\n`,
    });
    try {
      expect(await example.ada.client.verifyAudit()).toMatchObject({ intact: true });
      const { escrow } = await example.ada.client.overview();
      expect(escrow.covered).toBe(escrow.encryptionCertificates);
      const tables = run(`${BIN}/psql`, [
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        'chancery',
        '-d',
        'postgres',
        '-Atc',
        'SELECT count(*) FROM audit_records',
      ]);
      expect(Number(tables.text)).toBeGreaterThan(5);
    } finally {
      await example.office.dispose();
      rmSync(example.scratch, { recursive: true, force: true });
    }
  });
});
