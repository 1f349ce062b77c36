import { type ChildProcess, spawnSync } from 'node:child_process';

/** Runs a program to its end; both streams in one text. @param timeout milliseconds */
export function run(
  program: string,
  args: readonly string[],
  input?: string | Buffer,
  timeout = 60_000,
): { code: number | null; text: string } {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    timeout,
    maxBuffer: 64 * 1024 * 1024,
    ...(input === undefined ? {} : { input }),
  });
  if (error !== undefined) throw error;
  return { code: status, text: `${stdout.toString('utf8')}${stderr.toString('utf8')}` };
}

/** Asks a server to end, and waits until it has. One that was never started, or has ended already, is as good. */
export async function endServer(server: ChildProcess | undefined): Promise<void> {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await gone;
}
