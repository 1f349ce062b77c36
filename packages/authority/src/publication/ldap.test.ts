import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LoopbackDirectory } from '../../test/loopback-directory.ts';
import { type LdapTarget, PublicationConfig } from '../publication-config.ts';
import { ldapTarget } from './ldap.ts';
import type { Holder, OwnCertificate } from './target.ts';

const BASE = 'dc=example,dc=com';
const ANNA = `cn=Anna,${BASE}`;
let directory: LoopbackDirectory;
beforeAll(async () => {
  process.env.LDAP_TEST_PASSWORD = 'of a directory of the tests';
  directory = await LoopbackDirectory.open(process.env.LDAP_TEST_PASSWORD);
});
afterAll(() => directory.close());
beforeEach(() => {
  directory.entries.clear();
  directory.mostValues = Number.POSITIVE_INFINITY;
});

const values = (count: number) => Array.from({ length: count }, () => randomBytes(40));
/** Newest first, as a holder has them. */
const [newest, middle, oldest] = ['c3', 'b2', 'a1'].map(
  (serialNumber): OwnCertificate => ({
    serialNumber,
    use: 'encryption',
    der: Buffer.concat([Buffer.from('ours '), randomBytes(40)]),
    addresses: ['anna@example.com'],
    issuers: [],
  }),
) as [OwnCertificate, OwnCertificate, OwnCertificate];
const all = [newest, middle, oldest];
const holder = (wanted: readonly OwnCertificate[], more: Partial<Holder> = {}): Holder => ({
  personId: '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11',
  addresses: ['anna@example.com'],
  own: all,
  wanted: new Set(wanted.map(({ serialNumber }) => serialNumber)),
  entry: null,
  ...more,
});

/** Active Directory is written to over TLS; here it is enough that the settings are its. */
function target(kind: LdapTarget['kind']) {
  const { staff } = PublicationConfig.parse({
    ldap: {
      staff: { url: directory.url, bindDn: 'cn=chancery', password: { env: 'LDAP_TEST_PASSWORD' }, baseDn: BASE },
    },
  }).ldap;
  if (staff === undefined) throw new Error('expected a target');
  return ldapTarget('staff', { ...staff, kind }, '/nowhere');
}
const mend = async (kind: LdapTarget['kind'], one: Holder) => (await target(kind).attend([one], 'mend'))[0];

describe('Active Directory, of whose values Entra carries fifteen', () => {
  const others = values(16);
  const add = (count: number, own: readonly OwnCertificate[] = []) =>
    directory.add(ANNA, {
      objectCategory: ['person'],
      mail: ['anna@example.com'],
      userCertificate: [...others.slice(0, count), ...own.map(({ der }) => der)],
    });
  const stands = () => directory.values(ANNA, 'userCertificate');
  beforeEach(() => {
    directory.mostValues = 15;
  });

  it('gets the newest of ours where others’ values leave room for some, and says which have none', async () => {
    add(13);
    const sight = await mend('active-directory', holder(all));
    expect(sight).toMatchObject({
      missing: ['c3', 'b2'],
      dropped: ['a1'],
      others: 13,
      problem: {
        kind: 'no-room',
        detail: 'of the 15 values that the entry may hold, those of others leave room for 2',
      },
    });
    expect(stands()).toEqual([...others.slice(0, 13), newest.der, middle.der]);
    // Looked at again, it is as it can be: nothing is written.
    const { changes } = directory;
    expect(await mend('active-directory', holder(all))).toMatchObject({ missing: [], extra: [], dropped: ['a1'] });
    expect(directory.changes).toBe(changes);
  });

  it('is full of ours: the newest takes the place of the oldest in one change, which is within the limit', async () => {
    add(13, [middle, oldest]);
    expect(await mend('active-directory', holder(all))).toMatchObject({ missing: ['c3'], extra: ['a1'] });
    expect(stands()).toEqual([...others.slice(0, 13), middle.der, newest.der]);
  });

  it('is full of others’ values: none of ours is written, and not one of theirs touched', async () => {
    add(15);
    const { changes } = directory;
    expect(await mend('active-directory', holder(all))).toMatchObject({
      missing: [],
      dropped: ['c3', 'b2', 'a1'],
      problem: { kind: 'no-room', detail: expect.stringContaining('leave room for 0') },
    });
    expect(stands()).toEqual(others.slice(0, 15));
    expect(directory.changes).toBe(changes);
  });

  it('finds whoever has the address as another of theirs, by its own name for the entry', async () => {
    directory.add(ANNA, {
      objectCategory: ['person'],
      mail: ['a.becker@example.com'],
      proxyAddresses: ['SMTP:a.becker@example.com', 'smtp:anna@example.com'],
    });
    const sight = await mend('active-directory', holder([newest]));
    expect(sight?.entry).toEqual({
      id: directory.values(ANNA, 'objectGUID')[0]?.toString('hex'),
      place: ANNA,
    });
    expect(stands()).toEqual([newest.der]);
  });
});

describe('two entries with one address', () => {
  const TWIN = `cn=Anna Twin,${BASE}`;
  const attribute = 'userCertificate;binary';
  beforeEach(() => {
    for (const dn of [ANNA, TWIN]) directory.add(dn, { mail: ['anna@example.com'] });
  });

  it('get nothing, and it is said', async () => {
    const sight = await mend('ldap', holder([newest]));
    expect(sight).toMatchObject({
      entry: null,
      missing: [],
      problem: { kind: 'ambiguous', detail: `more than one entry under ${BASE} matches anna@example.com` },
    });
    for (const dn of [ANNA, TWIN]) expect(directory.values(dn, attribute)).toEqual([]);
  });

  it('keep what stands in the one that was ours: which of them is whose is not for us to say', async () => {
    const entry = directory.values(ANNA, 'entryUUID')[0]?.toString() ?? '';
    directory.entries.get(ANNA)?.set(attribute.toLowerCase(), [oldest.der]);
    const sight = await mend('ldap', holder([newest], { entry }));
    expect(sight?.problem?.kind).toBe('ambiguous');
    expect(directory.values(ANNA, attribute)).toEqual([oldest.der]);
    expect(directory.values(TWIN, attribute)).toEqual([]);
  });

  it('are one again once the other is gone', async () => {
    directory.entries.delete(TWIN);
    expect(await mend('ldap', holder([newest]))).toMatchObject({ problem: null, missing: ['c3'] });
    expect(directory.values(ANNA, attribute)).toEqual([newest.der]);
  });
});

describe('an address that another has now', () => {
  it('takes our values out of the entry that had it, and leaves the others’ there', async () => {
    const [foreign = Buffer.alloc(0)] = values(1);
    const attribute = 'userCertificate;binary';
    const old = directory.add(ANNA, { mail: ['gone@example.com'], [attribute]: [foreign, newest.der] });
    const NEW = `cn=Anna Anew,${BASE}`;
    directory.add(NEW, { mail: ['anna@example.com'] });
    const entry = old.get('entryuuid')?.[0]?.toString() ?? '';
    expect(await mend('ldap', holder([newest], { entry }))).toMatchObject({ missing: ['c3'], extra: ['c3'] });
    expect(directory.values(ANNA, attribute)).toEqual([foreign]);
    expect(directory.values(NEW, attribute)).toEqual([newest.der]);
  });
});

describe('another hand in the same entry', () => {
  const attribute = 'userCertificate;binary';
  const once = (act: () => void) => {
    directory.beforeChange = () => {
      directory.beforeChange = () => {};
      act();
    };
  };

  it('that has put in what was to be put in is no refusal: it is looked at once more', async () => {
    directory.add(ANNA, { mail: ['anna@example.com'], [attribute]: [oldest.der] });
    once(() => directory.entries.get(ANNA)?.set(attribute.toLowerCase(), [oldest.der, newest.der]));
    expect(await mend('ldap', holder([newest]))).toMatchObject({ problem: null, missing: [], extra: ['a1'] });
    expect(directory.values(ANNA, attribute)).toEqual([newest.der]);
  });

  it('that has taken out what was to be taken out is none either', async () => {
    directory.add(ANNA, { mail: ['anna@example.com'], [attribute]: [oldest.der] });
    once(() => directory.entries.get(ANNA)?.set(attribute.toLowerCase(), []));
    expect(await mend('ldap', holder([newest]))).toMatchObject({ problem: null, missing: ['c3'], extra: [] });
    expect(directory.values(ANNA, attribute)).toEqual([newest.der]);
  });
});
