/** What programs write when asked for PKCS#12 in their various ways. */
import { readFileSync } from 'node:fs';
import { oids } from '@chancery/smime';
import { bag, pfx, plainSafe } from '../../packages/smime/test/forge-pkcs12.ts';
import type { PeerName } from '../peers.ts';
import { run } from '../run-program.ts';
import {
  gpgHome,
  gpgsm,
  keytool,
  nssDatabase,
  password,
  type Scratch,
  secretKeyOf,
  thunderbirdLibraries,
} from './programs.ts';

/** A key and its certificate, as files. */
export interface Material {
  readonly kind: 'RSA' | 'P-256';
  /** PKCS#8, certificate and the CA's certificate, PEM. */
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
  /** All three in a PKCS#12 of the profile `compat` under `password`, for programs that only convert. */
  readonly bundle: string;
}

export interface Writer {
  readonly program: string;
  /** How it was asked. */
  readonly options: string;
  readonly needs: readonly PeerName[];
  /** If not `password`. */
  readonly password?: string;
  /** What the engine says of it, where it does not read it: part of the sentence of `unsupported`. */
  readonly unsupported?: string;
  /** Keys that the program writes no such file for. */
  readonly only?: Material['kind'];
  /** True where the file is to hold a key without its certificate. */
  readonly keyAlone?: true;
  write(material: Material, scratch: Scratch): Buffer;
}

export const writers: readonly Writer[] = [
  openssl('as it comes'),
  openssl('-legacy'),
  openssl('-keypbe aes-128-cbc -certpbe aes-192-cbc'),
  openssl('-keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-RC2-128 -legacy'),
  openssl('-keypbe NONE -certpbe NONE'),
  openssl('-macalg sha512-256'),
  openssl('-macalg sha3-384'),
  openssl('-nomac'),
  openssl('-CSP Microsoft -LMK'),
  openssl('no password', { password: '' }),
  openssl('no password -legacy', { password: '' }),
  openssl('password Größe €', { password: 'Größe €' }),
  openssl('password Größe € -legacy', { password: 'Größe €' }),
  openssl('-keypbe PBE-SHA1-RC4-128 -legacy', { unsupported: '1.2.840.113549.1.12.1.1' }),
  openssl('-keypbe PBE-MD5-DES -legacy', { unsupported: '1.2.840.113549.1.5.3' }),
  openssl('-keypbe des-cbc -legacy', { unsupported: '1.3.14.3.2.7' }),
  openssl('-keypbe camellia-256-cbc', { unsupported: '1.2.392.200011.61.1.1.1.4' }),
  {
    program: 'openssl',
    options: 'a bag around pkcs8 -topk8 -scrypt',
    needs: ['openssl'],
    keyAlone: true,
    write: (material, scratch) => {
      const out = scratch.fresh();
      done(
        run('openssl', [
          'pkcs8',
          '-topk8',
          '-scrypt',
          '-in',
          material.key,
          '-outform',
          'DER',
          '-out',
          out,
          '-passout',
          `pass:${password}`,
        ]),
      );
      return pfx(plainSafe(bag(oids.shroudedKeyBag, readFileSync(out))));
    },
  },
  nss('nss', 'as it comes', []),
  nss('nss', 'PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-cbc', []),
  nss('nss', 'PKCS #12 V2 PBE With SHA-1 And 40 Bit RC2 CBC', []),
  nss('nssOfThunderbird', 'as it comes', [thunderbirdLibraries]),
  java('as it comes'),
  java('-Dkeystore.pkcs12.legacy'),
  java(
    '-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithHmacSHA512AndAES_128 -Dkeystore.pkcs12.macAlgorithm=HmacPBESHA512/256',
  ),
  java('-Dkeystore.pkcs12.certProtectionAlgorithm=NONE -Dkeystore.pkcs12.macAlgorithm=NONE'),
  gnutls('as it comes'),
  gnutls('--pkcs-cipher 3des-pkcs12'),
  gnutls('--pkcs-cipher rc2-40'),
  gnutls('--pkcs-cipher 3des'),
  gnutls('--pkcs-cipher aes-128'),
  gnutls('--pkcs-cipher aes-192'),
  gnutls('--pkcs-cipher arcfour', '1.2.840.113549.1.12.1.1'),
  {
    program: 'gpgsm',
    options: '--export-secret-key-p12',
    needs: ['gpgsm'],
    only: 'RSA',
    write: (material, scratch) => {
      const home = gpgHome(scratch);
      const out = scratch.fresh();
      try {
        gpgsm(home, password, '--import', material.bundle);
        done(gpgsm(home, password, '--export-secret-key-p12', '-o', out, secretKeyOf(home) ?? 'none'));
        return readFileSync(out);
      } finally {
        run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
      }
    },
  },
];

function openssl(options: string, more: Pick<Writer, 'password' | 'unsupported'> = {}): Writer {
  return {
    program: 'openssl',
    options,
    needs: ['openssl'],
    ...more,
    write: (material, scratch) => {
      const out = scratch.fresh();
      done(
        run('openssl', [
          ...['pkcs12', '-export', '-inkey', material.key, '-in', material.certificate, '-certfile', material.ca],
          ...['-name', 'Anna', '-passout', `pass:${more.password ?? password}`, '-out', out],
          ...options.split(' ').filter((word, at, words) => word.startsWith('-') || words[at - 1]?.startsWith('-')),
        ]),
      );
      return readFileSync(out);
    },
  };
}

function nss(program: string, options: string, environment: readonly string[]): Writer {
  return {
    program,
    options: options === 'as it comes' ? options : `-c "${options}" -C "${options}"`,
    needs: environment.length > 0 ? ['nss', 'thunderbird'] : ['nss'],
    write: (material, scratch) => {
      const database = nssDatabase(scratch, environment);
      const out = scratch.fresh();
      const ciphers = options === 'as it comes' ? [] : ['-c', options, '-C', options];
      const pk12util = (...args: string[]) =>
        run('env', [...environment, 'pk12util', '-d', database, '-W', password, ...args]);
      done(pk12util('-i', material.bundle));
      done(pk12util('-o', out, '-n', 'Anna', ...ciphers));
      return readFileSync(out);
    },
  };
}

function java(options: string): Writer {
  return {
    program: 'java',
    options,
    needs: ['java'],
    write: (material, scratch) => {
      const out = scratch.fresh();
      done(
        keytool([
          ...options.split(' ').flatMap((word) => (word.startsWith('-D') ? [`-J${word}`] : [])),
          ...['-importkeystore', '-srckeystore', material.bundle, '-srcstoretype', 'PKCS12', '-srcstorepass', password],
          ...['-destkeystore', out, '-deststoretype', 'PKCS12', '-deststorepass', password],
        ]),
      );
      return readFileSync(out);
    },
  };
}

function gnutls(options: string, unsupported?: string): Writer {
  return {
    program: 'gnutls',
    options,
    needs: ['gnutls'],
    ...(unsupported !== undefined && { unsupported }),
    write: (material, scratch) => {
      const out = scratch.fresh();
      done(
        run('certtool', [
          ...['--to-p12', '--outder', '--load-privkey', material.key, '--load-certificate', material.certificate],
          ...['--load-ca-certificate', material.ca, '--p12-name', 'Anna', '--password', password, '--outfile', out],
          ...(options.startsWith('--') ? options.split(' ') : []),
        ]),
      );
      return readFileSync(out);
    },
  };
}

function done({ code, text }: { code: number | null; text: string }): void {
  if (code !== 0) throw new Error(`the program ended with ${code}: ${text}`);
}
