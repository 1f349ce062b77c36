/** Forgetting sessions, links and challenges that have expired. They opened nothing any more. */
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { countExpiredTokens, deleteExpiredTokens } from '../store/tokens.ts';
import type { World } from '../world.ts';

export const purgeTokens = operation({
  action: 'session.purge',
  permission: 'system',
  input: z.object({}),
  subject: () => null,
  async run(tx, _input, _by, world) {
    const purged = await deleteExpiredTokens(tx, world.clock());
    return { result: purged, audit: { purged } };
  },
});

/** Leaves no record where there is nothing to forget. */
export async function purgeExpiredTokens(world: World): Promise<void> {
  const expired = await world.database.snapshot((snapshot) => countExpiredTokens(snapshot, world.clock()));
  if (expired > 0) await perform(world, purgeTokens, system, {});
}
