import { describe, expect, it } from 'vitest';
import { DevicesConfig } from './devices-config.ts';
import type { KitFacts } from './kit.ts';
import { directoryUrl } from './kit-files.ts';
import { outlookForEveryone, outlookKit } from './outlook-kit.ts';
import { thunderbirdForEveryone, thunderbirdKit } from './thunderbird-kit.ts';

const hostile = '"; Remove-Item C:\\ -Recurse #\'`$(calc)\n</script>';
const facts: KitFacts = {
  organisation: hostile,
  publicUrl: 'https://pki.example.com',
  roots: [Buffer.from('root')],
  authorities: [Buffer.from('issuing')],
  devices: DevicesConfig.parse({ directory: { host: 'ldap.example.com', baseDn: 'ou=people, dc=example' } }),
  now: new Date('2026-03-01T00:05:00Z'),
};
const owner = {
  addresses: ['dora@example.com', 'd@example.com'],
  encryption: [Buffer.from('new'), Buffer.from('old')],
};
const textOf = (files: readonly { name: string; data: Uint8Array }[], name: string): string =>
  Buffer.from(files.find((one) => one.name === name)?.data ?? []).toString('utf8');

describe('the Thunderbird kit', () => {
  it('is an add-on that knows its person, their newest key and the directory, and holds no key', () => {
    const files = thunderbirdKit(facts, owner);
    const manifest = JSON.parse(textOf(files, 'manifest.json'));
    expect(manifest).toMatchObject({
      manifest_version: 2,
      version: '2026.3.1.5',
      author: hostile,
      browser_specific_settings: { gecko: { id: 'mail-keys@pki.example.com' } },
    });
    for (const name of [manifest.experiment_apis.mailKeys.parent.script, 'set-up.html', 'set-up.js', 'background.js'])
      expect(textOf(files, name).length).toBeGreaterThan(100);
    expect(JSON.parse(textOf(files, 'kit.json'))).toEqual({
      organisation: hostile,
      addresses: owner.addresses,
      roots: [Buffer.from('root').toString('base64')],
      authorities: [Buffer.from('issuing').toString('base64')],
      encryption: Buffer.from('new').toString('base64'),
      directory: {
        name: 'Colleagues',
        url: 'ldaps://ldap.example.com:636/ou%3Dpeople%2C%20dc%3Dexample??sub?(objectclass=*)',
      },
      signByDefault: true,
    });
    expect(files.some(({ name }) => name.startsWith('keys'))).toBe(false);
    // A page of ours says nothing of anybody's: what it shows comes as text.
    expect(textOf(files, 'set-up.html') + textOf(files, 'set-up.js')).not.toContain('innerHTML');
  });

  it('for everyone has policies that Thunderbird takes: no preference of a kind that it refuses', () => {
    const files = thunderbirdForEveryone(facts);
    const { policies } = JSON.parse(textOf(files, 'policies.json'));
    expect(policies.Certificates).toEqual({ Install: ['root-1.cer'] });
    expect(textOf(files, 'certificates/root-1.cer')).toBe('root');
    for (const name of Object.keys(policies.Preferences)) expect(name).toMatch(/^(mail|mailnews|network)\./);
    expect(textOf(files, 'README.txt')).toContain('ldap.example.com, port 636');
  });
});

describe('the Outlook kit', () => {
  it('signs with SHA-256, by a registry file of a form that Windows reads', () => {
    const text = textOf(outlookForEveryone(facts), 'outlook-policies.reg');
    const [head, gap, key, ...values] = text.split('\r\n').filter((_, n, all) => n < all.length - 1);
    expect([head, gap]).toEqual(['Windows Registry Editor Version 5.00', '']);
    expect(key).toBe('[HKEY_CURRENT_USER\\Software\\Policies\\Microsoft\\Office\\16.0\\Outlook\\Security]');
    expect(values).toEqual([
      '"UseAlternateDefaultHashAlg"=dword:00000001',
      '"DefaultHashOID"="2.16.840.1.101.3.4.2.1"',
      '"AlwaysSign"=dword:00000001',
      '"ClearSign"=dword:00000001',
      '"AlwaysEncrypt"=dword:00000000',
    ]);
  });

  it('has nothing in its scripts that anybody may name', () => {
    const scripts = [...outlookKit(facts), ...outlookForEveryone(facts)].filter(({ name }) =>
      /\.(ps1|reg)$/.test(name),
    );
    expect(scripts.map(({ name }) => name)).toEqual(['set-up.ps1', 'outlook-policies.reg', 'trust-authorities.ps1']);
    for (const { data } of scripts) {
      const text = Buffer.from(data).toString('utf8');
      expect(text).not.toContain('calc');
      expect(text).not.toContain('ldap.example.com');
      // ASCII: Windows PowerShell reads anything else by the code page of the machine.
      expect(text).toMatch(/^[\x20-\x7e\r\n]*$/);
    }
  });
});

it('an address of a directory keeps its base apart from its filter', () => {
  const url = directoryUrl({ host: 'h', port: 389, tls: false, baseDn: 'o=a?b,c=d e' });
  expect(url).toBe('ldap://h:389/o%3Da%3Fb%2Cc%3Dd%20e??sub?(objectclass=*)');
});
