/** NSS by its cmsutil: the system's, and with the libraries that Thunderbird brings. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../run-program.ts';
import { cmsSession, type Refused } from './cms-peer.ts';
import type { Peer, Session } from './peer.ts';
import { type People, pkcs12Password } from './people.ts';
import { type EncryptRow, isOther, type Who } from './rows.ts';

export const nss: Peer = {
  title: 'NSS',
  needs: ['nss'],
  version: () => versionIn(run('sh', ['-c', "ldconfig -p | sed -n 's/.*libnss3.so .*=> //p'"]).text.trim()),
  open: async (people) => session(people, []),
};

export const nssOfThunderbird: Peer = {
  title: 'NSS of Thunderbird',
  needs: ['nss', 'thunderbird'],
  version: () => versionIn('/usr/lib/thunderbird/libnss3.so'),
  open: async (people) => session(people, ['LD_LIBRARY_PATH=/usr/lib/thunderbird']),
};

const versionIn = (library: string): string =>
  /Version: NSS ([0-9.]+)/.exec(readFileSync(library, 'latin1'))?.[1] ?? '';

/** @param environment other libraries than the system's */
function session(people: People, environment: readonly string[]): Session {
  const at = (name: string): string => path.join(people.folder, name);
  const call = (...args: string[]) => run('env', [...environment, ...args]);
  const database = `sql:${mkdtempSync(at('nss-'))}`;
  call('certutil', '-N', '-d', database, '--empty-password');
  call('certutil', '-A', '-d', database, '-n', 'root', '-t', 'CT,C,C', '-i', at('root.pem'));
  call('certutil', '-A', '-d', database, '-n', 'issuing', '-t', ',,', '-i', at('issuing.pem'));
  const cannot = new Map<Who, string>();
  for (const who of holders) {
    const { code, text } = call('pk12util', '-i', at(`${who}.p12`), '-d', database, '-W', pkcs12Password);
    if (code !== 0) cannot.set(who, reason(text));
  }
  const out = at('nss.out');
  const result = ({ code, text }: { code: number | null; text: string }): Buffer | Refused =>
    code === 0 ? readFileSync(out) : { says: reason(text) };
  const given = (name: string, content: Buffer): string => {
    writeFileSync(at(name), content);
    return at(name);
  };
  const without = (who: readonly Who[]): Refused | undefined => {
    const says = who.map((one) => cannot.get(one)).find((one) => one !== undefined);
    return says === undefined ? undefined : { says };
  };

  return cmsSession({
    verify: async (object, content) => {
      const detached = content ? ['-c', given('nss.content', content)] : [];
      const args = ['-D', '-d', database, '-i', given('nss.in', object), ...detached];
      const { text } = call('cmsutil', ...args, '-h', '0');
      const states = [...text.matchAll(/signer\d+\.status=(\w+)/g)].map(([, state]) => state);
      const wrong = states.find((state) => state !== 'GoodSignature');
      if (states.length === 0 || wrong !== undefined) return { says: wrong ?? reason(text) };
      return result(call('cmsutil', ...args, '-o', out));
    },
    decrypt: async (row, object) =>
      without(holdersOf(row)) ??
      result(call('cmsutil', '-D', '-d', database, '-i', given('nss.in', object), '-o', out)),
    sign: async (row, content) => {
      const [first] = row.signers;
      if (!first || row.signers.length > 1 || first.padding === 'pss') return undefined;
      const args = ['-S', '-d', database, '-N', first.who, '-H', first.hash.toUpperCase(), '-G', '-o', out];
      const detached = row.form === 'clear' ? ['-T'] : [];
      return without([first.who]) ?? result(call('cmsutil', ...args, ...detached, '-i', given('nss.in', content)));
    },
    encrypt: async (row, content) => {
      if (!isItsChoice(row) || holdersOf(row).some(isOther)) return undefined;
      const recipients = holdersOf(row).join(',');
      return result(call('cmsutil', '-E', '-d', database, '-r', recipients, '-i', given('nss.in', content), '-o', out));
    },
  });
}

const holders: readonly Who[] = ['rsa', 'pss', 'p256', 'p384', 'p521', 'ed25519', 'ed448', 'x25519', 'x448'];

const holdersOf = (row: EncryptRow): Who[] => row.to.flatMap((one) => ('who' in one ? [one.who] : []));

/** It cannot be asked for an algorithm: AES-128 and SHA-256, or where a P-384 key is among the recipients AES-256 and SHA-384. */
function isItsChoice(row: EncryptRow): boolean {
  const strong = row.to.some((one) => 'who' in one && one.who === 'p384');
  return (
    row.cipher === (strong ? 'aes-256-cbc' : 'aes-128-cbc') &&
    row.to.every((one) => {
      if (one.by === 'ecdh') return one.who.startsWith('p') && one.hash === (strong ? 'sha384' : 'sha256');
      return one.by === 'pkcs1' && !one.named;
    })
  );
}

/** `SEC_ERROR_…`, where it says so. */
function reason(text: string): string {
  return /SEC?_ERROR_\w+/.exec(text)?.[0] ?? text.trim().split('\n').at(-1) ?? '';
}
