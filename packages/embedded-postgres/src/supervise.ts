import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type Account, chooseAccount, own } from './account.ts';
import { environment, linkLibraries, locateBinaries } from './binaries.ts';
import { diskFull, EmbeddedPostgresError, explainFileError, saysDiskFull } from './errors.ts';
import { type Guardian, lockFolder } from './guardian.ts';
import { heal } from './heal.ts';
import { APPLICATION, initialise } from './initialise.ts';
import { parentOf } from './processes.ts';
import { type Layout, serverArguments } from './settings.ts';

/** What node-postgres needs to connect; nothing of it comes from PG* variables of the environment. */
export interface EmbeddedConnection {
  /** The folder of the unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly ssl: false;
}

export interface EmbeddedPostgres {
  readonly connection: EmbeddedConnection;
  /** Ends every session, writes everything and stops. May be called again. */
  stop(): Promise<void>;
  /** Calls `listener` once if the database goes away without `stop`. */
  onExit(listener: (error: EmbeddedPostgresError) => void): void;
}

export interface EmbeddedPostgresOptions {
  /** The folder that holds the database: made if missing, for this database alone. */
  directory: string;
  /** Receives a sentence about each thing out of the ordinary: a database made, leftovers healed. */
  log?: (message: string) => void;
}

/**
 * Starts the PostgreSQL that npm brought, on `directory`, and returns once it answers. Its only door is a unix socket that this user alone may use.
 * It stops when this process ends, even by `kill -9`. Throws `EmbeddedPostgresError`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  return supervise(options.directory, { throwaway: false, discard: false, log: options.log ?? (() => undefined) });
}

/** As `startEmbeddedPostgres`; a `throwaway` database does not survive a power loss, and to `discard` is to remove its folder when it stops. */
export async function supervise(
  folder: string,
  { throwaway, discard, log }: { throwaway: boolean; discard: boolean; log: (message: string) => void },
): Promise<EmbeddedPostgres> {
  const binaries = locateBinaries();
  const { directory, libraries } = prepareFolder(folder, binaries);
  const account = explained(directory, () => chooseAccount(directory, binaries, libraries));
  const layout = layoutOf(directory);
  const logFile = path.join(directory, 'postgres.log');
  const env = environment(binaries, libraries);
  const command = [binaries.postgres, ...serverArguments(layout, throwaway)];
  explained(directory, () => {
    // A throwaway folder is removed by that account: everything in it must be its own.
    own(libraries, account);
    touch(path.join(directory, 'lock'), account);
  });
  const guardian = await lockFolder({ directory, account, command, env, logFile, discard, log });
  try {
    explained(directory, () => {
      if (initialise(layout.data, account, binaries, env, !throwaway)) log(`made a new database in ${directory}`);
      prepareSocket(layout.socket, account);
      writeAuthentication(layout, account);
      rotate(logFile);
      touch(logFile, account);
    });
    await heal(layout.data, layout.socket, guardian.pid, log);
    const connection = {
      host: layout.socket,
      port: PORT,
      user: APPLICATION,
      database: APPLICATION,
      ssl: false,
    } as const;
    await launch(guardian, layout, logFile);
    await answer(connection, logFile);
    return running(guardian, connection, directory, logFile);
  } catch (error) {
    await guardian.stop();
    throw explainFileError(error, directory);
  }
}

/** Only a part of the socket's name: there is no TCP port. */
const PORT = 5432;
/** Long enough for recovery from the largest log that the settings allow. */
const START_MS = 120_000;
/** sockaddr_un holds 108 octets with the terminating zero. */
const SOCKET_PATH_LIMIT = 107;
const LOG_LIMIT = 5 * 1024 * 1024;

function prepareFolder(
  folder: string,
  binaries: ReturnType<typeof locateBinaries>,
): { directory: string; libraries: string } {
  return explained(path.resolve(folder), () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const directory = realpathSync(folder);
    const libraries = path.join(directory, 'lib');
    linkLibraries(binaries, libraries);
    return { directory, libraries };
  });
}

function layoutOf(directory: string): Layout {
  const near = path.join(directory, 'socket');
  const name = `chancery-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
  const fits = (folder: string): boolean =>
    Buffer.byteLength(path.join(folder, `.s.PGSQL.${PORT}.lock`)) <= SOCKET_PATH_LIMIT;
  const socket = [near, path.join(tmpdir(), name)].find(fits) ?? path.join('/tmp', name);
  return {
    data: path.join(directory, 'pg'),
    socket,
    hba: path.join(directory, 'pg_hba.conf'),
    ident: path.join(directory, 'pg_ident.conf'),
  };
}

/** Outside our folder the name may have been taken by somebody else, who could then listen in. */
function prepareSocket(socket: string, account: Account): void {
  mkdirSync(socket, { recursive: true, mode: 0o700 });
  const found = lstatSync(socket);
  const owners = [process.geteuid?.(), account.ids?.uid];
  if (!found.isDirectory() || !owners.includes(found.uid) || (found.mode & 0o077) !== 0) {
    throw new EmbeddedPostgresError(
      'folder-not-writable',
      `The folder ${socket}, where the database's socket belongs, is somebody else's or open to others. Nothing was changed. ` +
        'Remove it, or choose a data folder with a shorter path.',
    );
  }
  own(socket, account);
}

/** Written at every start: who we are to PostgreSQL can change with the way it is run. */
function writeAuthentication(layout: Layout, account: Account): void {
  const quoted = `"${account.peer.replaceAll('"', '""')}"`;
  const write = (file: string, text: string): void => {
    writeFileSync(file, text, { mode: 0o600 });
    own(file, account);
  };
  write(layout.hba, `local ${APPLICATION} ${APPLICATION} peer map=process\n`);
  write(layout.ident, `process ${quoted} ${APPLICATION}\n`);
}

function touch(file: string, account: Account): void {
  writeFileSync(file, '', { flag: 'a', mode: 0o600 });
  own(file, account);
}

function rotate(logFile: string): void {
  if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT) renameSync(logFile, `${logFile}.1`);
}

/** Returns when PostgreSQL says in postmaster.pid that it is ready. */
async function launch(guardian: Guardian, layout: Layout, logFile: string): Promise<void> {
  const pidFile = path.join(layout.data, 'postmaster.pid');
  const from = statSync(logFile).size;
  guardian.launch();
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(5)) {
    if (guardian.hasExited()) throw failedStart(layout.data, logFile, from);
    // The eighth line is the state. A killed PostgreSQL left the file saying `ready` too: only our guardian's child counts.
    const lines = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').split('\n') : [];
    if (lines[7]?.trim() === 'ready' && parentOf(Number(lines[0])) === guardian.pid) return;
  }
  throw failedStart(layout.data, logFile, from);
}

/** Proves that the door opens: a database that nobody can connect to is not running. */
async function answer(connection: EmbeddedConnection, logFile: string): Promise<void> {
  const client = new Client(connection);
  try {
    await client.connect();
    await client.query('SELECT 1');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddedPostgresError(
      'start-failed',
      `PostgreSQL runs but does not let us in: ${reason}. Its log is ${logFile}.`,
      { cause },
    );
  } finally {
    await client.end();
  }
}

function failedStart(data: string, logFile: string, from: number): EmbeddedPostgresError {
  const said = readFileSync(logFile, 'utf8').slice(from).trim().split('\n').slice(-8).join('\n');
  if (saysDiskFull(said)) return diskFull(path.dirname(data));
  return new EmbeddedPostgresError(
    'start-failed',
    `PostgreSQL did not start on ${data}. The end of its log, ${logFile}:\n${said}`,
  );
}

function running(
  guardian: Guardian,
  connection: EmbeddedConnection,
  directory: string,
  logFile: string,
): EmbeddedPostgres {
  let stopping: Promise<void> | undefined;
  guardian.unref();
  return {
    connection,
    stop() {
      stopping ??= guardian.stop().then(() => {
        if (!connection.host.startsWith(`${directory}${path.sep}`))
          rmSync(connection.host, { recursive: true, force: true });
      });
      return stopping;
    },
    onExit(listener) {
      void guardian.exited.then(() => {
        if (stopping) return;
        listener(
          new EmbeddedPostgresError(
            'stopped-unexpectedly',
            `The database in ${directory} stopped. What was committed is safe. Its log is ${logFile}.`,
          ),
        );
      });
    },
  };
}

function explained<T>(directory: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw explainFileError(error, directory);
  }
}
