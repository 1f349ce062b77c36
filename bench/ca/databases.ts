/** The databases an office is measured on: the one that npm brings, and Debian's PostgreSQL 15. Both write to disk as in earnest. */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@chancery/embedded-postgres';

export interface MeasuredDatabase {
  readonly name: string;
  /** For `database.url`. */
  readonly url: string;
  stop(): Promise<void>;
}

const BIN = '/usr/lib/postgresql/15/bin';

/** The database of `name`, new, in `folder`. @returns a sentence where this machine cannot have it */
export async function openDatabaseNamed(
  name: 'embedded' | 'external',
  folder: string,
): Promise<MeasuredDatabase | string> {
  mkdirSync(folder, { recursive: true });
  return name === 'embedded' ? embedded(folder) : external(folder);
}

async function embedded(folder: string): Promise<MeasuredDatabase> {
  const postgres = await startEmbeddedPostgres({ directory: path.join(folder, 'postgres') });
  const { host, user, database, port } = postgres.connection;
  return {
    name: 'embedded PostgreSQL 18',
    url: `postgresql://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`,
    stop: () => postgres.stop(),
  };
}

async function external(folder: string): Promise<MeasuredDatabase | string> {
  if (!existsSync(`${BIN}/initdb`)) return 'external PostgreSQL: the Debian package postgresql is not installed';
  if (process.getuid?.() !== 0) return 'external PostgreSQL: only root can start it as its own user';
  const uid = Number(spawnSync('id', ['-u', 'postgres'], { encoding: 'utf8' }).stdout);
  chownSync(folder, uid, uid);
  const as = ['-u', 'postgres', '--'];
  const data = path.join(folder, 'data');
  const made = spawnSync('runuser', [...as, `${BIN}/initdb`, '-D', data, '-A', 'trust', '-U', 'chancery']);
  if (made.status !== 0) return `external PostgreSQL: initdb failed: ${made.stderr}`;
  const port = await freePort();
  const server = spawn('runuser', [...as, `${BIN}/postgres`, '-D', data, '-p', String(port), '-k', folder], {
    stdio: 'ignore',
  });
  const ready = () => spawnSync(`${BIN}/pg_isready`, ['-h', '127.0.0.1', '-p', String(port)]).status === 0;
  for (let tries = 0; !ready(); tries++) {
    if (tries > 200) return 'external PostgreSQL: it did not start';
    await sleep(100);
  }
  return {
    name: "Debian's PostgreSQL 15",
    url: `postgresql://chancery@127.0.0.1:${port}/postgres`,
    stop: async () => {
      const gone = new Promise((resolve) => server.once('close', resolve));
      spawnSync('runuser', [...as, `${BIN}/pg_ctl`, '-D', data, '-m', 'fast', 'stop']);
      await gone;
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
