import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../../test/escrow-office.ts';
import { parseAuthorityConfig } from '../../config.ts';
import { perform } from '../../operation.ts';
import { type Principal, system } from '../../principal.ts';
import { fulfilEnrollment } from '../../ra/enrollment.ts';
import { importPeople } from '../../ra/import.ts';
import { removePerson, returnPerson, suspendPerson } from '../../ra/offboarding.ts';
import { addPerson, changePerson } from '../../ra/onboarding.ts';
import { peoplePage, personDetail } from '../../ra/people.ts';
import { personByAddress } from '../../store/people.ts';
import type { World } from '../../world.ts';
import { catchUpSources, linkRecord, readmitPerson } from './catch-up.ts';
import { noteContact, type PresentedPerson, presentedKeys, presentPeople, withdrawPeople } from './present.ts';
import { presentGroups, withdrawGroups } from './present-groups.ts';

let office: EscrowOffice;
let now = new Date('2026-03-01T12:00:00Z');
/** Keys take their time: only where they are the matter. */
let issuing = false;
beforeAll(async () => {
  office = await escrowOffice({
    clock: () => now,
    handlers: {
      'fulfil-enrollment': async (world, { enrollmentId }) => {
        if (issuing) await fulfilEnrollment(world, enrollmentId);
      },
    },
  });
});
afterAll(() => office.close());
beforeEach(async () => {
  now = new Date(now.getTime() + 60_000);
  await office.query(`UPDATE people SET external_id = NULL`);
  // Each test has people of its own; sources start anew.
  await office.query(`DELETE FROM source_records WHERE source NOT IN ('hand', 'csv')`);
  await office.query('DELETE FROM source_groups');
});

const local: Principal = { kind: 'local', id: 'local', name: 'here' };
const scim = { name: 'okta', kind: 'scim' } as const;
const ldap = { name: 'hq', kind: 'ldap' } as const;
const under = (toml: string): World => ({ ...office.world, config: parseAuthorityConfig(toml, office.home) });
const person = (key: string, address: string | null, more: Partial<PresentedPerson> = {}): PresentedPerson => ({
  key,
  address,
  name: `${key} Example`,
  active: true,
  ...more,
});
const find = (address: string) => office.world.database.snapshot((snapshot) => personByAddress(snapshot, address));
const detail = (id: string) => office.world.database.snapshot((snapshot) => personDetail(office.world, snapshot, id));
const certificates = (id: string) =>
  office.query(
    `SELECT use, addresses, revocation_reason, escrowed_key_id FROM certificates WHERE person_id = $1 ORDER BY issued_at, use`,
    [id],
  );
const conflicts = async () =>
  (
    await office.query(
      `SELECT key, conflict->>'code' AS code, conflict->>'message' AS message FROM source_records WHERE conflict IS NOT NULL ORDER BY key`,
    )
  ).map(({ key, code, message }) => [key, code, message] as const);
const records = async () => Number((await office.query('SELECT count(*) FROM audit_records'))[0]?.count);

describe('one person from several sources', () => {
  it('joins once, is who the first source says, and has what only another knows', async () => {
    const ada = person('a1', 'ada@example.com', { name: 'Ada King', attributes: { department: 'Research' } });
    expect(await presentPeople(office.world, scim, [ada])).toMatchObject({ joined: 1, conflicts: 0 });
    const other = person('guid-1', 'ADA@example.com', {
      name: 'King, Ada',
      aliases: ['countess@example.com', 'not an address'],
      attributes: { department: 'R&D', title: 'Countess' },
    });
    expect(await presentPeople(office.world, ldap, [other])).toMatchObject({ joined: 0, changed: 1 });
    const row = await find('countess@example.com');
    expect(row).toMatchObject({
      name: 'Ada King',
      address: 'ada@example.com',
      aliases: ['countess@example.com'],
      attributes: { department: 'Research', title: 'Countess' },
    });
    expect((await detail(row?.id ?? '')).sources.map(({ source, active }) => [source, active])).toEqual([
      ['okta', true],
      ['hq', true],
    ]);

    // The same again leaves no record, and changes nothing.
    const before = await records();
    expect(await presentPeople(office.world, scim, [ada], { complete: true })).toMatchObject({ unchanged: 1 });
    expect(await presentPeople(office.world, ldap, [other])).toMatchObject({ unchanged: 1, changed: 0 });
    expect(await records()).toBe(before);
    expect(await presentedKeys(office.world, ldap)).toEqual(['guid-1']);

    // The configuration may hear another first: everybody is looked at anew, once.
    const reversed = under('[identity]\nprecedence = ["hq", "okta"]');
    await catchUpSources(reversed);
    expect(await find('ada@example.com')).toMatchObject({ name: 'King, Ada', attributes: { department: 'R&D' } });
    const settled = await records();
    await catchUpSources(reversed);
    expect(await records()).toBe(settled);
  });

  it('takes over whom a form or a file put in, and says where to change what it decides', async () => {
    const { id } = await perform(office.world, addPerson, system, {
      address: 'bob@example.com',
      name: 'Bob',
      aliases: ['b@example.com'],
      externalId: null,
      signingKey: 'gateway',
      gatewayDecrypts: false,
    });
    await presentPeople(office.world, scim, [person('b1', 'bob@example.com', { name: 'Bob Builder' })]);
    expect(await find('b@example.com')).toMatchObject({ id, name: 'Bob Builder', signing_key: 'gateway' });
    await expect(perform(office.world, changePerson, local, { id, name: 'Bobby' })).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringMatching(/okta.*\[identity\] precedence/),
    });
    // What no source knows is ours, and stays.
    await perform(office.world, changePerson, local, { id, name: 'Bob Builder', attributes: { country: 'GB' } });
    await presentPeople(office.world, scim, [person('b1', 'bob@example.com', { name: 'Robert Builder' })]);
    expect(await find('bob@example.com')).toMatchObject({ name: 'Robert Builder', attributes: { country: 'GB' } });
    const csv = 'address,name\nbob@example.com,Bob\n';
    await expect(perform(office.world, importPeople, local, { csv, dryRun: true })).rejects.toMatchObject({
      code: 'invalid-import',
      fields: [{ path: 'line 2', message: expect.stringContaining('comes from okta, which decides the name') }],
    });
  });

  it('knows who manages whom, whoever was presented first', async () => {
    await presentPeople(office.world, ldap, [person('m1', 'minion@example.com', { manager: 'm0' })]);
    const id = (await find('minion@example.com'))?.id ?? '';
    expect((await detail(id)).manager).toBeNull();
    await presentPeople(office.world, ldap, [person('m0', 'boss@example.com')]);
    expect((await detail(id)).manager).toMatchObject({ name: 'm0 Example', address: 'boss@example.com' });
  });
});

describe('two living people are never one', () => {
  it('of one source with one address: the second waits, and joins once the address is free', async () => {
    await presentPeople(office.world, scim, [person('c1', 'chris@example.com')]);
    expect(await presentPeople(office.world, scim, [person('c2', 'chris@example.com')])).toMatchObject({
      nobody: 1,
      conflicts: 1,
    });
    expect(await conflicts()).toEqual([['c2', 'address-taken', expect.stringContaining('presents as another person')]]);
    // The first moves away; whoever waited gets the address that nobody has any more.
    const moved = under('[identity.sources.okta]\nformerAddress = "drop"');
    await presentPeople(moved, scim, [person('c1', 'christine@example.com')]);
    expect(await conflicts()).toEqual([]);
    expect(await find('chris@example.com')).toMatchObject({ name: 'c2 Example' });
    expect(await find('christine@example.com')).toMatchObject({ name: 'c1 Example' });
  });

  it('of one address with two employee numbers: an administrator says that it is one', async () => {
    await presentPeople(office.world, scim, [person('d1', 'dora@example.com', { attributes: { employeeId: '7' } })]);
    await presentPeople(office.world, ldap, [
      person('guid-d', 'dora@example.com', { name: 'Dora', attributes: { employeeId: '8' } }),
    ]);
    expect(await conflicts()).toEqual([
      ['guid-d', 'perhaps-another', expect.stringMatching(/employee number 7, not 8.*link/)],
    ]);
    const [row] = await office.query(`SELECT id, person_id FROM source_records WHERE key = 'guid-d'`);
    expect(row?.person_id).toBeNull();
    const id = (await find('dora@example.com'))?.id ?? '';
    await perform(office.world, linkRecord, local, { recordId: String(row?.id), personId: id });
    expect(await conflicts()).toEqual([]);
    expect((await detail(id)).sources).toHaveLength(2);
  });

  it('nor is whoever has left the next to get the address', async () => {
    await presentPeople(office.world, ldap, [person('e1', 'erin@example.com', { name: 'Erin Old' })]);
    await withdrawPeople(office.world, ldap, ['e1']);
    expect(
      await presentPeople(office.world, ldap, [person('e2', 'erin@example.com', { name: 'Erin New' })]),
    ).toMatchObject({
      conflicts: 1,
    });
    expect((await conflicts())[0]?.[2]).toContain('whose keys stay in escrow under it');
    // Who comes back under another key and the same name is the same.
    expect(
      await presentPeople(office.world, ldap, [person('e3', 'erin@example.com', { name: 'Old, Erin' })]),
    ).toMatchObject({ cameBack: 1 });
  });

  it('an address that is another’s is not given twice; addresses may be exchanged', async () => {
    await presentPeople(office.world, ldap, [
      person('f1', 'f1@example.com', { aliases: ['shared@example.com'] }),
      person('f2', 'f2@example.com', { aliases: ['shared@example.com'] }),
    ]);
    expect((await conflicts()).map(([key, code]) => [key, code])).toEqual([['f2', 'alias-taken']]);
    expect(await find('shared@example.com')).toMatchObject({ name: 'f1 Example' });
    await presentPeople(office.world, ldap, [person('f2', 'f1@example.com', { aliases: [] })]);
    expect((await conflicts()).map(([key, code]) => [key, code])).toEqual([['f2', 'address-taken']]);
    expect(await find('f2@example.com')).toMatchObject({ name: 'f2 Example' });
    await presentPeople(office.world, ldap, [
      person('f1', 'f2@example.com', { aliases: [] }),
      person('f2', 'f1@example.com', { aliases: [] }),
    ]);
    expect(await conflicts()).toEqual([]);
    expect(await find('f1@example.com')).toMatchObject({ name: 'f2 Example' });
    expect(await find('f2@example.com')).toMatchObject({ name: 'f1 Example' });
  });

  it('an address that no certificate may have is said so', async () => {
    await presentPeople(office.world, scim, [person('g1', 'not an address')]);
    expect(await conflicts()).toEqual([['g1', 'unusable', expect.stringContaining('Correct it at okta')]]);
  });
});

describe('leaving and coming back', () => {
  const state = async (address: string) => (await find(address))?.state;

  it('is the deciding source’s to say; a slower one brings nobody back', async () => {
    await presentPeople(office.world, scim, [person('h1', 'hank@example.com')]);
    await presentPeople(office.world, ldap, [person('guid-h', 'hank@example.com', { name: 'h1 Example' })]);
    // What the second says of leaving does not count while the first presents him.
    await presentPeople(office.world, ldap, [person('guid-h', 'hank@example.com', { active: false })]);
    expect(await state('hank@example.com')).toBe('active');
    await presentPeople(office.world, ldap, [person('guid-h', 'hank@example.com')]);
    expect(
      await presentPeople(office.world, scim, [person('h1', 'hank@example.com', { active: false })]),
    ).toMatchObject({
      left: 1,
    });
    await withdrawPeople(office.world, scim, ['h1']);
    await presentPeople(office.world, ldap, [person('guid-h', 'hank@example.com', { name: 'Hank' })]);
    expect(await state('hank@example.com')).toBe('left');
    // Presented anew by the first, he is here again.
    expect(
      await presentPeople(office.world, scim, [person('h2', 'hank@example.com', { name: 'h1 Example' })]),
    ).toMatchObject({ cameBack: 1 });
    expect(await state('hank@example.com')).toBe('active');
  });

  it('follows when all sources have let go, and a file does not hold them', async () => {
    await perform(office.world, importPeople, local, { csv: 'address,name\nivy@example.com,Ivy\n', dryRun: false });
    await presentPeople(office.world, scim, [person('i1', 'ivy@example.com', { name: 'Ivy' })]);
    await presentPeople(office.world, ldap, [person('guid-i', 'ivy@example.com', { name: 'Ivy' })]);
    await withdrawPeople(office.world, scim, ['i1', 'never-there']);
    expect(await state('ivy@example.com')).toBe('active');
    expect(await presentPeople(office.world, ldap, [], { complete: true })).toMatchObject({ left: 1 });
    expect(await state('ivy@example.com')).toBe('left');
    expect(
      await presentPeople(office.world, ldap, [person('guid-i', 'ivy@example.com', { name: 'Ivy' })]),
    ).toMatchObject({
      cameBack: 1,
    });
  });

  it('by hand holds against every source, until somebody lets them back', async () => {
    await presentPeople(office.world, scim, [person('j1', 'jo@example.com')]);
    const id = (await find('jo@example.com'))?.id ?? '';
    await perform(office.world, removePerson, local, { id });
    await presentPeople(office.world, scim, [person('j1', 'jo@example.com', { name: 'Jo' })]);
    expect(await state('jo@example.com')).toBe('left');
    await perform(office.world, readmitPerson, local, { id });
    expect(await find('jo@example.com')).toMatchObject({ state: 'active', name: 'Jo' });
    await expect(perform(office.world, readmitPerson, local, { id })).rejects.toMatchObject({ code: 'wrong-state' });
  });
});

describe('switched off at a source that means by it that they may be back', () => {
  const maybe = (): World => under('[identity.sources.hq]\ndeactivated = "suspend"');
  const last = async () =>
    (
      await office.query(`SELECT details FROM audit_records WHERE outcome = 'succeeded' ORDER BY sequence DESC LIMIT 1`)
    )[0]?.details as Record<string, unknown>;
  beforeAll(async () => {
    await office.drain();
    issuing = true;
  });
  afterAll(() => {
    issuing = false;
  });
  const here = async (key: string) => {
    await presentPeople(maybe(), ldap, [person(key, `${key}@example.com`)]);
    await office.drain();
    now = new Date(now.getTime() + 60_000);
    return (await find(`${key}@example.com`))?.id ?? '';
  };
  const reasons = async (id: string) => (await certificates(id)).map((one) => one.revocation_reason);

  it('is a hold, and being back its release, with what has changed meanwhile', async () => {
    const id = await here('q1');
    expect(await presentPeople(maybe(), ldap, [person('q1', 'q1@example.com', { active: false })])).toMatchObject({
      suspended: 1,
      left: 0,
    });
    expect(await last()).toMatchObject({
      personId: id,
      became: 'suspended',
      why: 'deactivated',
      certificates: [expect.any(String)],
    });
    expect(await reasons(id)).toEqual(['certificateHold']);
    expect(await detail(id)).toMatchObject({
      state: 'suspended',
      suspendedBy: 'hq',
      coverage: { reason: expect.stringContaining('switched off at hq') },
    });
    expect(
      await presentPeople(maybe(), ldap, [person('q1', 'q1@example.com', { active: false, name: 'Q King' })]),
    ).toMatchObject({ changed: 1 });
    await office.drain();
    expect(await reasons(id)).toEqual(['certificateHold']);
    expect(await presentPeople(maybe(), ldap, [person('q1', 'q1@example.com', { name: 'Q King' })])).toMatchObject({
      returned: 1,
    });
    expect((await last()).became).toBe('returned');
    await office.drain();
    expect(await reasons(id)).toEqual([null, null]);
    expect(await find('q1@example.com')).toMatchObject({ state: 'active', name: 'Q King', suspended_by: null });
  });

  it('is for good once they are deleted there, out of its scope, or the rule is another', async () => {
    const gone = await here('q2');
    await presentPeople(maybe(), ldap, [person('q2', 'q2@example.com', { active: false })]);
    expect(await withdrawPeople(maybe(), ldap, ['q2'])).toMatchObject({ left: 1 });
    expect(await reasons(gone)).toEqual(['affiliationChanged']);
    const other = await here('q3');
    await presentPeople(maybe(), ldap, [person('q3', 'q3@example.com', { active: false })]);
    // The rule of before: whoever is switched off leaves.
    await catchUpSources(office.world);
    expect(await find('q3@example.com')).toMatchObject({ state: 'left', suspended_by: null });
    expect(await reasons(other)).toEqual(['affiliationChanged']);
    // And back: nobody comes back by being switched off.
    await catchUpSources(maybe());
    expect(await find('q3@example.com')).toMatchObject({ state: 'left' });
    expect(await presentPeople(maybe(), ldap, [person('q4', 'q4@example.com', { active: false })])).toMatchObject({
      nobody: 1,
    });
    expect(await presentPeople(office.world, scim, [person('q5', 'q5@example.com')])).toMatchObject({ joined: 1 });
    expect(await presentPeople(maybe(), scim, [person('q5', 'q5@example.com', { active: false })])).toMatchObject({
      left: 1,
    });
  });

  it('lets nobody return whom somebody in the office has suspended, before it or meanwhile', async () => {
    const id = await here('q6');
    await perform(office.world, suspendPerson, local, { id });
    await presentPeople(maybe(), ldap, [person('q6', 'q6@example.com', { active: false })]);
    await presentPeople(maybe(), ldap, [person('q6', 'q6@example.com')]);
    expect(await find('q6@example.com')).toMatchObject({ state: 'suspended', suspended_by: null });
    await perform(office.world, returnPerson, local, { id });
    await presentPeople(maybe(), ldap, [person('q6', 'q6@example.com', { active: false })]);
    expect(await find('q6@example.com')).toMatchObject({ state: 'suspended', suspended_by: 'hq' });
    await perform(office.world, suspendPerson, local, { id, note: 'under investigation' });
    expect(await last()).toMatchObject({ insteadOf: 'hq' });
    await expect(perform(office.world, suspendPerson, local, { id })).rejects.toMatchObject({ code: 'wrong-state' });
    await presentPeople(maybe(), ldap, [person('q6', 'q6@example.com')]);
    expect(await find('q6@example.com')).toMatchObject({ state: 'suspended' });
    expect(await reasons(id)).toEqual(['certificateHold']);
    await perform(office.world, returnPerson, local, { id });
    expect(await reasons(id)).toEqual([null]);
  });

  it('keeps a certificate that was on its way for when they are back', async () => {
    const id = await here('q7');
    // A new name: another certificate is ordered, and not made yet.
    await presentPeople(maybe(), ldap, [person('q7', 'q7@example.com', { name: 'Q Seven' })]);
    await presentPeople(maybe(), ldap, [person('q7', 'q7@example.com', { name: 'Q Seven', active: false })]);
    await office.drain();
    await presentPeople(maybe(), ldap, [person('q7', 'q7@example.com', { name: 'Q Seven' })]);
    await office.drain();
    const subjects = await office.query(
      `SELECT subject, revocation_reason AS why FROM certificates WHERE person_id = $1 ORDER BY issued_at`,
      [id],
    );
    expect(subjects).toMatchObject([{ why: null }, { subject: expect.stringContaining('Q Seven'), why: null }]);
  });
});

describe('a new primary address', () => {
  beforeAll(async () => {
    await office.drain();
    issuing = true;
  });
  afterAll(() => {
    issuing = false;
  });

  it('has certificates of its own for the key that was there, and the old one still leads to it', async () => {
    await presentPeople(office.world, scim, [person('k1', 'kim.old@example.com')]);
    await office.drain();
    const id = (await find('kim.old@example.com'))?.id ?? '';
    now = new Date(now.getTime() + 60_000);
    await presentPeople(office.world, scim, [person('k1', 'kim.new@example.com', { name: 'Kim New' })]);
    await office.drain();
    const [first, second] = await certificates(id);
    expect(second?.addresses).toEqual(['kim.new@example.com', 'kim.old@example.com']);
    expect(second?.escrowed_key_id).toBe(first?.escrowed_key_id);
    expect(first?.revocation_reason).toBeNull();
    // A second key for signing is the owner's to bring.
    expect(await office.query(`SELECT use FROM enrollments WHERE person_id = $1 AND state = 'waiting'`, [id])).toEqual([
      { use: 'signing' },
    ]);

    const dropping = under('[identity.sources.okta]\nformerAddress = "drop"');
    now = new Date(now.getTime() + 60_000);
    await presentPeople(dropping, scim, [person('k1', 'kim@example.com', { name: 'Kim New', aliases: [] })]);
    await office.drain();
    expect((await certificates(id)).map((one) => [one.addresses, one.revocation_reason])).toEqual([
      [['kim.old@example.com'], 'superseded'],
      [['kim.new@example.com', 'kim.old@example.com'], 'superseded'],
      [['kim@example.com'], null],
    ]);
    const found = await detail(id);
    expect(found.formerAddresses.map(({ address }) => address)).toEqual(['kim.new@example.com', 'kim.old@example.com']);
    expect(found.escrowedKeys).toHaveLength(1);
    // Whoever looks for the keys by the address of the old mail finds them, as for a recovery.
    const search = (text: string) =>
      office.world.database.snapshot((snapshot) => peoplePage(office.world, snapshot, { limit: 5, search: text }));
    expect((await search('kim.old@example.com')).items.map((one) => one.id)).toEqual([id]);
    // Also once somebody else has it.
    await presentPeople(office.world, scim, [person('k2', 'kim.old@example.com')]);
    expect((await search('kim.old@example.com')).items.map((one) => one.address).toSorted()).toEqual([
      'kim.old@example.com',
      'kim@example.com',
    ]);
  });

  it('by hand too', async () => {
    const id = await office.person('lee@example.com');
    now = new Date(now.getTime() + 60_000);
    await perform(office.world, changePerson, local, { id, address: 'lee.moved@example.com' });
    await office.drain();
    expect(await find('lee@example.com')).toMatchObject({ id, address: 'lee.moved@example.com' });
    expect((await certificates(id)).at(-1)?.addresses).toEqual(['lee.moved@example.com', 'lee@example.com']);
  });
});

describe('groups', () => {
  const group = (key: string, people: string[], groups: string[] = []) => ({
    key,
    name: key.toUpperCase(),
    members: [
      ...people.map((one) => ({ key: one, kind: 'person' as const })),
      ...groups.map((one) => ({ key: one, kind: 'group' as const })),
    ],
  });

  it('give by membership what the configuration says, through groups in groups and around in circles', async () => {
    const world = under(`
[[identity.groups]]
group = "executives"
signingKey = "gateway"
gatewayDecrypts = true
profiles = { encryption = "encryption-multipurpose" }
[[identity.groups]]
group = "g-staff"
signingKey = "device"`);
    await presentPeople(world, ldap, [person('n1', 'nell@example.com'), person('n2', 'noah@example.com')]);
    await presentGroups(world, ldap, [
      group('executives', [], ['board']),
      group('board', ['n1'], ['executives']),
      group('g-staff', ['n1', 'n2']),
    ]);
    expect(await find('nell@example.com')).toMatchObject({
      signing_key: 'gateway',
      gateway_decrypts: true,
      profiles: { encryption: 'encryption-multipurpose' },
    });
    expect(await find('noah@example.com')).toMatchObject({ signing_key: 'device', gateway_decrypts: false });
    const id = (await find('nell@example.com'))?.id ?? '';
    expect((await detail(id)).groups).toEqual([
      { source: 'hq', name: 'BOARD', direct: true },
      { source: 'hq', name: 'EXECUTIVES', direct: false },
      { source: 'hq', name: 'G-STAFF', direct: true },
    ]);
    const before = await records();
    await presentGroups(world, ldap, [group('g-staff', ['n2', 'n1'])]);
    expect(await records()).toBe(before);
    await withdrawGroups(world, ldap, ['board', 'never-there']);
    expect(await find('nell@example.com')).toMatchObject({
      signing_key: 'device',
      gateway_decrypts: false,
      profiles: {},
    });
  });

  it('say who is asked for at all', async () => {
    const world = under('[identity.sources.hq]\nonlyGroups = ["mail"]\nonlyDomains = ["EXAMPLE.com"]');
    const people = [person('p1', 'pat@example.com'), person('p2', 'paul@example.com'), person('p3', 'p@elsewhere.org')];
    expect(await presentPeople(world, ldap, people, { complete: true })).toMatchObject({ nobody: 3, conflicts: 0 });
    expect(await find('pat@example.com')).toBeUndefined();
    await presentGroups(world, ldap, [group('mail', ['p1', 'p3'])], { complete: true });
    expect(await find('pat@example.com')).toMatchObject({ state: 'active' });
    expect(await find('paul@example.com')).toBeUndefined();
    expect(await find('p@elsewhere.org')).toBeUndefined();
    const [record] = await office.query(`SELECT details FROM audit_records WHERE action = 'source.present-group'
      AND subject = 'source:hq:mail' ORDER BY sequence DESC LIMIT 1`);
    expect(record?.details).toMatchObject({ added: 2, joined: [(await find('pat@example.com'))?.id] });
    await presentGroups(world, ldap, [], { complete: true });
    expect(await find('pat@example.com')).toMatchObject({ state: 'left' });
  });
});

it('says when a source was reached last, and what was wrong', async () => {
  const source = { name: 'branch', kind: 'ldap' } as const;
  await noteContact(office.world, source, 'The directory does not answer');
  const before = await records();
  await noteContact(office.world, source, 'The directory does not answer');
  expect(await records()).toBe(before);
  await noteContact(office.world, source, null);
  expect(await office.query(`SELECT problem FROM sources WHERE name = 'branch'`)).toEqual([{ problem: null }]);
  await expect(noteContact(office.world, { name: 'branch', kind: 'scim' }, 'Nothing')).rejects.toMatchObject({
    code: 'conflict',
  });
});
