import { describe, expect, it } from 'vitest';
import { DirectoryConfig } from './directory-config.ts';
import { dnKey, keyInFilter, keyOf, readPerson } from './read-entry.ts';

const base = { url: 'ldaps://dc.example.com', bindDn: 'cn=x', password: { env: 'X' }, baseDn: 'dc=example,dc=com' };
const ad = DirectoryConfig.parse({ ...base, kind: 'active-directory' });
const openldap = DirectoryConfig.parse({ ...base, kind: 'openldap' });
const AT = new Date('2026-06-01T00:00:00Z');
const read = (config: DirectoryConfig, entry: Record<string, string | string[]>, keys = new Map<string, string>()) =>
  readPerson(config, { dn: 'cn=x', ...entry }, 'key', keys, AT);

describe('an entry of Active Directory', () => {
  it('is told apart by its objectGUID, as its owners write it', () => {
    // MS-DTYP 2.3.4.2: the first three parts backwards.
    const octets = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    const guid = '33221100-5544-7766-8899-aabbccddeeff';
    expect(keyOf('active-directory', { dn: 'cn=x', objectGUID: octets })).toBe(guid);
    expect(keyInFilter('active-directory', guid)).toEqual(octets);
    expect(keyOf('active-directory', { dn: 'cn=x', objectGUID: [] })).toBeUndefined();
  });

  it('has its mail addresses and no others', () => {
    const proxyAddresses = [
      'smtp:a.becker@example.com',
      'SMTP:anna@example.com',
      'X500:/o=x',
      'SIP:anna@example.com',
      'smtp:ANNA@example.com',
    ];
    expect(read(ad, { mail: 'anna@example.com', proxyAddresses })).toMatchObject({
      address: 'anna@example.com',
      aliases: ['a.becker@example.com'],
    });
    expect(read(ad, { proxyAddresses })).toMatchObject({ address: 'anna@example.com' });
    expect(read(ad, {})).toMatchObject({ address: null, aliases: [] });
  });

  it('is switched off by its account control, or by the end of the account', () => {
    const active = (entry: Record<string, string>) => read(ad, entry).active;
    expect(active({ userAccountControl: '512' })).toBe(true);
    expect(active({ userAccountControl: '514' })).toBe(false);
    expect(active({ userAccountControl: '66050' })).toBe(false);
    for (const never of ['0', '9223372036854775807']) expect(active({ accountExpires: never })).toBe(true);
    // 2026-05-31 and 2026-06-02, in ticks since 1601.
    const ticks = (date: string) => ((BigInt(Date.parse(date)) + 11_644_473_600_000n) * 10_000n).toString();
    expect(active({ accountExpires: ticks('2026-05-31') })).toBe(false);
    expect(active({ accountExpires: ticks('2026-06-02') })).toBe(true);
  });

  it('says who its manager is, where that is somebody who is read too', () => {
    const keys = new Map([[dnKey('CN=Boss,DC=example,DC=com'), 'boss']]);
    expect(read(ad, { manager: 'cn=boss, dc=example,dc=com' }, keys).manager).toBe('boss');
    expect(read(ad, { manager: 'cn=other,dc=example,dc=com' }, keys).manager).toBeNull();
  });

  it('is read whatever the case of the names that the server writes', () => {
    expect(read(ad, { MAIL: 'anna@example.com', DisplayName: 'Anna', C: 'de' })).toMatchObject({
      name: 'Anna',
      address: 'anna@example.com',
      attributes: { country: 'DE' },
    });
  });
});

describe('an entry of OpenLDAP', () => {
  it('has the first of its addresses, and the others beside it', () => {
    const mail = ['anna@example.com', 'a.becker@example.com'];
    expect(read(openldap, { mail, cn: 'Anna Becker' })).toMatchObject({
      name: 'Anna Becker',
      address: 'anna@example.com',
      aliases: ['a.becker@example.com'],
    });
  });

  it('is switched off where it is locked for good, not for a while', () => {
    expect(read(openldap, { pwdAccountLockedTime: '000001010000Z' }).active).toBe(false);
    expect(read(openldap, { pwdAccountLockedTime: '20260101000000Z' }).active).toBe(true);
    expect(read(openldap, { nsAccountLock: 'TRUE' }).active).toBe(false);
    const own = DirectoryConfig.parse({ ...base, kind: 'openldap', inactive: { employeeType: ['left', 'suspended'] } });
    expect(read(own, { employeeType: ['staff', 'Left'] }).active).toBe(false);
    expect(read(own, { nsAccountLock: 'TRUE' }).active).toBe(true);
  });
});

describe('the configuration of a directory', () => {
  const problem = (change: object) =>
    DirectoryConfig.safeParse({ ...base, kind: 'openldap', ...change }).error?.issues[0]?.message;
  it('sends no password in the clear, and no filter that is none', () => {
    expect(problem({ url: 'ldap://ldap.example.com' })).toMatch(/in the clear/);
    expect(problem({ url: 'ldap://ldap.example.com', startTls: true })).toBeUndefined();
    expect(problem({ url: 'ldap://127.0.0.1:389' })).toBeUndefined();
    expect(problem({ startTls: true })).toMatch(/is for ldap:\/\//);
    expect(problem({ filter: '(mail=*' })).toMatch(/no filter/);
  });
  it('takes an attribute from another place, or leaves it out', () => {
    const { attributes } = DirectoryConfig.parse({
      ...base,
      kind: 'active-directory',
      attributes: { address: 'extensionAttribute1', aliases: '' },
    });
    expect(attributes).toMatchObject({ address: 'extensionAttribute1', aliases: '', surname: 'sn' });
  });
});
