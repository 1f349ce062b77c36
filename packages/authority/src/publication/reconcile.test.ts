import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { MemoryTarget } from '../../test/memory-target.ts';
import { applyProfile } from '../ca/change-profile.ts';
import { holdCertificate, revokeCertificate } from '../ca/revoke.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { removePerson } from '../ra/offboarding.ts';
import { latestProfile } from '../store/profiles.ts';
import { newestReconciliations } from '../store/reconciliations.ts';
import { type UnreachableFilter, unreachable } from '../store/unreachable.ts';
import { publishPerson } from './publish.ts';
import { beginDueReconciliations, beginReconciliation, reconcile } from './reconcile.ts';

let office: EscrowOffice;
let now = new Date('2026-03-01T12:00:00Z');
const staff = new MemoryTarget('staff');
const ids = new Map<string, string>();
const FOREIGN = Buffer.from('a certificate of somebody else');

beforeAll(async () => {
  process.env.RECONCILE_TEST_PASSWORD = 'a password that no record may hold';
  office = await escrowOffice({
    clock: () => now,
    handlers: { 'publish-person': async () => {}, reconcile: async () => {} },
    config: `[publication.ldap.staff]
url = "ldap://127.0.0.1:9"
bindDn = "cn=chancery"
password = { env = "RECONCILE_TEST_PASSWORD" }
baseDn = "dc=example,dc=com"
`,
  });
  for (const name of ['anna', 'ben', 'cleo', 'dora', 'emil', 'fay', 'gus']) {
    const address = `${name}@example.com`;
    ids.set(name, await office.person(address));
    staff.entries.set(address, [FOREIGN]);
  }
  await office.query('UPDATE escrowed_keys SET delivered_at = $1', [now]);
  for (const id of ids.values()) await publishPerson(office.world, id, [staff]);
});
afterAll(() => office.close());

const idOf = (name: string) => ids.get(name) ?? '';
const entryOf = (name: string) => staff.entries.get(`${name}@example.com`) ?? [];
const certificateOf = async (name: string) => {
  const [row] = await office.query(
    "SELECT serial_number, certificate FROM certificates WHERE person_id = $1 AND use = 'encryption'",
    [idOf(name)],
  );
  return row as { serial_number: string; certificate: Buffer };
};
const begin = (mend = true) => {
  now = new Date(now.getTime() + 1000);
  return perform(office.world, beginReconciliation, system, { target: 'staff', mend });
};
const goOn = () => reconcile(office.world, 'staff', [staff], 3);
const newest = async () => {
  const [row] = await office.world.database.snapshot((snapshot) => newestReconciliations(snapshot, 1));
  if (row === undefined) throw new Error('expected a comparison');
  const { people, checked, missing, extra, mended, not_found, refused, others, error, ended_at } = row;
  return { people, checked, missing, extra, mended, not_found, refused, others, error, ended: ended_at !== null };
};
const inLine = { missing: 0, extra: 0, mended: 0, not_found: 0, refused: 0, error: null, ended: true };
/** Ours is deleted from two entries, and stands again in that of somebody who left. */
const drift = async () => {
  for (const name of ['ben', 'fay']) staff.entries.set(`${name}@example.com`, [FOREIGN]);
  staff.entries.set('gus@example.com', [FOREIGN, (await certificateOf('gus')).certificate]);
};

describe('a comparison with the inventory', () => {
  it('finds nothing where nothing has drifted, and is begun by itself when it is due', async () => {
    await beginDueReconciliations(office.world);
    await goOn();
    expect(await newest()).toEqual({ ...inLine, people: 7, checked: 7, others: 7 });
    await beginDueReconciliations(office.world);
    expect(await newest()).toMatchObject({ ended: true });
    now = new Date(now.getTime() + 24 * 3_600_000);
    await beginDueReconciliations(office.world);
    expect(await newest()).toMatchObject({ ended: false, checked: 0 });
    await expect(begin()).rejects.toThrow(/already/);
    await goOn();
  });

  it('mends what somebody deleted and what was left standing, and leaves others’ values alone', async () => {
    await perform(office.world, removePerson, system, { id: idOf('gus') });
    await publishPerson(office.world, idOf('gus'), [staff]);
    await drift();
    await begin(false);
    await goOn();
    expect(await newest()).toEqual({ ...inLine, people: 7, checked: 7, others: 7, missing: 2, extra: 1 });
    expect(entryOf('ben')).toEqual([FOREIGN]);
    await begin();
    await goOn();
    expect(await newest()).toEqual({ ...inLine, people: 7, checked: 7, others: 7, missing: 2, extra: 1, mended: 3 });
    expect(entryOf('ben')).toEqual([FOREIGN, (await certificateOf('ben')).certificate]);
    expect(entryOf('gus')).toEqual([FOREIGN]);
    const records = await office.query(
      "SELECT details FROM audit_records WHERE action = 'publication.find-drift' ORDER BY sequence",
    );
    expect(JSON.stringify(records)).toContain((await certificateOf('ben')).serial_number);
  });

  it('killed in the middle of a page counts nothing twice and nothing never', async () => {
    await drift();
    await begin();
    let mended = 0;
    staff.before = (act) => {
      if (act !== 'mend') return;
      mended += 1;
      if (mended === 2) throw new Error('killed');
    };
    // As often as it takes: one page has one thing to mend, or several.
    for (let tries = 0; tries < 5; tries += 1) await goOn().catch(() => {});
    expect(mended).toBeGreaterThan(2);
    expect(await newest()).toEqual({ ...inLine, people: 7, checked: 7, others: 7, missing: 2, extra: 1, mended: 3 });
    staff.before = () => {};
  });

  it('waits where a target goes down, says why, and goes on there', async () => {
    await drift();
    await begin();
    let looked = 0;
    staff.before = () => {
      looked += 1;
      if (looked === 5) staff.isDown = true;
    };
    await expect(goOn()).rejects.toThrow('memory does not answer');
    expect(await newest()).toMatchObject({ ended: false, error: 'memory does not answer' });
    const { checked } = await newest();
    expect([3, 6]).toContain(checked);
    staff.isDown = false;
    staff.before = () => {};
    now = new Date(now.getTime() + 15_001);
    await goOn();
    expect(await newest()).toEqual({ ...inLine, people: 7, checked: 7, others: 7, missing: 2, extra: 1, mended: 3 });
  });

  it('does not put back what is withdrawn while it looks', async () => {
    const { serial_number, certificate } = await certificateOf('cleo');
    staff.entries.set('cleo@example.com', [FOREIGN]);
    await begin();
    let done = false;
    staff.before = async (act, holder) => {
      if (act !== 'mend' || done || holder.personId !== idOf('cleo')) return;
      done = true;
      now = new Date(now.getTime() + 1000);
      await perform(office.world, revokeCertificate, system, { serialNumber: serial_number, reason: 'keyCompromise' });
      await publishPerson(office.world, idOf('cleo'), [staff]);
    };
    await goOn();
    staff.before = () => {};
    expect(done).toBe(true);
    // The hand of the comparison came last; the one that it sets off is the last.
    expect(entryOf('cleo')).toContainEqual(certificate);
    const jobs = await office.query("SELECT data FROM jobs.job WHERE name = 'publish-person' ORDER BY created_on");
    expect(JSON.stringify(jobs.at(-1))).toContain(idOf('cleo'));
    await publishPerson(office.world, idOf('cleo'), [staff]);
    expect(entryOf('cleo')).toEqual([FOREIGN]);
  });
});

describe('who cannot be written to', () => {
  const report = (filter: Partial<UnreachableFilter> = {}) =>
    office.world.database.snapshot((snapshot) =>
      unreachable(snapshot, { targets: [{ name: 'staff', byRunbook: false }], limit: 100, offset: 0, ...filter }, now),
    );
  const reasons = async (filter: Partial<UnreachableFilter> = {}) =>
    (await report(filter)).rows.map(
      ({ address, target, reason }) => `${address.split('@')[0]} ${target ?? '*'} ${reason}`,
    );

  it('is said of each person, once for everywhere or for each target, with the reason', async () => {
    expect(await reasons()).toEqual(['cleo * revoked']);
    // Each reason, made to happen.
    await office.person('hal@example.com');
    await perform(office.world, holdCertificate, system, { serialNumber: (await certificateOf('dora')).serial_number });
    staff.entries.delete('emil@example.com');
    await begin();
    await goOn();
    const encryption = await office.world.database.snapshot((snapshot) => latestProfile(snapshot, 'encryption'));
    if (encryption === undefined) throw new Error('expected a profile');
    await perform(office.world, applyProfile, system, {
      id: 'encryption',
      document: { ...encryption.document, publication: 'nowhere' },
      expectedVersion: encryption.version,
    });
    ids.set('ida', await office.person('ida@example.com'));
    await office.query('UPDATE escrowed_keys SET delivered_at = $1 WHERE person_id = $2', [now, idOf('ida')]);
    await office.query(
      `INSERT INTO people (id, name, state, signing_key, gateway_decrypts, created_at)
       VALUES ('6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11', 'jo Example', 'active', 'device', false, $1)`,
      [now],
    );
    await office.query(
      `INSERT INTO person_addresses (key, address, person_id, is_primary)
       VALUES ('jo@example.com', 'jo@example.com', '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11', true)`,
    );
    expect(await reasons()).toEqual([
      'cleo * revoked',
      'dora * on-hold',
      'emil staff not-found',
      'hal * not-collected',
      'ida staff profile',
      'jo * no-key',
    ]);
    const { people, counts, total } = await report({ reason: 'not-found' });
    expect({ people, total }).toEqual({ people: 9, total: 1 });
    expect(counts).toContainEqual({ target: 'staff', reason: 'not-found', people: 1 });
    expect(counts).toContainEqual({ target: null, reason: 'no-key', people: 1 });
    expect(await reasons({ search: 'HAL@' })).toEqual(['hal * not-collected']);
    expect(await reasons({ limit: 2, offset: 4 })).toEqual(['ida staff profile', 'jo * no-key']);
  });

  it('is down, and is wanted elsewhere: each has its own reason, and time makes the last one', async () => {
    staff.isDown = true;
    await office.query("UPDATE publications SET state = 'pending' WHERE target = 'staff' AND serial_number = $1", [
      (await certificateOf('anna')).serial_number,
    ]);
    expect(await reasons({ search: 'anna' })).toEqual(['anna staff pending']);
    await expect(publishPerson(office.world, idOf('anna'), [staff])).rejects.toThrow('memory does not answer');
    expect(await reasons({ search: 'anna' })).toEqual(['anna staff down']);
    staff.isDown = false;
    now = new Date(now.getTime() + 10 * 366 * 86_400_000);
    expect(await reasons({ search: 'ben' })).toEqual(['ben * expired']);
  });
});
