/** Tokens of SoftHSM in a temporary folder, and a module in front of it through which a token is pulled and put back. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

function run(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}${error?.message ?? ''}`);
}
