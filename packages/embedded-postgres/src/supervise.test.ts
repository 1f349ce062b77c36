import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { locateBinaries } from './binaries.ts';
import { type EmbeddedConnection, startEmbeddedPostgres } from './supervise.ts';
import { startTemporaryPostgres } from './temporary.ts';

const root = process.geteuid?.() === 0;
const here = path.dirname(import.meta.dirname);

describe('the embedded database', () => {
  let made: string;
  let folder: string;
  let directory: string;
  const victims: ChildProcess[] = [];
  // Making a database takes a second; most tests only need one that is there.
  beforeAll(async () => {
    made = mkdtempSync(path.join(tmpdir(), 'chancery-postgres-'));
    chmodSync(made, 0o755);
    await (await startEmbeddedPostgres({ directory: path.join(made, 'database') })).stop();
  });
  afterAll(() => rmSync(made, { recursive: true, force: true }));
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'chancery-postgres-'));
    // As a data folder in a place that others can reach.
    chmodSync(folder, 0o755);
    directory = path.join(folder, 'database');
    spawnSync('cp', ['-a', path.join(made, 'database'), directory]);
  });
  afterEach(async () => {
    for (const victim of victims.splice(0)) {
      if (victim.exitCode === null && victim.signalCode === null) {
        victim.kill('SIGKILL');
        await once(victim, 'exit');
      }
    }
    // Killed, it is only just stopping: starting waits for that. One that was stopped has no such file any more.
    if (existsSync(path.join(directory, 'pg/postmaster.pid')))
      await startEmbeddedPostgres({ directory }).then(
        (db) => db.stop(),
        () => undefined,
      );
    rmSync(folder, { recursive: true, force: true });
  });

  /** Another process that starts the database, then commits one row after another and says so, until it is killed. */
  async function startVictim(
    prefix: string[] = [],
    target = directory,
  ): Promise<{ child: ChildProcess; committed: number[] }> {
    const [command = '', ...args] = [...prefix, process.execPath, '--input-type=module', '-e', WRITER, target];
    const child = spawn(command, args, { cwd: here, stdio: ['ignore', 'pipe', 'inherit'] });
    victims.push(child);
    const committed: number[] = [];
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        committed.push(Number(line));
        if (committed.length === 5) resolve();
      });
      child.once('exit', () => reject(new Error('the writer ended early')));
    });
    return { child, committed };
  }

  async function kill(child: ChildProcess): Promise<void> {
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  it('starts, answers as the application role, stops, and keeps what was committed', async () => {
    directory = path.join(folder, 'new');
    const said: string[] = [];
    const db = await startEmbeddedPostgres({ directory, log: (message) => said.push(message) });
    await query(db.connection, 'CREATE TABLE kept (n int)');
    await query(db.connection, 'INSERT INTO kept VALUES (7)');
    const [row] = await query(
      db.connection,
      `SELECT current_user AS role, current_database() AS database, current_setting('fsync') AS fsync,
              current_setting('listen_addresses') AS addresses, current_setting('server_encoding') AS encoding,
              (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser`,
    );
    expect(row).toEqual({
      role: 'chancery',
      database: 'chancery',
      fsync: 'on',
      addresses: '',
      encoding: 'UTF8',
      superuser: false,
    });
    expect(said).toEqual([`made a new database in ${directory}`]);
    await db.stop();
    await db.stop();
    await expect(query(db.connection, 'SELECT 1')).rejects.toThrow();

    const again = await startEmbeddedPostgres({ directory, log: (message) => said.push(message) });
    expect(await query(again.connection, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
    expect(said).toHaveLength(1);
    await again.stop();
  });

  it('lets nobody in but the application role, and keeps its folder to itself', async () => {
    const db = await startEmbeddedPostgres({ directory });
    const { connection } = db;
    await expect(query({ ...connection, user: 'postgres' }, 'SELECT 1')).rejects.toThrow(/pg_hba/);
    await expect(query({ ...connection, database: 'postgres' }, 'SELECT 1')).rejects.toThrow(/pg_hba/);
    expect(statSync(directory).mode & 0o077).toBe(0);
    expect(statSync(connection.host).mode & 0o077).toBe(0);
    if (root) {
      // Past the folders' modes, to the socket itself.
      chmodSync(directory, 0o755);
      chmodSync(connection.host, 0o755);
      const socket = path.join(connection.host, '.s.PGSQL.5432');
      const connect = `import net from 'node:net'; net.connect(${JSON.stringify(socket)}).on('error', (e) => console.log(e.code)).on('connect', () => console.log('in'))`;
      const other = spawnSync(
        'setpriv',
        ['--reuid=7', '--regid=7', '--clear-groups', process.execPath, '--input-type=module', '-e', connect],
        {
          encoding: 'utf8',
          timeout: 10_000,
        },
      );
      expect(other.stdout.trim()).toBe('EACCES');
    }
    await db.stop();
  });

  it('refuses a second start, in this process or another, and says which process has the folder', async () => {
    const db = await startEmbeddedPostgres({ directory });
    const refused = { name: 'EmbeddedPostgresError', code: 'already-running', pid: process.pid };
    await expect(startEmbeddedPostgres({ directory })).rejects.toMatchObject(refused);
    expect(await query(db.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await db.stop();

    const { child } = await startVictim();
    await expect(startEmbeddedPostgres({ directory })).rejects.toMatchObject({
      code: 'already-running',
      pid: child.pid,
      message: expect.stringContaining(String(child.pid)),
    });
    expect(child.exitCode).toBe(null);
  });

  it('gives a folder to one of many that start at the same moment', async () => {
    directory = path.join(folder, 'new');
    const starts = await Promise.allSettled(Array.from({ length: 4 }, () => startEmbeddedPostgres({ directory })));
    const started = starts.filter((start) => start.status === 'fulfilled');
    expect(started).toHaveLength(1);
    for (const start of starts)
      if (start.status === 'rejected') expect(start.reason).toMatchObject({ code: 'already-running' });
    await started[0]?.value.stop();
  });

  it('comes back with every committed row after kill -9, five times over', async () => {
    const all: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { child, committed } = await startVictim();
      await kill(child);
      all.push(...committed);
    }
    const db = await startEmbeddedPostgres({ directory });
    const rows = await query(db.connection, 'SELECT n FROM rows');
    const kept = new Set(rows.map(({ n }) => Number(n)));
    expect(all.length).toBeGreaterThanOrEqual(25);
    expect(all.filter((n) => !kept.has(n))).toEqual([]);
    await db.stop();
  }, 60_000);

  it.each([
    ['the guardian too: PostgreSQL is left running alone', ['guardian']],
    ['the guardian and PostgreSQL', ['guardian', 'postmaster']],
    ['PostgreSQL, its children left behind', ['postmaster']],
  ])('heals after kill -9 of its process and of %s', async (_, targets) => {
    const { child, committed } = await startVictim();
    const postmaster = Number.parseInt(readFileSync(path.join(directory, 'pg/postmaster.pid'), 'utf8'), 10);
    const guardian = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${postmaster}/status`, 'utf8'))?.[1]);
    const pids = { guardian, postmaster };
    for (const target of targets as (keyof typeof pids)[]) process.kill(pids[target], 'SIGKILL');
    await kill(child);
    const db = await startEmbeddedPostgres({ directory });
    const kept = (await query(db.connection, 'SELECT n FROM rows')).map(({ n }) => Number(n));
    expect(committed.filter((n) => !kept.includes(n))).toEqual([]);
    expect(existsSync(`/proc/${postmaster}`) && readFileSync(`/proc/${postmaster}/cmdline`, 'utf8')).not.toContain(
      directory,
    );
    await db.stop();
  });

  it('heals a postmaster.pid whose process number now belongs to something else', async () => {
    const db = await startEmbeddedPostgres({ directory });
    const pidFile = path.join(directory, 'pg/postmaster.pid');
    const left = readFileSync(pidFile, 'utf8').split('\n');
    await db.stop();
    // Of the same user: PostgreSQL knows by itself that another user's process is not its elder.
    const { uid, gid } = statSync(path.join(directory, 'pg'));
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore', ...(root ? { uid, gid } : {}) });
    victims.push(stranger);
    writeFileSync(pidFile, [String(stranger.pid), ...left.slice(1)].join('\n'), { mode: 0o600 });
    chownSync(pidFile, uid, gid);
    const again = await startEmbeddedPostgres({ directory });
    expect(await query(again.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(stranger.exitCode).toBe(null);
    await again.stop();
  });

  it('makes again what was left half made', async () => {
    directory = path.join(folder, 'new');
    const half = path.join(directory, 'pg.unfinished-0badcafe');
    mkdirSync(half, { recursive: true });
    writeFileSync(path.join(half, 'PG_VERSION'), '18\n');
    const db = await startEmbeddedPostgres({ directory });
    expect(await query(db.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(existsSync(half)).toBe(false);
    await db.stop();
  });

  it('is made whole in the end, whenever the making is killed', async () => {
    directory = path.join(folder, 'new');
    for (const delay of [100, 250, 400, 550, 700, 850]) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, directory], {
        cwd: here,
        stdio: 'ignore',
      });
      victims.push(child);
      await new Promise((resolve) => setTimeout(resolve, delay));
      await kill(child);
    }
    const db = await startEmbeddedPostgres({ directory });
    expect(await query(db.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(readdirSync(directory).filter((name) => name.startsWith('pg.'))).toEqual([]);
    await db.stop();
  });

  it('stops within its process when that ends by itself', async () => {
    const { child } = await startVictim();
    const postmaster = Number.parseInt(readFileSync(path.join(directory, 'pg/postmaster.pid'), 'utf8'), 10);
    child.kill('SIGTERM');
    await once(child, 'exit');
    const db = await startEmbeddedPostgres({ directory });
    expect(Number.parseInt(readFileSync(path.join(directory, 'pg/postmaster.pid'), 'utf8'), 10)).not.toBe(postmaster);
    await db.stop();
  });

  it('tells when the database goes away by itself, and not when it was stopped', async () => {
    const db = await startEmbeddedPostgres({ directory });
    const gone = new Promise((resolve) => db.onExit(resolve));
    process.kill(Number.parseInt(readFileSync(path.join(directory, 'pg/postmaster.pid'), 'utf8'), 10), 'SIGKILL');
    expect(await gone).toMatchObject({
      code: 'stopped-unexpectedly',
      message: expect.stringContaining('postgres.log'),
    });

    const again = await startEmbeddedPostgres({ directory });
    let told = false;
    again.onExit(() => {
      told = true;
    });
    await again.stop();
    expect(told).toBe(false);
  });

  it.each([
    ['longer than a socket’s path may be', 'x'.repeat(120)],
    ['with blanks, commas and quotes', `a, b "c" 'd' \\e`],
  ])('takes a folder %s', async (_, name) => {
    const there = directory;
    directory = path.join(folder, name);
    renameSync(there, directory);
    const db = await startEmbeddedPostgres({ directory });
    expect(await query(db.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(Buffer.byteLength(db.connection.host)).toBeLessThan(90);
    await db.stop();
    if (!db.connection.host.startsWith(directory)) expect(existsSync(db.connection.host)).toBe(false);
  });

  it('does not listen where somebody else could', async () => {
    const there = directory;
    directory = path.join(folder, 'x'.repeat(120));
    renameSync(there, directory);
    const first = await startEmbeddedPostgres({ directory });
    await first.stop();
    mkdirSync(first.connection.host, { mode: 0o777 });
    chmodSync(first.connection.host, 0o777);
    await expect(startEmbeddedPostgres({ directory })).rejects.toMatchObject({
      code: 'folder-not-writable',
      message: expect.stringContaining(first.connection.host),
    });
    rmSync(first.connection.host, { recursive: true });
  });

  it('does not let PG* variables of the environment change anything', async () => {
    const before = { ...process.env };
    Object.assign(process.env, { PGPORT: '6000', PGUSER: 'nobody', PGDATABASE: 'none', PGSSLMODE: 'require' });
    try {
      const db = await startEmbeddedPostgres({ directory });
      expect(await query(db.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await db.stop();
    } finally {
      for (const name of ['PGPORT', 'PGUSER', 'PGDATABASE', 'PGSSLMODE']) delete process.env[name];
      Object.assign(process.env, before);
    }
  });

  it('leaves a database of another major version alone', async () => {
    const db = await startEmbeddedPostgres({ directory });
    await db.stop();
    const version = path.join(directory, 'pg/PG_VERSION');
    writeFileSync(version, '17\n');
    await expect(startEmbeddedPostgres({ directory })).rejects.toMatchObject({ code: 'incompatible-version' });
    writeFileSync(version, '18\n');
    await (await startEmbeddedPostgres({ directory })).stop();
  });

  it('says what PostgreSQL said when it does not start, and lets go of the folder', async () => {
    const db = await startEmbeddedPostgres({ directory });
    await db.stop();
    const control = path.join(directory, 'pg/global/pg_control');
    const whole = readFileSync(control);
    writeFileSync(control, randomBytes(whole.length));
    await expect(startEmbeddedPostgres({ directory })).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringMatching(/database files are incompatible/),
    });
    writeFileSync(control, whole);
    await (await startEmbeddedPostgres({ directory })).stop();
  });

  it('says so where its folder is a file', async () => {
    directory = path.join(folder, 'file');
    writeFileSync(directory, '');
    await expect(startEmbeddedPostgres({ directory })).rejects.toMatchObject({ code: 'folder-not-writable' });
    await expect(startEmbeddedPostgres({ directory: path.join(directory, 'below') })).rejects.toMatchObject({
      code: 'folder-not-writable',
      message: expect.stringContaining('database.url'),
    });
  });

  it('names database.url as the way out where npm brings no PostgreSQL', () => {
    expect(() => locateBinaries('darwin', 'arm64')).toThrow(/database\.url/);
  });

  describe.skipIf(!root)('as root (skipped: this is a plain user)', () => {
    it('works below a folder that only root may enter', async () => {
      chmodSync(folder, 0o700);
      directory = path.join(folder, 'new');
      const db = await startEmbeddedPostgres({ directory });
      expect(await query(db.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(statSync(path.join(directory, 'pg')).uid).toBe(0);
      await db.stop();
      const { child, committed } = await startVictim();
      await kill(child);
      const again = await startEmbeddedPostgres({ directory });
      const kept = (await query(again.connection, 'SELECT n FROM rows')).map(({ n }) => Number(n));
      expect(committed.filter((n) => !kept.includes(n))).toEqual([]);
      await again.stop();
    });

    it('serves a plain user, and refuses that user a folder that is not its own', async () => {
      const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
      const own = path.join(folder, 'own');
      mkdirSync(own);
      chownSync(own, 65534, 65534);
      const { child, committed } = await startVictim(user, path.join(own, 'database'));
      await kill(child);
      const second = await startVictim(user, path.join(own, 'database'));
      await kill(second.child);
      expect(Math.max(...second.committed)).toBeGreaterThan(Math.max(...committed));
      expect(statSync(path.join(own, 'database/pg')).uid).toBe(65534);
      // Root finds the plain user's database and runs it as that user.
      const db = await startEmbeddedPostgres({ directory: path.join(own, 'database') });
      const kept = (await query(db.connection, 'SELECT n FROM rows')).map(({ n }) => Number(n));
      expect([...committed, ...second.committed].filter((n) => !kept.includes(n))).toEqual([]);
      await db.stop();

      const [command = '', ...args] = [...user, process.execPath, '--input-type=module', '-e', WRITER, directory];
      const refused = spawnSync(command, args, { cwd: here, encoding: 'utf8', timeout: 20_000 });
      expect(refused.stderr).toContain("code: 'folder-not-writable'");
    });

    it('says so when the disk is full, at the first start and later, and loses nothing', async (context) => {
      const disk = path.join(folder, 'disk');
      mkdirSync(disk);
      const mount = (size: string, ...options: string[]): boolean =>
        spawnSync('mount', ['-t', 'tmpfs', '-o', [`size=${size}`, 'mode=755', ...options].join(','), 'tmpfs', disk])
          .status === 0;
      if (!mount('20m')) context.skip('a tmpfs cannot be mounted here');
      const small = path.join(disk, 'database');
      try {
        const full = { code: 'disk-full', message: expect.stringContaining('full') };
        await expect(startEmbeddedPostgres({ directory: small })).rejects.toMatchObject(full);
        expect(existsSync(path.join(small, 'pg'))).toBe(false);
        expect(mount('80m', 'remount')).toBe(true);
        const db = await startEmbeddedPostgres({ directory: small });
        await query(db.connection, 'CREATE TABLE kept AS SELECT 7 AS n');
        await db.stop();
        // Not one page is free for postmaster.pid or the log.
        spawnSync('dd', ['if=/dev/zero', `of=${disk}/ballast`, 'bs=4k']);
        await expect(startEmbeddedPostgres({ directory: small })).rejects.toMatchObject(full);
        rmSync(path.join(disk, 'ballast'));
        const again = await startEmbeddedPostgres({ directory: small });
        expect(await query(again.connection, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
        await again.stop();
      } finally {
        spawnSync('umount', ['--lazy', disk]);
      }
    });
  });
});

describe('a temporary database', () => {
  it('is empty, and gone with its folder when it stops', async () => {
    const db = await startTemporaryPostgres();
    expect(await query(db.connection, "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'")).toEqual([
      { n: 0 },
    ]);
    const folder = path.dirname(db.connection.host);
    expect(readdirSync(folder)).toContain('pg');
    await db.stop();
    expect(existsSync(folder)).toBe(false);
  });

  it('is gone with its folder when its process is killed', async () => {
    const program = `
      import { startTemporaryPostgres } from '@chancery/embedded-postgres';
      const db = await startTemporaryPostgres();
      console.log(db.connection.host);
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: here,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [host] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    expect(existsSync(host)).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(() => existsSync(path.dirname(host)), { timeout: 20_000 }).toBe(false);
  });
});

const WRITER = `
  import { startEmbeddedPostgres } from '@chancery/embedded-postgres';
  import { Client } from 'pg';
  const db = await startEmbeddedPostgres({ directory: process.argv[1] });
  const client = new Client(db.connection);
  client.on('error', () => undefined);
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS rows (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)');
  try {
    for (;;) console.log((await client.query('INSERT INTO rows DEFAULT VALUES RETURNING n')).rows[0].n);
  } catch {
    // The database was killed first: now wait for our own turn.
    setInterval(() => undefined, 1000);
  }`;

async function query(connection: EmbeddedConnection, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client(connection);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
