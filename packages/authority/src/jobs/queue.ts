/** The outbox on pg-boss: jobs live in the office's own database, in the schema `jobs`, and are shared by all nodes. */
import type pg from 'pg';
import { fromKysely, type JobResult, PgBoss } from 'pg-boss';
import type { Log, World } from '../world.ts';
import { type JobName, type JobPayload, type Jobs, jobPayloads } from './outbox.ts';

/** Runs one job; told at least once, so it must be idempotent. Throwing has it told again, later and later. */
export type JobHandlers = {
  readonly [N in JobName]: (world: World, payload: JobPayload<N>) => Promise<void>;
};

/** `tick` once a minute; then each errand beside all others, one of a kind at a time, however long it takes. */
interface Minutely {
  readonly tick: (world: World) => Promise<void>;
  readonly errands: Readonly<Record<string, (world: World) => Promise<void>>>;
}

export interface JobQueue extends Jobs {
  /** Starts this node's workers, and does `minutely` on one node of all. */
  work(world: World, handlers: JobHandlers, minutely: Minutely): Promise<void>;
  /** Waits for the jobs in hand, at most five seconds; what is cut off is run again by the next node that looks. */
  stop(): Promise<void>;
}

export const JOB_SCHEMA = 'jobs';

/** Opens the queue and makes or migrates its tables. It brings a small pool of its own, so that jobs never starve requests. */
export async function openJobQueue(connection: pg.PoolConfig, log: Log): Promise<JobQueue> {
  const boss = new PgBoss({
    ...(connection as ConstructorParameters<typeof PgBoss>[0] & object),
    schema: JOB_SCHEMA,
    max: 6,
    useListenNotify: true,
    schedule: false,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
  });
  boss.on('error', (error) => log.error('jobs.error', { error: error.message }));
  await boss.start();
  const known = new Set((await boss.getQueues()).map((queue) => queue.name));
  for (const name of [...JOB_NAMES, TICK]) {
    if (!known.has(name)) await boss.createQueue(name, name === TICK ? TICK_QUEUE : JOB_QUEUE);
  }
  return {
    async enqueue(tx, name, payload) {
      await boss.send(name, payload, { db: fromKysely(tx) });
    },
    async enqueueAll(tx, name, payloads) {
      if (payloads.length === 0) return;
      await boss.insert(
        name,
        payloads.map((data) => ({ data })),
        { db: fromKysely(tx) },
      );
    },
    async work(world, handlers, { tick, errands }) {
      for (const name of JOB_NAMES) await workOn(boss, name, handlers[name] as JobHandler, world);
      for (const [name, errand] of Object.entries(errands)) {
        const queue = errandQueue(name);
        if (!known.has(queue)) await boss.createQueue(queue, ERRAND_QUEUE);
        await boss.work(queue, { pollingIntervalSeconds: 5 }, () => errand(world));
      }
      await boss.work(TICK, { pollingIntervalSeconds: 5 }, async () => {
        await tick(world);
        // Where one waits to be run, another does not queue up behind it.
        for (const name of Object.keys(errands)) await boss.send(errandQueue(name), {});
      });
      const beat = () =>
        boss
          .send(TICK, {}, { singletonKey: TICK, singletonSeconds: 60 })
          .catch((error: Error) => log.error('jobs.tick-not-sent', { error: error.message }));
      await beat();
      const timer = setInterval(beat, 15_000);
      timer.unref();
      boss.once('stopped', () => clearInterval(timer));
    },
    stop: () => boss.stop({ graceful: true, timeout: 5_000 }),
  };
}

const JOB_NAMES = Object.keys(jobPayloads) as JobName[];
const TICK = 'tick';
/** Two weeks of tries, at most ten minutes apart: a directory may be down over a holiday. */
const JOB_QUEUE = {
  retryLimit: 2_000,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax: 600,
  heartbeatSeconds: 10,
  expireInSeconds: 300,
  deleteAfterSeconds: 86_400,
  notify: true,
};
const TICK_QUEUE = { retryLimit: 0, expireInSeconds: 300, deleteAfterSeconds: 3_600 };
/** At most one waits, and a node runs one at a time. What a node that ended had in hand is sent again with the next minute. */
const ERRAND_QUEUE = { ...TICK_QUEUE, policy: 'short' as const, expireInSeconds: 3_600, notify: true };
const errandQueue = (name: string): string => `errand-${name}`;

type JobHandler = (world: World, payload: JobPayload<JobName>) => Promise<void>;

async function workOn(boss: PgBoss, name: JobName, handler: JobHandler, world: World): Promise<void> {
  const { batchSize, width } = PACE[name] ?? WORKERS;
  await boss.work<object, JobResult[], typeof POLLING>(name, { ...POLLING, batchSize }, async (jobs) => {
    const results: JobResult[] = [];
    for (let from = 0; from < jobs.length; from += width) {
      const some = jobs.slice(from, from + width);
      results.push(...(await Promise.all(some.map((job) => runJob(name, job, handler, world)))));
    }
    return results;
  });
}

/**
 * How many jobs are fetched by one query, and how many of those run side by side. Waiting for a directory costs nothing, and
 * thousands of people may wait at once. Keys are escrowed and certified in groups (`together.ts`), which take one connection
 * for all; RSA keys are made as many at a time as there are cores (`kra/key-pool.ts`).
 */
const PACE: Partial<Record<JobName, { readonly batchSize: number; readonly width: number }>> = {
  'publish-person': { batchSize: 50, width: 10 },
  'fulfil-enrollment': { batchSize: 32, width: 16 },
  // One a target: none waits for another.
  reconcile: { batchSize: 10, width: 10 },
};

// A batch, for pg-boss waits a whole polling interval after every batch that was not full.
const WORKERS = { batchSize: 10, width: 1 };
const POLLING = {
  batchSize: WORKERS.batchSize,
  burstWhenBatchFull: true,
  localConcurrency: 2,
  notifyPollingIntervalSeconds: 1,
  pollingIntervalSeconds: 1,
  perJobResults: true,
} as const;

async function runJob(
  name: JobName,
  job: { id: string; data: unknown },
  handler: JobHandler,
  world: World,
): Promise<JobResult> {
  try {
    await handler(world, jobPayloads[name].parse(job.data));
    return { id: job.id, status: 'completed' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    world.log.warn('job.failed', { job: name, reason });
    return { id: job.id, status: 'failed', output: { reason } };
  }
}
