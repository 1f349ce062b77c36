/** Requests that end with nothing released and nobody against them: their time is over, or their keys are in another vault now. */
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import {
  endRecoveriesOfVault,
  hasMovedOn,
  lockRecovery,
  recoveriesToEnd,
  setRecoveryState,
} from '../store/recovery.ts';
import type { World } from '../world.ts';
import { readCanonical } from './canonical-request.ts';
import { tellSubjects } from './recovery-notices.ts';
import { peopleOf } from './whom.ts';

/** Writes down that a request has ended, and tells whose keys it was for. @returns false where it had ended before */
export const expireRecovery = operation({
  action: 'recovery.expire',
  permission: 'system',
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id }, _by, world) {
    const request = await lockRecovery(tx, id);
    const pending = request?.state === 'open' || request?.state === 'approved';
    if (!pending) return { result: false, audit: { already: true } };
    const lapsed = request.expires_at <= world.clock();
    // Its officers were asked for the locks that were; it is made anew for those that are.
    if (!lapsed && !(await hasMovedOn(tx, id))) return { result: false, audit: { pending: true } };
    const canonical = readCanonical(request);
    await setRecoveryState(tx, id, 'expired');
    await tellSubjects(tx, world, canonical, 'ended');
    return { result: true, audit: { ...peopleOf(canonical), because: lapsed ? 'lapsed' : 'moved' } };
  },
});

/** The job; idempotent. */
export async function endRecoveries(world: World): Promise<void> {
  const ids = await world.database.snapshot((snapshot) => recoveriesToEnd(snapshot, world.clock()));
  for (const id of ids) await perform(world, expireRecovery, system, { id });
}

/** The shares of a vault were dealt anew: what officers contributed with the old ones opens nothing. @returns which ended */
export async function endThoseOfVault(tx: Transaction, world: World, vaultId: string): Promise<string[]> {
  const ended = await endRecoveriesOfVault(tx, vaultId);
  for (const request of ended) await tellSubjects(tx, world, readCanonical(request), 'ended');
  return ended.map(({ id }) => id);
}
