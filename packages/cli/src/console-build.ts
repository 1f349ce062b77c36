/** The console's files: built by Vite when they are missing, or older than their sources. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommandError } from './exit-codes.ts';

const folder = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** Builds when it must; `say` hears before it takes some seconds. */
export async function ensureConsole(say: (line: string) => void): Promise<void> {
  const built = folder('console/dist/index.html');
  const sources = [folder('console/src'), folder('console/index.html'), folder('api/src'), folder('mail-policy/src')];
  if (existsSync(built) && statSync(built).mtimeMs >= Math.max(...sources.map(newest))) return;
  say('Building the console (once, some seconds) …');
  await build();
}

/** Latest modification below a path, ms since the epoch. */
function newest(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(`${path}/${name}`)));
}

async function build(): Promise<void> {
  const vite = fileURLToPath(new URL('./bin/vite.js', import.meta.resolve('vite/package.json')));
  const child = spawn(process.execPath, [vite, 'build', '--logLevel', 'error'], {
    cwd: folder('console'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (printed += chunk));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new CommandError(`The console could not be built; nothing was started.\n${printed}`);
}
