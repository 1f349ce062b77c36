/** GnuPG's gpgsm, with its agent, in a home of its own. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '../run-program.ts';
import { cmsSession, type Refused } from './cms-peer.ts';
import type { Peer, Session } from './peer.ts';
import { mailPassword, type People, pkcs12Password } from './people.ts';
import { isOther, type Who } from './rows.ts';

export const gpgsm: Peer = {
  title: 'gpgsm',
  needs: ['gpgsm'],
  version: () => /[0-9][0-9.]+/.exec(run('gpgsm', ['--version']).text)?.[0] ?? '',
  open: async (people) => session(people),
};

function session(people: People): Session {
  // Short: the agent's socket is in it, and a socket's path may have 107 octets.
  const home = mkdtempSync(path.join(tmpdir(), 'gpg-'));
  const at = (name: string): string => path.join(people.folder, name);
  const callWith = (secret: string, ...args: string[]) =>
    run(
      'gpgsm',
      ['--homedir', home, '--batch', '--yes', '--pinentry-mode', 'loopback', '--passphrase-fd', '0', ...args],
      `${secret}\n`,
    );
  const call = (...args: string[]) => callWith(pkcs12Password, ...args);
  const fingerprint = (who: Who | 'root'): string => {
    const der = who === 'root' ? people.root.certificate.der : people.person(who).certificate.der;
    return createHash('sha1').update(der).digest('hex').toUpperCase();
  };
  const out = at('gpgsm.out');
  const result = ({ code, text }: { code: number | null; text: string }): Buffer | Refused =>
    code === 0 ? readFileSync(out) : { says: reason(text) };
  const given = (name: string, content: Buffer): string => {
    writeFileSync(at(name), content);
    return at(name);
  };

  writeFileSync(path.join(home, 'gpgsm.conf'), 'disable-crl-checks\ndisable-dirmngr\n');
  writeFileSync(path.join(home, 'gpg-agent.conf'), 'allow-loopback-pinentry\n');
  writeFileSync(path.join(home, 'trustlist.txt'), `${fingerprint('root')} S relax\n`);
  call('--import', at('root.pem'), at('issuing.pem'), ...curves.map(([who]) => at(`${who}.pem`)));
  call('--import', at('rsa.compat.p12'));
  // Its PKCS#12 reader takes no elliptic curves: the agent is given the key as it keeps keys itself.
  for (const [who, curve] of curves) {
    const listed = call('--with-keygrip', '--with-colons', '-k', `0x${fingerprint(who)}`).text;
    const keygrip = /^grp:+([0-9A-F]{40}):/m.exec(listed)?.[1];
    writeFileSync(path.join(home, 'private-keys-v1.d', `${keygrip}.key`), agentKey(people, who, curve));
  }

  return cmsSession(
    {
      verify: async (object, content) => {
        const verified = content
          ? call('--verify', given('gpgsm.in', object), given('gpgsm.content', content))
          : call('-o', out, '--verify', given('gpgsm.in', object));
        if (verified.code === 0 && content) return content;
        return result(verified);
      },
      decrypt: async (row, object) => {
        // It has the keys of everybody: who is meant is for it to find.
        const secret = row.to.every((one) => one.by === 'password') ? mailPassword : pkcs12Password;
        return result(callWith(secret, '-o', out, '--decrypt', given('gpgsm.in', object)));
      },
      sign: async (row, content) => {
        const [first] = row.signers;
        if (!first || row.signers.length > 1 || first.padding === 'pss' || first.who === 'pss') return undefined;
        const form = row.form === 'clear' ? '--detach-sign' : '--sign';
        const who = `0x${fingerprint(first.who)}`;
        return result(call('-o', out, '-u', who, '--digest-algo', first.hash, form, given('gpgsm.in', content)));
      },
      encrypt: async (row, content) => {
        const recipients = row.to.flatMap((one) =>
          'who' in one && one.by !== 'oaep' ? ['-r', `0x${fingerprint(one.who)}`] : [],
        );
        if (recipients.length < 2 * row.to.length || row.cipher.endsWith('gcm')) return undefined;
        if (row.to.some((one) => 'named' in one || ('who' in one && isOther(one.who)))) return undefined;
        const aes = row.cipher.replace('-cbc', '').replace('-', '').toUpperCase();
        const cipher = row.cipher === 'des-ede3-cbc' ? '3DES' : aes;
        return result(call('-o', out, ...recipients, '--cipher-algo', cipher, '--encrypt', given('gpgsm.in', content)));
      },
    },
    async () => {
      run('gpgconf', ['--homedir', home, '--kill', 'all']);
      rmSync(home, { recursive: true, force: true });
    },
  );
}

const curves = [
  ['p256', 'NIST P-256'],
  ['p384', 'NIST P-384'],
  ['p521', 'NIST P-521'],
] as const satisfies [Who, string][];

/** A private key as gpg-agent keeps it in a file: a canonical S-expression, without protection. */
function agentKey(people: People, who: Who, curve: string): Buffer {
  const { x = '', y = '', d = '' } = people.person(who).key.export({ format: 'jwk' });
  const [px, py, secret] = [x, y, d].map((value) => Buffer.from(value, 'base64url')) as [Buffer, Buffer, Buffer];
  // A number, and so with a zero before a high bit.
  const number = (secret[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), secret]) : secret;
  const atom = (value: string | Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${Buffer.byteLength(value)}:`), Buffer.from(value)]);
  const list = (...parts: Buffer[]): Buffer => Buffer.concat([Buffer.from('('), ...parts, Buffer.from(')')]);
  return list(
    atom('private-key'),
    list(
      atom('ecc'),
      list(atom('curve'), atom(curve)),
      list(atom('q'), atom(Buffer.concat([Buffer.of(4), px, py]))),
      list(atom('d'), atom(number)),
    ),
  );
}

/** Its last complaint that is not the general one. */
function reason(text: string): string {
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith('gpgsm: '))
    .map((line) => line.slice(7).replaceAll(/key [0-9A-F]{40}|'0x[0-9A-F]+'/g, 'the key'))
    .filter((line) => !/^(CRLs not checked|Signature made|encrypted to|\s|DBG)/.test(line));
  return lines.join('; ');
}
