/**
 * The database as the rooms see it: `Snapshot` to read, `Transaction` to write. A `Transaction` is opened in one place
 * only, `operation.ts`, so a write without an audit record does not type-check.
 */
import { Kysely, type Transaction as KyselyTransaction, PostgresDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import { migrations } from './migrations/all.ts';
import type { Schema } from './schema.ts';

declare const openedByPerform: unique symbol;

/** Reads. Every read function takes this; a `Transaction` will do as well. */
export type Snapshot = Pick<Kysely<Schema>, 'selectFrom' | 'with' | 'fn'>;
/** Writes, inside one operation. */
export type Transaction = KyselyTransaction<Schema> & { readonly [openedByPerform]: true };

export interface Database {
  /** Runs reads against one consistent state (REPEATABLE READ, READ ONLY). */
  snapshot<T>(run: (snapshot: Snapshot) => Promise<T>): Promise<T>;
  /** Runs one read, alone, against what has committed: no transaction is opened for it. */
  glance<T>(run: (snapshot: Snapshot) => Promise<T>): Promise<T>;
  /** For `operation.ts` alone (a dependency rule and a type test hold it there). READ COMMITTED. */
  readonly operations: { transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T> };
  /** The pool beneath, for the job queue, which brings its own SQL. */
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

/**
 * Opens the pool and brings the schema up to date, under PostgreSQL's own migration lock.
 * @throws Error when the server is not reachable or older than PostgreSQL 15
 */
export async function openDatabase(connection: pg.PoolConfig): Promise<Database> {
  const pool = new pg.Pool({ max: 10, ...connection });
  // A dropped idle connection is the pool's to replace; without a listener Node would end the process.
  pool.on('error', () => {});
  const kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  try {
    await requireVersion(kysely);
    await migrate(kysely);
  } catch (error) {
    await kysely.destroy();
    throw error;
  }
  return {
    pool,
    ...reading(kysely),
    operations: { transaction: (run) => kysely.transaction().execute((tx) => run(tx as Transaction)) },
    close: () => kysely.destroy(),
  };
}

/** What a process that may only read has of the database. */
export interface ReadOnlyDatabase extends Pick<Database, 'snapshot' | 'glance'> {
  close(): Promise<void>;
}

/**
 * Opens the pool for a process that only reads, as a role that may do no more. It migrates nothing: the authority does.
 * @throws Error when the server is not reachable or older than PostgreSQL 15
 */
export async function openReadOnlyDatabase(connection: pg.PoolConfig): Promise<ReadOnlyDatabase> {
  const pool = new pg.Pool({ max: 5, ...connection });
  pool.on('error', () => {});
  const kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  try {
    await requireVersion(kysely);
  } catch (error) {
    await kysely.destroy();
    throw error;
  }
  return { ...reading(kysely), close: () => kysely.destroy() };
}

function reading(kysely: Kysely<Schema>): Pick<Database, 'snapshot' | 'glance'> {
  return {
    snapshot: (run) =>
      kysely
        .transaction()
        .setIsolationLevel('repeatable read')
        .setAccessMode('read only')
        .execute((tx) => run(tx)),
    glance: (run) => run(kysely),
  };
}

async function requireVersion(kysely: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ version: string }>`SELECT current_setting('server_version_num') AS version`.execute(
    kysely,
  );
  const version = Number(rows[0]?.version);
  if (version < 150_000) {
    throw new Error(
      `Chancery needs PostgreSQL 15 or later; this server is ${Math.floor(version / 10_000)}. Nothing was changed.`,
    );
  }
}

async function migrate(kysely: Kysely<Schema>): Promise<void> {
  const { error } = await new Migrator({
    db: kysely,
    provider: { getMigrations: async () => migrations },
  }).migrateToLatest();
  if (error !== undefined) throw error;
}

/** It is gone or busy, and the same may succeed later: connection refused or reset, and the SQLSTATE classes 08, 40, 53 and 57P. */
export function isDatabaseTrouble(error: Error): boolean {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /^(ECONN|EPIPE|ENOENT$|ETIMEDOUT|08|40|53|57P)/.test(code) || /Connection terminated/.test(error.message);
}
