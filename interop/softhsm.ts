/** Tokens of SoftHSM in a temporary folder, and a module in front of it through which a token is pulled and put back. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so';

export interface TestToken {
  readonly folder: string;
  readonly label: string;
  readonly pin: string;
  /** Where `openPkcs11KeyStore` may remember a refused PIN. */
  readonly refusalFile: string;
  remove(): void;
}

/** A fresh token. SoftHSM finds it through the environment of this process, which its children inherit. */
export function makeToken(label = 'chancery test'): TestToken {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-softhsm-'));
  mkdirSync(path.join(folder, 'tokens'));
  const configuration = path.join(folder, 'softhsm2.conf');
  writeFileSync(configuration, `directories.tokendir = ${path.join(folder, 'tokens')}\nlog.level = ERROR\n`);
  process.env.SOFTHSM2_CONF = configuration;
  const pin = '271828';
  run('softhsm2-util', ['--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', '31415926']);
  return {
    folder,
    label,
    pin,
    refusalFile: path.join(folder, 'pin-refused'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The token of `makeToken` behind a module of ours (`pullable-token.c`, compiled here). */
export interface PullableToken extends TestToken {
  readonly module: string;
  pull(): void;
  putBack(): void;
  /** From now on no signature comes back; false lets them go. */
  hang(yes: boolean): void;
  /** From now on the token does not say that it has AES-GCM. */
  hideGcm(): void;
  /** How often somebody tried to log in. */
  logins(): number;
}

export function makePullableToken(): PullableToken {
  const token = makeToken();
  const module = path.join(token.folder, 'pullable-token.so');
  const source = path.join(import.meta.dirname, 'pullable-token.c');
  run('gcc', ['-Wall', '-Werror', '-O1', '-shared', '-fPIC', '-o', module, source, '-ldl']);
  process.env.CHANCERY_TEST_MODULE = SOFTHSM;
  process.env.CHANCERY_TEST_FOLDER = token.folder;
  const wish = (name: string) => path.join(token.folder, name);
  return {
    ...token,
    module,
    pull() {
      writeFileSync(wish('pulled'), '');
      writeFileSync(wish('pulls'), String(Math.random()));
    },
    putBack: () => rmSync(wish('pulled'), { force: true }),
    hang: (yes) => (yes ? writeFileSync(wish('hang'), '') : rmSync(wish('hang'), { force: true })),
    hideGcm: () => writeFileSync(wish('no-gcm'), ''),
    logins: () => (existsSync(wish('logins')) ? readFileSync(wish('logins'), 'utf8').split('\n').length - 1 : 0),
  };
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}${error?.message ?? ''}`);
}
