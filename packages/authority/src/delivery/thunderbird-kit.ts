/**
 * Thunderbird: an add-on for one person, which takes their keys in; policies for everyone. The add-on's own files are beside
 * this one. Policies cannot bring keys, nor a directory (Thunderbird refuses `ldap_2.` there): hence the add-on.
 */
import { readFileSync } from 'node:fs';
import type { NamedFile } from '../kra/recovered-files.ts';
import type { KitFacts, KitOwner } from './kit.ts';
import { certificateFiles, directoryUrl, textFile } from './kit-files.ts';

/** Of the add-on; whoever has keys adds `keys.json` and `keys/NAME.p12`. */
export function thunderbirdKit(facts: KitFacts, owner: KitOwner): NamedFile[] {
  const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64');
  const { directory } = facts.devices;
  const manifest = {
    manifest_version: 2,
    name: 'Your mail keys',
    description: `Sets up signing and encryption for ${owner.addresses[0]}, of ${facts.organisation}.`,
    version: versionAt(facts.now),
    author: facts.organisation,
    browser_specific_settings: { gecko: { id: `mail-keys@${hostOf(facts.publicUrl)}`, strict_min_version: '128.0' } },
    background: { scripts: ['background.js'] },
    experiment_apis: {
      mailKeys: {
        schema: 'schema.json',
        parent: { scopes: ['addon_parent'], paths: [['mailKeys']], script: 'experiment.js' },
      },
    },
  };
  const kit = {
    organisation: facts.organisation,
    addresses: owner.addresses,
    roots: facts.roots.map(base64),
    authorities: facts.authorities.map(base64),
    encryption: base64(owner.encryption[0] as Uint8Array),
    directory: directory === undefined ? null : { name: directory.name, url: directoryUrl(directory) },
    signByDefault: facts.devices.signByDefault,
  };
  return [
    json('manifest.json', manifest),
    json('kit.json', kit),
    ...ADD_ON.map((name) => ({ name, data: readFileSync(new URL(`thunderbird/${name}`, import.meta.url)) })),
  ];
}

/** `policies.json` and what it names, for the `distribution` folder or the system's management. */
export function thunderbirdForEveryone(facts: KitFacts): NamedFile[] {
  const roots = certificateFiles('certificates/root', facts.roots);
  const authorities = certificateFiles('certificates/authority', facts.authorities);
  const policies = {
    policies: {
      Certificates: { Install: roots.map(({ name }) => name.replace('certificates/', '')) },
      Preferences: {
        'mail.e2ee.auto_enable': { Value: facts.devices.encryptByDefault, Status: 'default' },
        'mail.e2ee.auto_disable': { Value: facts.devices.encryptByDefault, Status: 'default' },
      },
    },
  };
  return [json('policies.json', policies), ...roots, ...authorities, textFile('README.txt', readme(facts))];
}

const ADD_ON = ['background.js', 'experiment.js', 'schema.json', 'set-up.html', 'set-up.css', 'set-up.js'];

const json = (name: string, value: unknown): NamedFile => textFile(name, `${JSON.stringify(value, null, 2)}\n`);

const hostOf = (url: string): string => new URL(url).hostname.replace(/[^A-Za-z0-9.-]/g, '') || 'local';

/** A kit that is made later replaces the one before it. Parts of a version have no leading noughts. */
function versionAt(now: Date): string {
  const minutes = now.getUTCHours() * 60 + now.getUTCMinutes();
  return `${now.getUTCFullYear()}.${now.getUTCMonth() + 1}.${now.getUTCDate()}.${minutes}`;
}

const readme = ({ organisation, devices: { directory } }: KitFacts): string => `Thunderbird at ${organisation}

What it does: every Thunderbird trusts the authorities of ${organisation}. Nothing of any one person is in here.

Where it goes (https://support.mozilla.org/kb/thunderbird-policies and your system's management do the same):

  Windows   C:\\Program Files\\Mozilla Thunderbird\\distribution\\policies.json
            the files of certificates\\ into %APPDATA%\\Mozilla\\Certificates or
            C:\\Program Files\\Mozilla Thunderbird\\distribution\\Certificates
  macOS     /Applications/Thunderbird.app/Contents/Resources/distribution/policies.json
            the files of certificates/ into the folder Certificates beside it
  Linux     /etc/thunderbird/policies/policies.json, or distribution/ beside the program
            the files of certificates/ into /usr/lib/mozilla/certificates, or distribution/certificates

Thunderbird lets no policy bring a person's keys, or an address book. Each person's own kit does: on their page, or with
their claim link, they choose Thunderbird and open one file with it.
${
  directory === undefined
    ? ''
    : `
Whoever has no keys of their own, but writes to those who have, adds the address book by hand:
Address Book, New Address Book, Add LDAP Address Book: ${directory.name}, ${directory.host}, port ${directory.port},${directory.tls ? ' secure connection,' : ''}
base ${directory.baseDn}. Then Settings, Composition, Addressing: Directory server, ${directory.name}.
`
}`;
