/** What /proc knows about other processes. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** The start of a process in clock ticks since boot, which with its pid names it for good: pids come back, above all in containers. */
export function startTime(pid: number): string | undefined {
  return statFields(pid)?.[19];
}

export function parentOf(pid: number): number | undefined {
  const parent = statFields(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** Whether `pid` is a PostgreSQL main process started for the database in `data`. */
export function isPostmasterOf(data: string, pid: number): boolean {
  const [program, ...args] = read(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
  return path.basename(program ?? '') === 'postgres' && args.includes(data);
}

/** The processes of a PostgreSQL on `data`, with or without their main process: all of them work in its folder. */
export function processesOn(data: string): number[] {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
  return pids.filter((pid) => read(`/proc/${pid}/comm`)?.startsWith('postgres') && workingFolder(pid) === data);
}

/** proc(5): the fields of `stat` after the command name, which may itself hold blanks and parentheses. */
function statFields(pid: number): string[] | undefined {
  return read(`/proc/${pid}/stat`)?.split(')').at(-1)?.trim().split(' ');
}

function workingFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
