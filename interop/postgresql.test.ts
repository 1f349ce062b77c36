/** An external PostgreSQL 15, the oldest that we promise, by `database.url`; and what becomes of mail while it is gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encryptMessage } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, sendRaw } from '../e2e/support/mail.ts';
import { freePort } from '../e2e/support/office-process.ts';
import { certificateOf, type ExampleOffice, openExampleOffice } from './example-office.ts';
import { missing } from './peers.ts';
import { run } from './run-program.ts';

const BIN = '/usr/lib/postgresql/15/bin';

const as = ['-u', 'postgres', '--'];
const isHere = !missing('postgresql') && process.getuid?.() === 0;

describe.skipIf(!isHere)('PostgreSQL 15 by database.url', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-pg15-'));
  const data = path.join(folder, 'data');
  let port = 0;
  let server: ChildProcess | undefined;
  let example: ExampleOffice;

  async function startServer(): Promise<void> {
    server = spawn('runuser', [...as, `${BIN}/postgres`, '-D', data, '-p', String(port), '-k', folder], {
      stdio: 'ignore',
    });
    for (let tries = 0; run(`${BIN}/pg_isready`, ['-h', '127.0.0.1', '-p', String(port)]).code !== 0; tries++) {
      if (tries > 100) throw new Error('PostgreSQL 15 did not start');
      await sleep(100);
    }
  }

  /** As a power cut would. */
  const endServer = () => run('runuser', [...as, `${BIN}/pg_ctl`, 'stop', '-D', data, '-m', 'immediate']);

  beforeAll(async () => {
    const uid = Number(run('id', ['-u', 'postgres']).text);
    chownSync(folder, uid, uid);
    expect(run('runuser', [...as, `${BIN}/initdb`, '-D', data, '-A', 'trust', '-U', 'chancery']).code).toBe(0);
    port = await freePort();
    await startServer();
    example = await openExampleOffice({
      authorityToml: `[database]\nurl = "postgresql://chancery@127.0.0.1:${port}/postgres"\n`,
      // Opened keys are asked for again and again, so that the office is missed.
      gatewayToml: 'openKeySeconds = 0.1\n[gateway.authority]\nrefreshSeconds = 1\n',
    });
  });
  afterAll(async () => {
    await example?.office.dispose();
    server?.kill('SIGINT');
    await sleep(500);
    for (const used of [folder, example?.scratch])
      if (used !== undefined) rmSync(used, { recursive: true, force: true });
  });

  it('serves the whole office: people, certificates, escrow, an intact trail', async () => {
    expect(await example.ada.client.verifyAudit()).toMatchObject({ intact: true });
    const { escrow } = await example.ada.client.overview();
    expect(escrow.covered).toBe(escrow.encryptionCertificates);
    const question = 'SELECT count(*) FROM audit_records';
    const where = ['-h', '127.0.0.1', '-p', String(port), '-U', 'chancery', '-d', 'postgres'];
    expect(Number(run(`${BIN}/psql`, [...where, '-Atc', question]).text)).toBeGreaterThan(5);
  });

  it('may go away under mail: nothing is lost, nothing is sent in the clear, and all goes on by itself', async () => {
    const { office, ada } = example;
    const anna = await certificateOf(ada, 'anna@example.com', 'encryption');
    const letters: { id: string; direction: 'outbound' | 'inbound'; taken: 'meanwhile' | 'later' | undefined }[] = [];

    async function hand(direction: 'outbound' | 'inbound', while_: () => boolean): Promise<void> {
      const id = randomUUID();
      const letter: (typeof letters)[number] = { id, direction, taken: undefined };
      letters.push(letter);
      const isOut = direction === 'outbound';
      const [from, to] = isOut ? ['anna@example.com', 'dora@example.com'] : ['rob@partner.example', 'anna@example.com'];
      const clear = Buffer.from(
        `From: ${from}\r\nTo: ${to}\r\nSubject: x\r\nMessage-ID: <${id}@example.com>\r\n\r\nsecret of ${id}\r\n`,
      );
      const octets = isOut ? clear : Buffer.from(await encryptMessage({ message: clear, recipients: [anna] }));
      const out = isOut ? office.outboundPort : office.inboundPort;
      for (const deadline = Date.now() + 60_000; letter.taken === undefined; await sleep(200)) {
        await sendRaw(out, from as string, [to as string], octets).then(
          () => {
            letter.taken = while_() ? 'meanwhile' : 'later';
          },
          (error: { responseCode?: number; message: string }) => {
            if ((error.responseCode ?? 0) >= 500 || Date.now() > deadline) throw error;
          },
        );
      }
    }

    await Promise.all([hand('outbound', () => true), hand('inbound', () => true)]);
    let isGone = true;
    expect(endServer().code).toBe(0);
    await expect(ada.client.overview()).rejects.toThrow();
    const handed = Array.from({ length: 20 }, (_, n) => hand(n % 2 === 0 ? 'outbound' : 'inbound', () => isGone));
    await sleep(4_000);
    const meanwhile = letters.filter(({ taken }) => taken === 'meanwhile');
    isGone = false;
    await startServer();
    await Promise.all(handed);

    // Who can be written to is known; whose key opens a letter must be asked.
    expect(meanwhile.filter(({ direction }) => direction === 'outbound').length).toBeGreaterThan(1);
    expect(letters.some(({ direction, taken }) => direction === 'inbound' && taken === 'later')).toBe(true);
    const mailOf = () =>
      readdirSync(office.mailbox)
        .filter((name) => name.endsWith('.eml'))
        .map((name) => readFileSync(path.join(office.mailbox, name), 'latin1'));
    await eventually('everything has arrived', async () => (mailOf().length >= letters.length ? true : undefined));
    const mails = mailOf();
    expect(mails).toHaveLength(letters.length);
    for (const { id, direction } of letters) {
      const [mail, ...others] = mails.filter((one) => one.includes(`<${id}@example.com>`));
      expect(others).toEqual([]);
      if (direction === 'inbound') expect(mail).toContain(`secret of ${id}`);
      else {
        expect(mail).toMatch(/enveloped-data/);
        expect(mail).not.toContain(`secret of ${id}`);
      }
    }
    await eventually('all of it is in the journal', async () => {
      const { items } = await ada.client.journal({ query: { limit: 200 } });
      const said = new Set(items.filter(({ outcome }) => outcome !== 'deferred').map(({ messageId }) => messageId));
      return letters.every(({ id }) => said.has(`<${id}@example.com>`)) ? true : undefined;
    });
    expect(await ada.client.verifyAudit()).toMatchObject({ intact: true });
  });
});
