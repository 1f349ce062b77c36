/** A whole office for one test file: a PostgreSQL and a key store of its own, in temporary folders. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type KeyStore, openSoftwareKeyStore } from '@chancery/keystore';
import type pg from 'pg';
import { PgBoss } from 'pg-boss';
import { parseAuthorityConfig } from '../src/config.ts';
import { jobHandlers } from '../src/jobs/handlers.ts';
import { type JobName, jobPayloads } from '../src/jobs/outbox.ts';
import { JOB_SCHEMA, type JobHandlers, openJobQueue } from '../src/jobs/queue.ts';
import { openDatabase } from '../src/store/database.ts';
import type { Log, World } from '../src/world.ts';
import { startDatabase } from './database-template.ts';
import { leaveForSearch } from './watched.ts';

export interface TemporaryOffice {
  readonly world: World;
  /** The data folder. */
  readonly home: string;
  /** How to reach the database from outside, as its owner. */
  readonly connection: pg.PoolConfig;
  /** What was logged, oldest first. */
  readonly logged: readonly { level: string; event: string; fields: Record<string, unknown> }[];
  /** Runs the waiting jobs in this process until none is left; throws what the first failing one throws. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface TemporaryOfficeOptions {
  /** The present instant; the real one by default. */
  readonly clock?: () => Date;
  /** The text of an `authority.toml`. */
  readonly config?: string;
  /** Instead of a software key store in the data folder. The office closes it. */
  readonly keyStore?: KeyStore;
  /** An office that is there: its data folder and its database, which stay when this one closes. */
  readonly at?: {
    readonly home: string;
    readonly connection: Awaited<ReturnType<typeof startDatabase>>['connection'];
  };
  /** Jobs of one kind that `drain` runs at a time, as the queue does; default: one. */
  readonly width?: number;
  /** Replaces or adds job handlers. */
  readonly handlers?: Partial<JobHandlers>;
}

export async function temporaryOffice(options: TemporaryOfficeOptions = {}): Promise<TemporaryOffice> {
  const home = options.at?.home ?? (await mkdtemp(path.join(tmpdir(), 'chancery-office-')));
  const postgres =
    options.at === undefined ? await startDatabase() : { connection: options.at.connection, stop: async () => {} };
  const connection = { ...postgres.connection };
  const logged: { level: string; event: string; fields: Record<string, unknown> }[] = [];
  const log = recordingLog(logged);
  const keyStore =
    options.keyStore ?? (await openSoftwareKeyStore({ directory: path.join(home, 'keys'), secret: 'of a test' }));
  const database = await openDatabase(connection);
  const jobs = await openJobQueue(connection, log);
  const clock = options.clock ?? (() => new Date());
  const world: World = {
    config: parseAuthorityConfig(options.config ?? '', home),
    database,
    keyStore,
    jobs,
    clock,
    log,
  };
  const drainer = new PgBoss({ ...connection, schema: JOB_SCHEMA, max: 2, supervise: false, schedule: false });
  await drainer.start();
  return {
    world,
    home,
    connection,
    logged,
    drain: () => drain(drainer, world, { ...jobHandlers, ...options.handlers }, options.width ?? 1),
    async close() {
      await leaveForSearch(logged, connection);
      await drainer.stop({ graceful: false });
      await jobs.stop();
      await database.close();
      await keyStore.close();
      await postgres.stop();
      if (options.at === undefined) await rm(home, { recursive: true, force: true });
    },
  };
}

async function drain(boss: PgBoss, world: World, handlers: Partial<JobHandlers>, width: number): Promise<void> {
  for (let found = true; found; ) {
    found = false;
    // One look at all queues, for most have nothing: each fetch is a transaction.
    const { rows } = await world.database.pool.query<{ name: string }>(
      `SELECT DISTINCT name FROM ${JOB_SCHEMA}.job WHERE state IN ('created', 'retry') AND start_after <= now()`,
    );
    const waiting = new Set(rows.map(({ name }) => name));
    for (const name of (Object.keys(handlers) as JobName[]).filter((one) => waiting.has(one))) {
      const handler = handlers[name] as (world: World, payload: unknown) => Promise<void>;
      const run = async (job: { id: string; data: unknown }): Promise<void> => {
        try {
          await handler(world, jobPayloads[name].parse(job.data));
        } catch (error) {
          await boss.fail(name, job.id);
          throw error;
        }
        await boss.complete(name, job.id);
      };
      const jobs = await boss.fetch(name, { batchSize: 100 });
      if (jobs.length > 0) found = true;
      for (let from = 0; from < jobs.length; from += width) await Promise.all(jobs.slice(from, from + width).map(run));
    }
  }
}

function recordingLog(logged: { level: string; event: string; fields: Record<string, unknown> }[]): Log {
  const at =
    (level: string) =>
    (event: string, fields: Record<string, unknown> = {}) => {
      logged.push({ level, event, fields });
    };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}
