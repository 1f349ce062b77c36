/** `chancery authority` as a process of its own beside a PostgreSQL that outlives it: for tests that kill it at random moments. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ApiError } from '@chancery/api';

const chancery = fileURLToPath(new URL('../../packages/cli/bin/chancery.js', import.meta.url));

export interface AuthorityProcess {
  readonly url: string;
  /** Of the set-up link, at the first start. */
  readonly setupToken: string;
  /** What it said of requests that failed. */
  failures(): string[];
  kill(): Promise<void>;
}

export async function startAuthorityProcess(home: string, isNew = false): Promise<AuthorityProcess> {
  const child = spawn(process.execPath, [chancery, 'authority'], {
    env: { ...process.env, CHANCERY_HOME: home, CHANCERY_LOG: 'json' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk));
  const found = await new Promise<RegExpExecArray>((resolve, reject) => {
    const look = () => {
      const match = (isNew ? /serves at (\S+).*\/setup#(\S+)\n/s : /serves at (\S+)\n/).exec(printed);
      if (match !== null) resolve(match);
    };
    child.stdout.on('data', look);
    child.once('close', () => reject(new Error(`chancery authority ended:\n${printed}`)));
  });
  return {
    url: found[1] ?? '',
    setupToken: found[2] ?? '',
    failures: () => printed.split('\n').filter((line) => line.includes('request.failed')),
    kill: () => kill(child),
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** As a patient client: a call that was not answered is repeated. */
export async function persist<T>(call: () => Promise<T>): Promise<T> {
  const until = Date.now() + 900_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'unavailable' || Date.now() > until) throw error;
      await sleep(50);
    }
  }
}
