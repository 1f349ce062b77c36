/**
 * The shell that stands between this process and PostgreSQL. It holds the folder's lock for as long as the database runs, and stops
 * the database when this process goes away, however it goes: the kernel closes the pipe between the two even after `kill -9`.
 * A shell, because it costs 1 MB where a second Node would cost 40.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Writable } from 'node:stream';
import type { Account } from './account.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { startTime } from './processes.ts';

export interface Guardian {
  readonly pid: number;
  /** Starts PostgreSQL with the command line that the guardian was made with. */
  launch(): void;
  /** Stops PostgreSQL (fast shutdown), then ends. Resolves when both are gone. */
  stop(): Promise<void>;
  /** Resolves when the guardian, and with it PostgreSQL, is gone. */
  readonly exited: Promise<void>;
  hasExited(): boolean;
  /** Lets this process end although the guardian runs. */
  unref(): void;
}

export interface GuardianOptions {
  readonly directory: string;
  readonly account: Account;
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Remove the folder once the database has stopped. */
  readonly discard: boolean;
  readonly log: (message: string) => void;
}

/**
 * Takes the folder's lock and returns its guardian. A lock whose holder was killed is waited for: its guardian is just stopping the database.
 * Throws `already-running` where the holder lives.
 */
export async function lockFolder(options: GuardianOptions): Promise<Guardian> {
  const lockFile = path.join(options.directory, 'lock');
  const deadline = Date.now() + TAKE_OVER_MS;
  for (let said = false; ; ) {
    const guardian = await tryLock(options, lockFile);
    if (guardian) {
      writeFileSync(lockFile, `${process.pid} ${startTime(process.pid)}\n`);
      return guardian;
    }
    const holder = readHolder(lockFile);
    if (holder?.alive || Date.now() > deadline) throw alreadyRunning(options.directory, holder);
    if (!said) options.log('an earlier process was killed: waiting for its database to stop');
    said = true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A killed process's database stops in well under a second unless it has much to write. */
const TAKE_OVER_MS = 30_000;
/** A shutdown that takes longer is forced; PostgreSQL then recovers from its log at the next start. */
const STOP_MS = 20_000;

// Descriptor 3: the pipe from our process. 9: the lock, which only the guardian holds, not PostgreSQL.
// The signal is repeated because a shell starts its background jobs with SIGINT ignored: one sent before PostgreSQL listens is lost.
const SCRIPT = `
lock=$1 log=$2 discard=$3; shift 3; umask 077
exec 9>>"$lock" || exit 73
flock -n 9 || exit $?
echo locked
status=0
if read -r word <&3; then
  "$@" 3<&- 9>&- >>"$log" 2>&1 &
  database=$!
  ( exec 9>&-; cat <&3 >/dev/null; while kill -INT "$database" 2>/dev/null; do sleep 1; done ) &
  watcher=$!
  wait "$database"; status=$?
  kill "$watcher" 2>/dev/null
fi
[ -z "$discard" ] || rm -rf -- "$discard"
exit "$status"
`;

function tryLock(options: GuardianOptions, lockFile: string): Promise<Guardian | undefined> {
  const { account } = options;
  const [command, ...rest] = [
    ...account.prefix,
    ...['sh', '-c', SCRIPT, 'chancery-postgres', lockFile, options.logFile, options.discard ? options.directory : ''],
    ...options.command,
  ];
  const child = spawn(command ?? 'sh', rest, {
    ...account.ids,
    cwd: options.directory,
    env: options.env,
    // Its own session: Ctrl-C in the terminal is for us, and we stop the database when we are done with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once('error', (cause) => reject(unusable(`${command} cannot be run: ${cause.message}`)));
    child.once('close', (status) => {
      // flock ends with 1 where the lock is held.
      if (status === 1 && errors === '') resolve(undefined);
      else reject(unusable(`the guardian ended with status ${status}: ${errors.trim()}`));
    });
    child.stdout?.once('data', () => {
      child.removeAllListeners('close');
      resolve(guardianOf(child));
    });
  });
}

function guardianOf(child: ChildProcess): Guardian {
  const control = child.stdio[3] as Writable;
  // Writing to a guardian that has just ended is no news: `exited` tells.
  control.on('error', () => undefined);
  let ended = child.exitCode !== null || child.signalCode !== null;
  const exited = new Promise<void>((resolve) => {
    const finish = (): void => {
      ended = true;
      control.destroy();
      resolve();
    };
    if (ended) finish();
    else child.once('exit', finish);
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    exited,
    hasExited: () => ended,
    launch: () => void control.write('go\n'),
    async stop() {
      child.ref();
      control.end();
      const force = setTimeout(() => killGroup(pid), STOP_MS);
      await exited;
      clearTimeout(force);
    },
    unref() {
      child.unref();
      for (const stream of child.stdio)
        if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
    },
  };
}

/** The guardian leads a process group of its own, in which PostgreSQL's main process is; that one takes its children with it. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone by itself in the meantime.
  }
}

interface Holder {
  pid: number;
  alive: boolean;
}

function readHolder(lockFile: string): Holder | undefined {
  const [pid, started] = readFileSync(lockFile, 'utf8').trim().split(' ');
  return pid && started ? { pid: Number(pid), alive: startTime(Number(pid)) === started } : undefined;
}

function alreadyRunning(directory: string, holder: Holder | undefined): EmbeddedPostgresError {
  const who = holder ? `process ${holder.pid}` : 'another process';
  return new EmbeddedPostgresError(
    'already-running',
    `The database folder ${directory} is in use by ${who}${holder?.alive ? '' : ' (which this one cannot see: in another container?)'}. ` +
      'Nothing was changed. Stop that one first, or choose another folder.',
    holder ? { pid: holder.pid } : {},
  );
}

function unusable(reason: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'program-unusable',
    `The embedded database cannot be started: ${reason}. It needs sh, flock and, as root, unshare (Debian's util-linux). ` +
      'Set database.url to a PostgreSQL of yours to do without it.',
  );
}
