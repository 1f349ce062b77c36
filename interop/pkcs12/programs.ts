/** Programs that read and write PKCS#12, each behind the same two questions: can it open this, and what does it write? */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import type { PeerName } from '../peers.ts';
import { run } from '../run-program.ts';

/** The password of every file here. */
export const password = 'correct horse 7';

/** What a program found in a file: its private keys, by whatever way it hands them out. */
type Opened = { readonly keys: readonly KeyObject[] } | { readonly refused: string };

export interface Program {
  readonly title: string;
  readonly needs: readonly PeerName[];
  /** What the program calls its version. */
  version(): string;
  /** Opens a file of ours. Programs that hand out no key show by another way that they have it, or give none. */
  open(der: Uint8Array, password: string): Opened;
  /** True where `open` cannot hand out the key itself. */
  readonly mute?: true;
}

/** A folder that lasts until `dispose`. */
export class Scratch {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'p12-'));
  #count = 0;
  /** A path where nothing is yet. */
  fresh(ending = ''): string {
    this.#count += 1;
    return path.join(this.folder, `${this.#count}${ending}`);
  }
  file(content: string | Uint8Array, ending = ''): string {
    const name = this.fresh(ending);
    writeFileSync(name, content);
    return name;
  }
  freshFolder(): string {
    const name = this.fresh();
    mkdirSync(name, { mode: 0o700 });
    return name;
  }
  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const thunderbirdLibraries = 'LD_LIBRARY_PATH=/usr/lib/thunderbird';

export function programs(scratch: Scratch): Record<string, Program> {
  return {
    openssl: {
      title: 'OpenSSL',
      needs: ['openssl'],
      version: () => run('openssl', ['version']).text.split(' ')[1] ?? '',
      open: (der, secret) => {
        const args = ['pkcs12', '-in', scratch.file(der), '-passin', `pass:${secret}`, '-nodes'];
        const { code, text } = run('openssl', args);
        return code === 0 ? { keys: keysIn(text) } : { refused: text };
      },
    },
    opensslInNode: {
      title: 'OpenSSL in Node.js',
      needs: [],
      version: () => process.versions.openssl,
      mute: true,
      open: (der, secret) => {
        try {
          createSecureContext({ pfx: Buffer.from(der), passphrase: secret });
          return { keys: [] };
        } catch (error) {
          return { refused: (error as Error).message };
        }
      },
    },
    nss: nss(scratch, 'NSS', ['nss'], [], systemNss),
    nssOfThunderbird: nss(
      scratch,
      'NSS of Thunderbird',
      ['nss', 'thunderbird'],
      [thunderbirdLibraries],
      () => '/usr/lib/thunderbird/libnss3.so',
    ),
    java: {
      title: 'Java keytool',
      needs: ['java'],
      version: () => /"([^"]*)"/.exec(run('java', ['-version']).text)?.[1] ?? '',
      open: (der, secret) => {
        const out = scratch.fresh('.p12');
        const { code, text } = keytool([
          ...['-importkeystore', '-srckeystore', scratch.file(der), '-srcstoretype', 'PKCS12', '-srcstorepass', secret],
          ...['-destkeystore', out, '-deststoretype', 'PKCS12', '-deststorepass', password],
        ]);
        return code === 0 ? { keys: keysOfFile(out) } : { refused: text };
      },
    },
    gnutls: {
      title: 'GnuTLS certtool',
      needs: ['gnutls'],
      version: () => /[0-9][0-9.]+/.exec(run('certtool', ['--version']).text)?.[0] ?? '',
      open: (der, secret) => {
        const args = ['--p12-info', '--inder', '--infile', scratch.file(der), '--password', secret];
        const { code, text } = run('certtool', args);
        return code === 0 ? { keys: keysIn(text) } : { refused: text };
      },
    },
    gpgsm: {
      title: 'GnuPG gpgsm',
      needs: ['gpgsm'],
      version: () => /[0-9][0-9.]+/.exec(run('gpgsm', ['--version']).text)?.[0] ?? '',
      open: (der, secret) => {
        const home = gpgHome(scratch);
        try {
          const imported = gpgsm(home, secret, '--import', scratch.file(der));
          const fingerprint = secretKeyOf(home);
          if (fingerprint === undefined) return { refused: imported.text };
          const out = scratch.fresh('.p12');
          gpgsm(home, password, '--export-secret-key-p12', '-o', out, fingerprint);
          return { keys: keysOfFile(out) };
        } finally {
          run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
        }
      },
    },
  };
}

/** @param environment what goes before the command: other libraries than the system's */
function nss(
  scratch: Scratch,
  title: string,
  needs: readonly PeerName[],
  environment: readonly string[],
  library: () => string,
): Program {
  return {
    title,
    needs,
    version: () => /Version: NSS ([0-9.]+)/.exec(readFileSync(library(), 'latin1'))?.[1] ?? '',
    open: (der, secret) => {
      const database = nssDatabase(scratch, environment);
      const { code, text } = run('env', [
        ...environment,
        ...['pk12util', '-i', scratch.file(der), '-d', database, '-W', secret],
      ]);
      if (code !== 0) return { refused: text };
      const out = scratch.fresh('.p12');
      run('env', [...environment, 'pk12util', '-o', out, '-n', 'Anna', '-d', database, '-W', password]);
      return { keys: keysOfFile(out) };
    },
  };
}

const systemNss = (): string => run('sh', ['-c', "ldconfig -p | sed -n 's/.*libnss3.so .*=> //p'"]).text.trim();

export function nssDatabase(scratch: Scratch, environment: readonly string[]): string {
  const database = `sql:${scratch.freshFolder()}`;
  run('env', [...environment, 'certutil', '-N', '-d', database, '--empty-password']);
  return database;
}

export const keytool = (args: readonly string[]) => run('keytool', ['-J-Duser.language=en', ...QUICK_START, ...args]);
/** A call lasts a second, most of it the start of the virtual machine. */
const QUICK_START = ['-J-XX:TieredStopAtLevel=1', '-J-XX:+UseSerialGC'];

export function gpgHome(scratch: Scratch): string {
  const home = scratch.freshFolder();
  writeFileSync(path.join(home, 'gpg-agent.conf'), 'allow-loopback-pinentry\n');
  return home;
}

export const gpgsm = (home: string, secret: string, ...args: readonly string[]) =>
  run(
    'gpgsm',
    ['--homedir', home, '--batch', '--yes', '--pinentry-mode', 'loopback', '--passphrase-fd', '0', ...args],
    `${secret}\n`,
  );

export function secretKeyOf(home: string): string | undefined {
  const listed = run('gpgsm', ['--homedir', home, '--batch', '-K', '--with-colons']).text;
  return /^fpr:+([0-9A-F]+):/m.exec(listed)?.[1];
}

/** The private keys among PEM blocks, also those that are still encrypted. */
function keysIn(text: string): KeyObject[] {
  const blocks = text.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g) ?? [];
  return blocks.map((pem) => createPrivateKey({ key: pem, passphrase: password }));
}

/** The private keys of a file that the program wrote out again, by OpenSSL: not by our own reader, which is on trial. */
function keysOfFile(file: string): KeyObject[] {
  const { code, text } = run('openssl', [
    ...['pkcs12', '-legacy', '-in', file, '-passin', `pass:${password}`, '-nodes', '-nocerts'],
  ]);
  return code === 0 ? keysIn(text) : [];
}
