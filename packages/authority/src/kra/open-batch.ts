/** Opens a batch once a quorum has contributed to it. The job; idempotent: a batch is opened once, whole. */
import { performAll } from '../operation.ts';
import { system } from '../principal.ts';
import { batchById, readyBatches, recordsOfBatch, roundById } from '../store/rounds.ts';
import type { World } from '../world.ts';
import { proveKeys } from './drill.ts';
import { endRecoveries } from './end-recoveries.ts';
import { rewrapKeys } from './rewrap.ts';

export async function openBatch(world: World, batchId: string): Promise<void> {
  const found = await world.database.snapshot(async (snapshot) => {
    const batch = await batchById(snapshot, batchId);
    // Done by whoever was told before us, or ended meanwhile.
    if (batch?.state !== 'ready') return undefined;
    const round = await roundById(snapshot, batch.round_id);
    return { kind: round?.kind, records: await recordsOfBatch(snapshot, batchId) };
  });
  if (found === undefined) return;
  const inputs = found.records.map((record) => ({ batchId, ...record }));
  if (found.kind === 'drill') await performAll(world, proveKeys, system, inputs);
  else {
    await performAll(world, rewrapKeys, system, inputs);
    // A request names the points of the locks that were. Where we go down before this, the scheduler does it.
    await endRecoveries(world);
  }
}

/**
 * Opens what a process before this one left ready. For the start: the queue takes a job from a process that died only after its
 * heartbeat is missed, and later after each time.
 */
export async function resumeBatches(world: World): Promise<void> {
  try {
    for (const batchId of await world.database.snapshot(readyBatches)) await openBatch(world, batchId);
  } catch (error) {
    // The queue comes back to it.
    world.log.warn('batch.not-opened', { reason: error instanceof Error ? error.message : String(error) });
  }
}
