import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgresError } from './errors.ts';

/**
 * Clears what killed processes left: a PostgreSQL that still runs on `data` (its guardian was killed too), a postmaster.pid that names a process
 * which is not one, and sockets. Only for the holder of the folder's lock.
 */
export async function heal(
  data: string,
  socket: string,
  guardian: number,
  log: (message: string) => void,
): Promise<void> {
  const pidFile = path.join(data, 'postmaster.pid');
  const orphan = recordedPid(pidFile);
  if (orphan !== undefined && isPostmasterOf(data, orphan)) {
    log(`stopping PostgreSQL ${orphan}, which an earlier process left running`);
    await stopOrphan(data, orphan);
  }
  const stale = recordedPid(pidFile);
  if (stale !== undefined && existsSync(`/proc/${stale}`)) {
    // The pid now belongs to something else, and PostgreSQL would take that for its elder. With its parent's pid it knows better, and still checks the
    // shared memory that the file names for survivors, which it could not if the file were deleted.
    const rest = readFileSync(pidFile, 'utf8').split('\n').slice(1);
    writeFileSync(pidFile, [String(guardian), ...rest].join('\n'));
  }
  for (const name of readdirSync(socket)) if (name.startsWith('.s.PGSQL.')) rmSync(path.join(socket, name));
}

/** Signals in PostgreSQL's words: fast (sessions end, clean), immediate (recovers at the next start). */
async function stopOrphan(data: string, pid: number): Promise<void> {
  for (const { signal, patience } of [
    { signal: 'SIGINT', patience: 20_000 },
    { signal: 'SIGQUIT', patience: 5_000 },
    { signal: 'SIGKILL', patience: 5_000 },
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      // Gone in the meantime, or not ours to signal: the wait below tells.
    }
    for (const end = Date.now() + patience; Date.now() < end; await sleep(10)) {
      if (!isPostmasterOf(data, pid)) return;
    }
  }
  throw new EmbeddedPostgresError(
    'start-failed',
    `PostgreSQL ${pid}, left running on ${data} by an earlier process, does not stop. Nothing was changed. End it and start again.`,
    { pid },
  );
}

/** The process that the first line of postmaster.pid names. */
export function recordedPid(pidFile: string): number | undefined {
  if (!existsSync(pidFile)) return undefined;
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  return pid > 0 ? pid : undefined;
}

function isPostmasterOf(data: string, pid: number): boolean {
  try {
    const [program, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return path.basename(program ?? '') === 'postgres' && args.includes(data);
  } catch {
    return false;
  }
}
