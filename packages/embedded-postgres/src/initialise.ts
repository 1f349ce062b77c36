import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { diskFull, EmbeddedPostgresError, saysDiskFull } from './errors.ts';

/** The role that the application connects as, and the database that it owns. */
export const APPLICATION = 'chancery';

/** The major version that the binaries are of: the first line of PG_VERSION in a folder of theirs. */
const MAJOR_VERSION = '18';

/**
 * Makes the database in `data` unless there is one. It is made beside its place, written through to the disk and then renamed, so that what stands
 * in `data` is whole: what a crash left half done is made again, and no marker can get lost and take a database with it.
 */
export function initialise(
  data: string,
  account: Account,
  binaries: Binaries,
  env: NodeJS.ProcessEnv,
  sync: boolean,
): boolean {
  if (existsSync(data)) {
    checkVersion(data);
    return false;
  }
  sweep(data);
  // A name of its own: an initdb whose parent was killed may still be writing to the one before.
  const unfinished = `${data}${UNFINISHED}${randomBytes(4).toString('hex')}`;
  const run = (program: string, args: readonly string[], input = ''): void => {
    const [command, ...rest] = [...account.prefix, program, ...args];
    const folder = path.dirname(data);
    const result = spawnSync(command ?? program, rest, { ...account.ids, cwd: folder, env, input, encoding: 'utf8' });
    if (result.status === 0) return;
    sweep(data);
    const said = `${result.error?.message ?? ''}${result.stderr ?? ''}`.trim();
    if (saysDiskFull(said)) throw diskFull(folder);
    throw new EmbeddedPostgresError(
      'initialisation-failed',
      `The database in ${folder} could not be made: ${path.basename(program)} said: ${said}. Nothing was left behind.`,
    );
  };
  run(binaries.initdb, [
    ...['--pgdata', unfinished, '--username', 'postgres', '--auth', 'peer', '--encoding', 'UTF8'],
    ...['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--locale', 'C'],
    ...(sync ? [] : ['--no-sync']),
  ]);
  // In single-user mode, so that nobody ever needs to connect as the superuser.
  // Tests of a throwaway database try what roles with fewer rights may do.
  const rights = sync ? 'LOGIN' : 'LOGIN CREATEROLE';
  const statements = `CREATE ROLE ${APPLICATION} ${rights}\nCREATE DATABASE ${APPLICATION} OWNER ${APPLICATION}\n`;
  const single = ['--single', '-D', unfinished, '-c', 'exit_on_error=on', '-c', 'log_checkpoints=off'];
  run(binaries.postgres, [...single, ...(sync ? [] : ['-c', 'fsync=off']), 'postgres'], statements);
  renameSync(unfinished, data);
  const folder = openSync(path.dirname(data), 'r');
  fsyncSync(folder);
  closeSync(folder);
  return true;
}

const UNFINISHED = '.unfinished-';

function sweep(data: string): void {
  const folder = path.dirname(data);
  for (const name of readdirSync(folder)) {
    if (name.startsWith(path.basename(data) + UNFINISHED)) {
      rmSync(path.join(folder, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    }
  }
}

function checkVersion(data: string): void {
  const file = path.join(data, 'PG_VERSION');
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim() : 'none';
  if (version === MAJOR_VERSION) return;
  throw new EmbeddedPostgresError(
    'incompatible-version',
    `The database in ${data} is of PostgreSQL ${version}, and this Chancery brings ${MAJOR_VERSION}. Nothing was changed. ` +
      'Restore a backup into a new folder, or start the version of Chancery that made it.',
  );
}
