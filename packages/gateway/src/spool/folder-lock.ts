/**
 * One gateway at a time works in a folder. The lock of a process that died is taken over. It is a symbolic link to nowhere, whose target is
 * the text: that is made at once and whole, and takes no room, so that a gateway whose spool fills the disk can start and empty it.
 */
import { readFileSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { GatewayError } from '../errors.ts';

/**
 * Takes the folder; the returned function gives it back.
 * @throws GatewayError `folder-in-use`
 */
export function lockFolder(folder: string): () => void {
  const file = path.join(folder, 'lock');
  const mine = `${process.pid} ${startOf(process.pid) ?? ''}`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      symlinkSync(mine, file);
      return () => {
        if (readLock(file) === mine) unlinkSync(file);
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const theirs = readLock(file);
      if (theirs !== undefined && isHeld(theirs)) {
        throw new GatewayError(
          'folder-in-use',
          `The folder ${folder} is in use by the gateway with process id ${theirs.split(' ')[0]}. Stop that one, or give this one a folder of its own.`,
        );
      }
      if (theirs !== undefined && readLock(file) === theirs) unlinkSync(file);
    }
  }
  throw new GatewayError('folder-in-use', `The folder ${folder} is being taken by another gateway just now`);
}

function readLock(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch (error) {
    // EINVAL: a file, as gateways before this one made it.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') return undefined;
  }
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function isHeld(lock: string): boolean {
  const [pid = '', start = ''] = lock.split(' ');
  const number = Number(pid);
  if (!Number.isInteger(number) || number <= 0) return false;
  try {
    process.kill(number, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // A process id is used again; its start time is not. Also true of this very process, which holds what it locked.
  const since = startOf(number);
  return since === undefined || start === '' || since === start;
}

/** In clock ticks since boot (proc(5), field 22); undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
