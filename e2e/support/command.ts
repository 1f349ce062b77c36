/** One run of `chancery` with something on its standard input. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const chancery = fileURLToPath(new URL('../../packages/cli/bin/chancery.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Ends with the command. Rejects where it has not ended after `patience` milliseconds: a hang is a defect. */
export function feed(
  args: readonly string[],
  input: string | Uint8Array | Iterable<string | Uint8Array>,
  { cwd, patience = 60_000 }: { cwd?: string; patience?: number } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [chancery, ...args], { ...(cwd !== undefined && { cwd: path.resolve(cwd) }) });
  const ended = outcome(child, patience, args);
  const chunks = typeof input === 'string' || input instanceof Uint8Array ? [input] : [...input];
  // A command that stops reading early is no failure of ours.
  child.stdin.on('error', () => {});
  for (const chunk of chunks) child.stdin.write(chunk);
  child.stdin.end();
  return ended;
}

/** Reads so many octets of what the command says, then closes that end, and goes on feeding it for as long as it runs. */
export async function feedAndLeave(args: readonly string[], line: string, patience = 20_000): Promise<Ended> {
  const child = spawn(process.execPath, [chancery, ...args]);
  const ended = outcome(child, patience, args);
  child.stdin.on('error', () => {});
  child.stdout.once('data', () => child.stdout.destroy());
  const more = (): void => {
    while (child.exitCode === null && !child.stdin.destroyed && child.stdin.write(line));
    child.stdin.once('drain', more);
  };
  more();
  return ended;
}

function outcome(child: ReturnType<typeof spawn>, patience: number, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`chancery ${args.join(' ')} did not end within ${patience} ms`));
    }, patience);
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}
