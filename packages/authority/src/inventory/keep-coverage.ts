/** Keeps up to date who is covered and who is not. Nothing depends on when: whoever asks in between has the stale ones looked at anew. */
import { refreshCoverage, staleCoverage } from '../store/coverage.ts';
import type { Snapshot } from '../store/database.ts';
import type { World } from '../world.ts';

/** People in one transaction: a fraction of a second. */
const BATCH = 2_000;
/** Batches in one go; the next minute goes on. */
const BATCHES = 500;
/** So many stale people cost whoever asks about 20 ms. */
const NOTICED = 500;

/** Once a minute, on one node of all. */
export async function keepCoverage(world: Pick<World, 'clock' | 'database'>): Promise<void> {
  for (let batch = 0; batch < BATCHES; batch++) {
    if ((await refreshCoverage(world.database, world.clock(), BATCH)) === 0) return;
  }
}

/** Those to look at anew. Where thousands have just joined, they are kept behind the back of whoever asks. */
export async function staleNow(world: CoverageWorld, snapshot: Snapshot, at: Date): Promise<string[]> {
  const stale = await staleCoverage(snapshot, at);
  if (stale.length > NOTICED && !keeping.has(world.database)) {
    keeping.add(world.database);
    keepCoverage(world)
      .catch((error: Error) => world.log.warn('coverage.not-kept', { error: error.message }))
      .finally(() => keeping.delete(world.database));
  }
  return stale;
}

export type CoverageWorld = Pick<World, 'clock' | 'database' | 'log'>;

const keeping = new WeakSet<World['database']>();
