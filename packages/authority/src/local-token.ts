/** The token by which the command line on this machine is known: whoever can read the data folder runs the office. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { newToken } from './store/tokens.ts';

/** The token in `local.token` of the data folder (mode 0600), made where there is none. */
export async function openLocalToken(home: string): Promise<string> {
  const file = path.join(home, 'local.token');
  const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (/^[\w-]{43}\n?$/.test(found)) {
    await chmod(file, 0o600);
    return found.trim();
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  const token = newToken();
  const temporary = `${file}.${randomUUID()}`;
  await writeFile(temporary, `${token}\n`, { mode: 0o600, flag: 'wx' });
  await rename(temporary, file);
  return token;
}
