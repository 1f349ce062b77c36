import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { applyProfile } from '../ca/change-profile.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { removePerson } from '../ra/offboarding.ts';
import { latestProfile } from '../store/profiles.ts';
import { escapeFilter } from './ldap.ts';
import { publishPerson } from './publish.ts';

/** Takes connections and hangs up: a directory that is down behind a balancer that is not. */
let broken: Server;
let calls = 0;
let office: EscrowOffice;
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
`,
  });
});
afterAll(async () => {
  await office.close();
  broken.close();
});

const rowsOf = (personId: string) =>
  office.query(
    `SELECT p.state, p.wanted, p.error, p.attempts FROM publications p
     JOIN certificates c USING (serial_number) WHERE c.person_id = $1`,
    [personId],
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
