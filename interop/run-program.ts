import { spawnSync } from 'node:child_process';

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
