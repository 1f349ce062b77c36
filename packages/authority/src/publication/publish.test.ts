import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { LoopbackDirectory } from '../../test/loopback-directory.ts';
import { applyProfile } from '../ca/change-profile.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { removePerson } from '../ra/offboarding.ts';
import type { Transaction } from '../store/database.ts';
import { latestProfile } from '../store/profiles.ts';
import { recordStates, wantPublications } from '../store/publications.ts';
import { unreachable } from '../store/unreachable.ts';
import { confirmRunbook, makeRunbook } from './exchange/make-runbook.ts';
import { escapeFilter, ldapTarget } from './ldap.ts';
import { publishPerson } from './publish.ts';

/** Takes connections and hangs up: a directory that is down behind a balancer that is not. */
let broken: Server;
let calls = 0;
let office: EscrowOffice;
/** Another directory, which answers. */
let directory: LoopbackDirectory;
let now = new Date('2026-03-01T12:00:00Z');

beforeAll(async () => {
  broken = createServer((socket) => {
    calls += 1;
    socket.on('error', () => {});
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(broken, 'listening');
  process.env.PUBLISH_TEST_PASSWORD = 'a password that no record may hold';
  office = await escrowOffice({
    clock: () => now,
    // Each test publishes when it means to; the queue would do so at times of its own.
    handlers: { 'publish-person': async () => {} },
    config: `[publication.ldap.staff]
url = "ldap://127.0.0.1:${(broken.address() as AddressInfo).port}"
bindDn = "cn=chancery,dc=example,dc=com"
password = { env = "PUBLISH_TEST_PASSWORD" }
baseDn = "dc=example,dc=com"
timeoutSeconds = 2
[publication.exchange.online]
`,
  });
  directory = await LoopbackDirectory.open(process.env.PUBLISH_TEST_PASSWORD);
});
afterAll(async () => {
  await office.close();
  await directory.close();
  broken.close();
});

const rowsOf = (personId: string, target = 'staff') =>
  office.query(
    `SELECT p.state, p.wanted, p.error, p.attempts FROM publications p
     JOIN certificates c USING (serial_number) WHERE c.person_id = $1 AND p.target = $2`,
    [personId, target],
  );
const records = async (personId: string) =>
  (await office.trail(`person:${personId}`)).filter((one) => one.startsWith('publication.'));
/** As though the owner had opened the claim link. */
const deliver = (personId: string) =>
  office.query('UPDATE escrowed_keys SET delivered_at = $2 WHERE person_id = $1', [personId, now]);

describe('a certificate', () => {
  it('is not published before its owner can decrypt', async () => {
    const id = await office.person('early@example.com');
    await publishPerson(office.world, id);
    expect(await rowsOf(id)).toEqual([]);
    expect(await records(id)).toEqual([]);
    expect(calls).toBe(0);
  });

  it('waits for a directory that is down, and nobody waits with it', async () => {
    const id = await office.person('sam@example.com');
    const other = await office.person('other@example.com');
    await deliver(id);
    await deliver(other);
    await expect(publishPerson(office.world, id)).rejects.toThrow(/staff: ldap:\/\/127\.0\.0\.1:\d+ does not answer/);
    expect(calls).toBe(1);
    expect(await rowsOf(id)).toMatchObject([{ state: 'failed', wanted: true, attempts: 1 }]);
    expect(await records(id)).toEqual(['publication.plan succeeded', 'publication.note succeeded']);

    await expect(publishPerson(office.world, other)).rejects.toThrow(/does not answer/);
    expect(calls).toBe(1);
    expect(await rowsOf(other)).toMatchObject([{ state: 'failed', attempts: 1 }]);

    now = new Date(now.getTime() + 15_001);
    await expect(publishPerson(office.world, id)).rejects.toThrow(/does not answer/);
    expect(calls).toBe(2);
    expect(await rowsOf(id)).toMatchObject([{ state: 'failed', attempts: 2 }]);
    expect(JSON.stringify(await office.query('SELECT canonical FROM audit_records'))).not.toContain(
      'a password that no record may hold',
    );
  });

  it('of somebody who left is to be taken out, also from a directory that was down all the while', async () => {
    const id = await office.person('leaver@example.com');
    await deliver(id);
    await expect(publishPerson(office.world, id)).rejects.toThrow();
    await perform(office.world, removePerson, system, { id });
    await expect(publishPerson(office.world, id)).rejects.toThrow();
    expect(await rowsOf(id)).toMatchObject([{ state: 'failed', wanted: false }]);
  });
});

describe('two who change the same rows at once', () => {
  const at = now;
  const backwards = (serials: string[]) => serials.toSorted().toReversed();
  const changes: [string, (tx: Transaction, serials: string[]) => Promise<void>][] = [
    ['a plan', (tx, serials) => wantPublications(tx, backwards(serials).map(inStaff), at)],
    [
      'what was seen',
      (tx, serials) => recordStates(tx, 'staff', backwards(serials).map(isPublished), { since: new Date(now), at }),
    ],
  ];
  const inStaff = (serialNumber: string) => ({ target: 'staff', serialNumber, wanted: true });
  const isPublished = (serialNumber: string) => ({ serialNumber, state: 'published' as const, error: null });

  it.each(changes)('wait one after the other: %s', async (_what, change) => {
    const { database } = office.world;
    for (const name of ['one', 'two']) await deliver(await office.person(`${randomUUID()}.${name}@example.com`));
    const rows = await office.query(`SELECT serial_number FROM certificates WHERE use = 'encryption'`);
    const serials = rows.map((row) => String(row.serial_number)).toSorted();
    await database.operations.transaction((tx) => wantPublications(tx, serials.map(inStaff), at));

    const other = await database.pool.connect();
    const hold = (serial: string | undefined) =>
      other.query(`UPDATE publications SET attempts = attempts + 1 WHERE target = 'staff' AND serial_number = $1`, [
        serial,
      ]);
    try {
      await other.query('BEGIN');
      await hold(serials[0]);
      const changed = database.operations.transaction((tx) => change(tx, serials));
      changed.catch(() => {});
      await vi.waitFor(async () =>
        expect(await office.query(`SELECT FROM pg_stat_activity WHERE wait_event = 'transactionid'`)).toHaveLength(1),
      );
      for (const serial of serials.slice(1)) await hold(serial);
      await other.query('COMMIT');
      await changed;
    } finally {
      other.release(true);
    }
  });
});

describe('an address that two entries have', () => {
  it('is published in neither; who cannot be written to says so, and it heals by itself', async () => {
    const id = await office.person('twin@example.com');
    await deliver(id);
    const { staff } = office.world.config.publication.ldap;
    if (staff === undefined) throw new Error('expected a target');
    const target = ldapTarget('staff', { ...staff, url: directory.url }, office.home);
    now = new Date(now.getTime() + 15_001);
    for (const name of ['one', 'two']) directory.add(`cn=${name},dc=example,dc=com`, { mail: ['twin@example.com'] });
    await expect(publishPerson(office.world, id, [target])).rejects.toThrow(/more than one entry .* twin@example\.com/);
    const report = async () => {
      const targets = [{ name: 'staff', byRunbook: false }];
      const filter = { targets, search: 'twin@', limit: 10, offset: 0 };
      return (await office.world.database.snapshot((snapshot) => unreachable(snapshot, filter, now))).rows;
    };
    expect(await report()).toMatchObject([{ target: 'staff', reason: 'ambiguous', detail: expect.any(String) }]);
    expect(directory.changes).toBe(0);
    directory.entries.delete('cn=two,dc=example,dc=com');
    await publishPerson(office.world, id, [target]);
    expect(await report()).toEqual([]);
    expect(directory.values('cn=one,dc=example,dc=com', 'userCertificate;binary')).toHaveLength(1);
  });
});

describe('a runbook', () => {
  const make = (scope: 'changes' | 'full' = 'changes') =>
    office.world.database.snapshot((snapshot) =>
      makeRunbook(snapshot, office.world.config, { target: 'online', scope, at: now }),
    );
  const confirm = (digest: string) => perform(office.world, confirmRunbook, system, { target: 'online', digest });
  const lineOf = (script: string, address: string) =>
    script.split('\r\n').find((line) => line.startsWith(`Update-Mailbox -Address '${address}'`));

  it('has what the inventory lacks there, is confirmed once, and a later change is another runbook', async () => {
    const id = await office.person('mailbox@example.com');
    await deliver(id);
    await publishPerson(office.world, id, []);
    expect(await rowsOf(id, 'online')).toMatchObject([{ state: 'pending', wanted: true }]);
    const first = await make();
    const [row] = await office.query('SELECT certificate FROM certificates WHERE person_id = $1', [id]);
    const der = Buffer.from(row?.certificate as Buffer).toString('base64');
    expect(lineOf(first.script, 'mailbox@example.com')).toContain(`-Add @('${der}') -Remove @()`);
    // The same whatever the hour; another is none that was made.
    now = new Date(now.getTime() + 60_000);
    expect((await make()).digest).toBe(first.digest);
    await expect(confirm('0'.repeat(64))).rejects.toMatchObject({ code: 'conflict' });
    expect(await rowsOf(id, 'online')).toMatchObject([{ state: 'pending' }]);
    expect(await confirm(first.digest)).toEqual({ mailboxes: first.mailboxes });
    expect(await rowsOf(id, 'online')).toMatchObject([{ state: 'published' }]);
    expect((await make()).mailboxes).toBe(0);
    expect(lineOf((await make('full')).script, 'mailbox@example.com')).toContain(der);

    await perform(office.world, removePerson, system, { id });
    await publishPerson(office.world, id, []);
    // What was made before the change says what is not so any more.
    await expect(confirm(first.digest)).rejects.toMatchObject({ code: 'conflict' });
    const second = await make();
    expect(lineOf(second.script, 'mailbox@example.com')).toContain(`-Add @() -Remove @('${der}')`);
    await confirm(second.digest);
    expect(await rowsOf(id, 'online')).toMatchObject([{ state: 'removed', wanted: false }]);
    expect(await office.trail('target:online')).toEqual([
      'publication.confirm-runbook failed',
      'publication.confirm-runbook succeeded',
      'publication.confirm-runbook failed',
      'publication.confirm-runbook succeeded',
    ]);
  });

  it('is for targets that are brought in line by one', async () => {
    const about = { target: 'staff', scope: 'full', at: now } as const;
    const made = office.world.database.snapshot((snapshot) => makeRunbook(snapshot, office.world.config, about));
    await expect(made).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('a profile', () => {
  it('says in which directories its certificates are published; an older version says it for what it issued', async () => {
    const before = await office.person('everywhere@example.com');
    const newest = await office.world.database.snapshot((snapshot) => latestProfile(snapshot, 'encryption'));
    if (newest === undefined) throw new Error('expected');
    await perform(office.world, applyProfile, system, {
      id: 'encryption',
      document: { ...newest.document, publication: ['elsewhere'] },
      expectedVersion: newest.version,
    });
    const after = await office.person('elsewhere@example.com');
    for (const id of [before, after]) await deliver(id);
    await expect(publishPerson(office.world, before)).rejects.toThrow(/staff/);
    expect(await rowsOf(before)).toMatchObject([{ wanted: true }]);
    await publishPerson(office.world, after);
    expect(await rowsOf(after)).toEqual([]);
  });
});

it('escapes what a filter would take for its own (RFC 4515)', () => {
  expect(escapeFilter('a*(b)\\c\0@example.com')).toBe('a\\2a\\28b\\29\\5cc\\00@example.com');
});
