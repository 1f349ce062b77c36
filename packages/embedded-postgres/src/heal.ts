import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgresError } from './errors.ts';
import { isPostmasterOf, processesOn } from './processes.ts';

/**
 * Clears what killed processes left: a PostgreSQL that still runs on `data` (its guardian was killed too), sessions whose main process was
 * killed, a postmaster.pid that names a process which is none of ours, and sockets. Only for the holder of the folder's lock.
 */
export async function heal(
  data: string,
  socket: string,
  guardian: number,
  log: (message: string) => void,
): Promise<void> {
  const pidFile = path.join(data, 'postmaster.pid');
  const left = recordedPid(pidFile);
  if (left !== undefined) {
    if (isPostmasterOf(data, left)) {
      log(`stopping PostgreSQL ${left}, which an earlier process left running`);
      signal(left, 'SIGINT');
    }
    await end(data);
    disownPid(pidFile, guardian);
  }
  for (const name of readdirSync(socket)) if (name.startsWith('.s.PGSQL.')) rmSync(path.join(socket, name));
}

/**
 * Waits until no process works on `data`. A PostgreSQL that was asked to stop does so in well under a second unless it has much to write, and sessions
 * notice the end of their main process; what does not is made to, and PostgreSQL then recovers from its log.
 */
async function end(data: string): Promise<void> {
  for (const { force, patience } of [
    { force: undefined, patience: 20_000 },
    { force: 'SIGQUIT', patience: 5_000 },
    { force: 'SIGKILL', patience: 5_000 },
  ] as const) {
    if (force) for (const pid of processesOn(data)) signal(pid, force);
    for (const until = Date.now() + patience; Date.now() < until; await sleep(20)) {
      if (processesOn(data).length === 0) return;
    }
  }
  const pid = processesOn(data)[0];
  if (pid === undefined) return;
  throw new EmbeddedPostgresError(
    'start-failed',
    `PostgreSQL ${pid}, left running on ${data} by an earlier process, does not stop. Nothing was changed. End it and start again.`,
    { pid },
  );
}

/**
 * Where the recorded pid now belongs to something else, PostgreSQL would take that for its elder and refuse. With its parent's pid in the file it knows
 * better, and still checks the shared memory that the file names, which it could not if the file were deleted.
 */
function disownPid(pidFile: string, guardian: number): void {
  const pid = recordedPid(pidFile);
  if (pid === undefined || !existsSync(`/proc/${pid}`)) return;
  const rest = readFileSync(pidFile, 'utf8').split('\n').slice(1);
  writeFileSync(pidFile, [String(guardian), ...rest].join('\n'));
}

/** The process that the first line of postmaster.pid names. */
function recordedPid(pidFile: string): number | undefined {
  if (!existsSync(pidFile)) return undefined;
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  return pid > 0 ? pid : undefined;
}

function signal(pid: number, name: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone in the meantime, or not ours to signal: whoever waits for its end sees.
  }
}
