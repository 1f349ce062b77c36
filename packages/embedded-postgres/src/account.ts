/**
 * As whom PostgreSQL runs. It refuses to run as root, so root needs another account for it, and its folder must be
 * within that account's reach. The owner of an existing database decides; a new one takes the first way that works:
 *
 *   direct     a plain user: as that user.
 *   postgres   root, where there is a user `postgres` who can reach the folder and the binaries.
 *   namespace  root otherwise: in a user namespace that shows root as an ordinary user. The files stay root's, so a folder
 *              beneath /root (0700) works, and no account has to be made. Also for a plain user whose uid has no name.
 *   daemon     root in a container that forbids user namespaces.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { type Binaries, environment } from './binaries.ts';
import { EmbeddedPostgresError } from './errors.ts';

export interface Account {
  readonly description: string;
  /** Numeric ids to start the process with and to own its files; undefined means ours. */
  readonly ids: { uid: number; gid: number } | undefined;
  /** What to put before a command line. */
  readonly prefix: readonly string[];
  /** The name that PostgreSQL's peer authentication sees when this process connects. */
  readonly peer: string;
}

/** Chooses the account for the database in `directory` (which exists) and makes the folder that account's. */
export function chooseAccount(directory: string, binaries: Binaries, libraries: string): Account {
  const data = statSync(path.join(directory, 'pg'), { throwIfNoEntry: false });
  const users = userDatabase();
  const candidates = accounts(users);
  if (data) {
    const named = users.find((user) => user.uid === data.uid)?.name;
    if (named !== undefined) candidates.push(...accountOf(named, users));
    const owner = candidates.find((account) => (account.ids?.uid ?? effectiveUser()) === data.uid);
    if (owner) return owner;
    throw new EmbeddedPostgresError(
      'folder-not-writable',
      `The database in ${directory} belongs to user ${data.uid}, and this process runs as user ${effectiveUser()}. ` +
        'Nothing was changed. Start as that user, or give this user the folder (chown -R).',
    );
  }
  const failures: string[] = [];
  for (const account of candidates) {
    const failure = give(directory, account) ?? probe(account, directory, binaries, libraries);
    if (failure === undefined) return account;
    failures.push(`${account.description}: ${failure}`);
  }
  give(directory, OURSELVES);
  throw new EmbeddedPostgresError(
    'no-suitable-account',
    `PostgreSQL could not be run for ${directory} (${failures.join('; ')}). Start as a plain user with a name, ` +
      'choose a folder that such a user can reach, or set database.url to a PostgreSQL of yours.',
  );
}

/** Gives `file` to the account where it is not ours already. */
export function own(file: string, account: Account): void {
  const uid = account.ids?.uid ?? effectiveUser();
  if (effectiveUser() === 0 && statSync(file).uid !== uid) {
    chownSync(file, uid, account.ids?.gid ?? process.getegid?.() ?? 0);
  }
}

const OURSELVES: Account = { description: 'as this user', ids: undefined, prefix: [], peer: '' };

/** As `own`, but what went wrong comes back: a container's root may not be allowed to give files away. */
function give(file: string, account: Account): string | undefined {
  try {
    own(file, account);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function accounts(users: readonly User[]): Account[] {
  const mapped = namespaceUser(users);
  const namespace: Account[] = mapped
    ? [
        {
          description: 'in a user namespace',
          ids: undefined,
          prefix: ['unshare', '--user', `--map-user=${mapped.uid}`, '--'],
          peer: mapped.name,
        },
      ]
    : [];
  if (effectiveUser() === 0) return [...accountOf('postgres', users), ...namespace, ...accountOf('daemon', users)];
  const name = ourName(users);
  return name === undefined ? namespace : [{ description: `as ${name}`, ids: undefined, prefix: [], peer: name }];
}

/** Root as another user; nothing for anybody else, or where there is no such user. */
function accountOf(name: string, users: readonly User[]): Account[] {
  const user = users.find((candidate) => candidate.name === name);
  if (effectiveUser() !== 0 || !user || user.uid === 0) return [];
  const ids = { uid: user.uid, gid: user.gid };
  return [{ description: `as user ${name}`, ids, prefix: [], peer: ourName(users) ?? 'root' }];
}

/**
 * The name that this user has inside the namespace. Never `nobody`: 65534 is also how every unmapped user of the machine
 * appears there, so peer authentication could not tell them from us.
 */
function namespaceUser(users: readonly User[]): User | undefined {
  const named = users.filter((user) => user.uid !== 0 && user.uid !== OVERFLOW_UID);
  return named.find((user) => user.name === 'daemon') ?? named[0];
}

const OVERFLOW_UID = 65534;

/** Undefined when the account can write to the folder and run the binaries, else what went wrong. */
function probe(account: Account, directory: string, binaries: Binaries, libraries: string): string | undefined {
  const script = 'cd -- "$1" && [ -w . ] && exec "$2" --version';
  const [command, ...rest] = [...account.prefix, 'sh', '-c', script, 'sh', directory, binaries.postgres];
  const result = spawnSync(command ?? 'sh', rest, {
    ...account.ids,
    cwd: '/',
    env: environment(binaries, libraries),
    encoding: 'utf8',
  });
  if (result.status === 0) return undefined;
  return result.error?.message ?? (result.stderr.trim().split('\n').at(-1) || `ended with status ${result.status}`);
}

interface User {
  name: string;
  uid: number;
  gid: number;
}

function userDatabase(): User[] {
  if (!existsSync('/etc/passwd')) return [];
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

function ourName(users: readonly User[]): string | undefined {
  try {
    // Not only /etc/passwd: a user may come from LDAP or another directory.
    return userInfo().username;
  } catch {
    return users.find((user) => user.uid === effectiveUser())?.name;
  }
}

function effectiveUser(): number {
  return process.geteuid?.() ?? 0;
}
