/**
 * Directories that the office follows: OpenLDAP and a Samba Active Directory. People join, are renamed, moved, switched off and deleted
 * there; the directory is cut off in the middle, killed, limits what it shows, loses a quarter of its people.
 * `CHANCERY_DIRECTORY_PEOPLE=5000 npm run test:interop -- directory-sync` does so with as many, and says how long it took.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../e2e/support/office-process.ts';
import {
  answerDrop,
  beginDuePasses,
  previewDirectory,
  progressOf,
  runPass,
} from '../packages/authority/src/identity/directory/synchronise.ts';
import { perform } from '../packages/authority/src/operation.ts';
import type { Principal } from '../packages/authority/src/principal.ts';
import { type EscrowOffice, escrowOffice } from '../packages/authority/test/escrow-office.ts';
import { missing } from './peers.ts';
import { OpenLdap, type PeopleDirectory, type Person, SambaDirectory } from './people-directory.ts';

const MANY = Number(process.env.CHANCERY_DIRECTORY_PEOPLE ?? 40);
const local: Principal = { kind: 'local', id: 'local', name: 'here' };

/** Hands on to a directory until so many octets have come from it; then it is as if its power had failed. */
class CutOff {
  octets = Number.POSITIVE_INFINITY;
  /** That have come since the last was set. */
  passed = 0;
  readonly port: number;
  readonly #server: Server;

  constructor(to: () => { host: string; port: number }, port: number) {
    this.port = port;
    this.#server = createServer((client) => {
      const directory = connect(to());
      const end = () => {
        client.destroy();
        directory.destroy();
      };
      client.on('error', end).on('close', end);
      directory.on('error', end).on('close', end);
      client.pipe(directory);
      directory.on('data', (chunk: Buffer) => {
        this.passed += chunk.length;
        if (this.passed > this.octets) end();
        else client.write(chunk);
      });
    });
    this.#server.listen(port, '127.0.0.1');
  }

  set(octets: number): void {
    this.octets = octets;
    this.passed = 0;
  }

  close(): void {
    this.#server.close();
  }
}

describe.skipIf(missing('slapd') || missing('samba'))('a directory that is followed', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-directories-'));
  let office: EscrowOffice;
  let cut: CutOff;
  let openLdap: OpenLdap;
  let samba: SambaDirectory;
  let through: PeopleDirectory;
  let now = new Date();
  const wait = (minutes: number) => {
    now = new Date(now.getTime() + minutes * 60_000);
  };

  beforeAll(async () => {
    openLdap = new OpenLdap(path.join(folder, 'slapd'), await freePort());
    samba = new SambaDirectory(path.join(folder, 'samba'));
    for (const one of [openLdap, samba]) one.create(staff(one.kind));
    await Promise.all([openLdap.start(), samba.start()]);
    through = openLdap;
    cut = new CutOff(() => through, await freePort());
    // There an account that is switched off may come back.
    const suspends = `[identity.sources.ad]\ndeactivated = "suspend"\n`;
    const rules = `${suspends}[[identity.groups]]\ngroup = "Everything"\ngatewayDecrypts = true\n`;
    const tables = {
      openldap: openLdap.toml(cut.port),
      ad: samba.toml(cut.port),
      limited: openLdap.limitedToml(),
      starttls: openLdap.secureToml('starttls'),
      ldaps: openLdap.secureToml('ldaps'),
      stranger: openLdap.secureToml('ldaps').replace(/ca = "[^"]*"\n/, ''),
      nowhere: openLdap.toml().replace('baseDn = "ou=People', 'baseDn = "ou=Nowhere'),
    };
    const config = Object.entries(tables).map(([name, toml]) => `[identity.ldap.${name}]\n${toml}`);
    office = await escrowOffice({
      clock: () => now,
      config: `${rules}${config.join('')}`,
      // What becomes of who joins is not what is looked at here.
      handlers: { 'fulfil-enrollment': async () => {}, 'publish-person': async () => {} },
    });
  });
  afterAll(async () => {
    cut?.close();
    await Promise.all([openLdap?.kill(), samba?.kill()]);
    await office?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const state = async (name: string) =>
    (
      await office.query('SELECT outcome, problem, counts, position, question FROM directory_syncs WHERE name = $1', [
        name,
      ])
    )[0] as
      | {
          outcome: string;
          problem: string | null;
          counts: Record<string, number>;
          position: unknown;
          question: { askedAt: string; losses: unknown[] } | null;
        }
      | undefined;
  const pass = async (name: string) => {
    await runPass(office.world, name);
    return state(name);
  };
  const people = (domain: string) =>
    office.query(
      `SELECT p.id, p.name, p.state, p.gateway_decrypts AS opens, a.address,
         ARRAY(SELECT address FROM person_addresses f WHERE f.person_id = p.id AND NOT is_primary ORDER BY key) AS aliases
       FROM people p JOIN person_addresses a ON a.person_id = p.id AND a.is_primary
       WHERE a.address LIKE $1 ORDER BY a.address`,
      [`%@${domain}`],
    );
  const active = async (domain: string) => (await people(domain)).filter((one) => one.state === 'active').length;

  describe.each(['openldap', 'active-directory'] as const)('%s', (kind) => {
    const name = kind === 'openldap' ? 'openldap' : 'ad';
    const domain = `${name}.example`;
    const directory = (): PeopleDirectory => (kind === 'openldap' ? openLdap : samba);
    const person = async (uid: string) => (await people(domain)).find((one) => one.address === `${uid}@${domain}`);

    beforeAll(() => {
      through = directory();
      cut.set(Number.POSITIVE_INFINITY);
    });

    it('is shown before anything comes of it', async () => {
      const shown = await previewDirectory(office.world, local, name);
      expect([shown.joining.length, shown.losses.length, shown.asks]).toEqual([MANY, 0, false]);
      expect(await people(domain)).toEqual([]);
    });

    it('is cut off at any point of a pass, and nobody is changed; then everybody joins', async () => {
      cut.set(Number.POSITIVE_INFINITY);
      await previewDirectory(office.world, local, name);
      const whole = cut.passed;
      for (const share of [0.01, 0.2, 0.4, 0.6, 0.8, 0.98]) {
        cut.set(Math.floor(whole * share));
        const ended = await pass(name);
        expect([share, ended?.outcome, ended?.position]).toEqual([share, 'failed', null]);
        expect(await people(domain)).toEqual([]);
      }
      cut.set(Number.POSITIVE_INFINITY);
      const began = performance.now();
      expect(await pass(name)).toMatchObject({ outcome: 'done', counts: { listed: MANY, joined: MANY } });
      report(`${kind}: ${MANY} people joined`, began);
      expect(await active(domain)).toBe(MANY);
      expect(await person('p3')).toMatchObject({ name: 'Person 3', aliases: [`third@${domain}`] });
      const [boss] = await office.query(
        "SELECT presented->>'manager' AS manager, key FROM source_records WHERE source = $1 AND presented->>'address' = $2",
        [name, `p1@${domain}`],
      );
      expect(boss?.manager).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-/);
    });

    it('is read for what has changed, and no more', async () => {
      const began = performance.now();
      const ended = await pass(name);
      expect(ended).toMatchObject({ outcome: 'done', counts: { listed: MANY, joined: 0, changed: 0, left: 0 } });
      // Five minutes of changes are read twice where there is nothing but a time.
      if (kind === 'active-directory') expect(ended?.counts.read).toBe(0);
      report(`${kind}: nothing new among ${MANY}`, began);
    });

    it('renames, moves, switches off, deletes and takes in', async () => {
      const there = directory();
      const before = await person('p2');
      there.change('p2', 'displayName', 'Person Two');
      there.change('p2', 'mail', `two@${domain}`);
      if (kind === 'active-directory') there.change('p2', 'proxyAddresses', `SMTP:two@${domain}`, `smtp:p2@${domain}`);
      else there.change('p2', 'mail', `two@${domain}`, `p2@${domain}`);
      there.rename('p4', 'renamed');
      there.move('p5', 'inside');
      there.move('p6', 'outside');
      there.remove('p7');
      if (kind === 'active-directory') there.change('p8', 'userAccountControl', '546');
      else there.change('p8', 'employeeType', 'switched off');
      there.add([{ uid: 'late', name: 'Late Comer', mail: `late@${domain}` }]);
      const began = performance.now();
      const ended = await pass(name);
      report(`${kind}: seven changes among ${MANY}`, began);
      const suspends = kind === 'active-directory';
      expect(ended).toMatchObject({
        outcome: 'done',
        counts: { listed: MANY - 1, joined: 1, ...(suspends ? { left: 2, suspended: 1 } : { left: 3 }) },
      });
      expect(await person('two')).toMatchObject({ id: before?.id, name: 'Person Two', aliases: [`p2@${domain}`] });
      const standing = async (uid: string) => (await person(uid))?.state;
      expect(await Promise.all(['p4', 'p5', 'p6', 'p7', 'p8', 'late'].map(standing))).toEqual([
        'active',
        'active',
        'left',
        'left',
        suspends ? 'suspended' : 'left',
        'active',
      ]);
      there.move('p6', 'inside');
      if (suspends) there.change('p8', 'userAccountControl', '544');
      expect(await pass(name)).toMatchObject({ outcome: 'done', counts: { cameBack: 1, returned: suspends ? 1 : 0 } });
      expect(await Promise.all(['p6', 'p8'].map(standing))).toEqual(['active', suspends ? 'active' : 'left']);
    });

    it('has groups in groups, and in a circle', async () => {
      const there = directory();
      there.group('Inner', [there.dn('p1'), there.dn('p9')]);
      there.group('Everything', [there.groupDn('Inner'), there.dn('p10')]);
      expect(await pass(name)).toMatchObject({ outcome: 'done', counts: { groups: 2 } });
      const opens = async () => (await people(domain)).filter((one) => one.opens === true).map((one) => one.address);
      expect(await opens()).toEqual(['p10', 'p1', 'p9'].map((uid) => `${uid}@${domain}`).sort());
      there.group('Outer', [there.groupDn('Everything')]);
      there.members('Inner', ['p1', 'p9'].map((uid) => there.dn(uid)).concat(there.groupDn('Outer')));
      expect(await pass(name)).toMatchObject({ outcome: 'done', counts: { groups: 3 } });
      expect(await opens()).toHaveLength(3);
    });

    it('loses a quarter of its people: it stops and asks; they stay; then they leave', async () => {
      const there = directory();
      const here = await active(domain);
      const lost = Array.from({ length: Math.ceil(MANY / 4) }, (_, index) => `p${index + 11}`);
      for (const uid of lost) there.remove(uid);
      there.add([{ uid: 'newcomer', name: 'New Comer', mail: `newcomer@${domain}` }]);
      const asked = await pass(name);
      expect(asked).toMatchObject({ outcome: 'asking', problem: expect.stringMatching(/would leave at once/) });
      expect(asked?.question?.losses).toHaveLength(lost.length);
      expect([await active(domain), await person('newcomer')]).toEqual([here, undefined]);
      const answer = async (choice: 'confirmed' | 'dismissed') => {
        const askedAt = (await state(name))?.question?.askedAt ?? '';
        await perform(office.world, answerDrop, local, { name, answer: choice, askedAt });
        return pass(name);
      };
      await expect(
        perform(office.world, answerDrop, local, { name, answer: 'confirmed', askedAt: new Date(0).toISOString() }),
      ).rejects.toMatchObject({ code: 'wrong-state' });
      // The directory is wrong about them: everybody else is followed.
      expect(await answer('dismissed')).toMatchObject({ outcome: 'done', counts: { joined: 1, left: 0 } });
      expect(await active(domain)).toBe(here + 1);
      expect(await answer('confirmed')).toMatchObject({
        outcome: 'done',
        counts: { left: lost.length },
        question: null,
      });
      expect(await active(domain)).toBe(here + 1 - lost.length);
    });

    it('is killed, and everybody stays; when it is back, what has changed meanwhile follows', async () => {
      const there = directory();
      const here = await active(domain);
      there.remove('p10');
      // The next changes are many: it is killed while it tells them.
      const ran = pass(name);
      for (let tries = 0; progressOf(name) === undefined && tries < 1_000; tries++) await sleep(1);
      if (MANY > 1_000)
        for (let tries = 0; (progressOf(name)?.count ?? 0) === 0 && tries < 10_000; tries++) await sleep(1);
      await there.kill();
      const ended = await ran;
      // A small directory may have said everything by then.
      if (ended?.outcome === 'failed') expect(await active(domain)).toBe(here);
      expect(await pass(name)).toMatchObject({ outcome: 'failed', problem: expect.stringMatching(/cannot be read/) });
      await there.start();
      expect(await pass(name)).toMatchObject({ outcome: 'done' });
      expect(await active(domain)).toBe(here - 1);
    });
  });

  it('is read over StartTLS and LDAPS, and not where its certificate is a stranger’s', async () => {
    // Whoever is switched off there is read too.
    const there = (await active('openldap.example')) + 1;
    for (const secure of ['starttls', 'ldaps']) {
      expect((await previewDirectory(office.world, local, secure)).people).toHaveLength(there);
    }
    await expect(previewDirectory(office.world, local, 'stranger')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/certificate/),
    });
  });

  it('limits what it shows, or has nothing where it is looked for: it says so, and nobody leaves', async () => {
    expect(await pass('limited')).toMatchObject({ outcome: 'failed', problem: expect.stringMatching(/pages of 10/) });
    expect(await pass('nowhere')).toMatchObject({ outcome: 'failed', problem: expect.stringMatching(/Check baseDn/) });
  });

  it('is asked again by itself when its time has come, and the administrators hear when it stays silent', async () => {
    await office.operator('chief', 'administrator');
    await openLdap.stop();
    wait(20);
    await beginDuePasses(office.world);
    await office.drain();
    wait(5 * 60);
    await beginDuePasses(office.world);
    await office.drain();
    const told = await office.query("SELECT subject FROM notices WHERE recipient = 'chief@example.com'");
    expect(told.map((one) => one.subject)).toContain('The directory openldap is not followed');
    const count = told.length;
    wait(60);
    await beginDuePasses(office.world);
    expect(await office.query("SELECT 1 FROM notices WHERE recipient = 'chief@example.com'")).toHaveLength(count);
  });
});

function staff(kind: PeopleDirectory['kind']): Person[] {
  const domain = kind === 'openldap' ? 'openldap.example' : 'ad.example';
  return Array.from({ length: MANY }, (_, index) => ({
    uid: `p${index}`,
    name: `Person ${index}`,
    mail: `p${index}@${domain}`,
    ...(index === 3 && { further: [`third@${domain}`] }),
    ...(index > 0 && { manager: 'p0' }),
  }));
}

function report(what: string, began: number): void {
  if (MANY > 1_000) console.log(`${what} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}
