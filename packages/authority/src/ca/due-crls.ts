/** When the next CRL of a scope is due: it is missing, old, or does not know of the last revocation. */
import { crlConfigOf } from '../config.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { type AuthorityRow, authorityById, listAuthorities } from '../store/authorities.ts';
import { listShards } from '../store/crl-shards.ts';
import { type CrlScope, latestCrl } from '../store/crls.ts';
import type { Snapshot } from '../store/database.ts';
import { hasChanged } from '../store/revocations.ts';
import type { World } from '../world.ts';
import { generateCrl, HOUR } from './crl.ts';
import { addCrlShards, missingShards } from './crl-shard.ts';

/** The job after a revocation: makes the lists that do not have it yet. Many revocations at once make one list. */
export async function generateCrlIfDue(world: World, authorityId: string): Promise<void> {
  const authority = await world.database.snapshot((snapshot) => authorityById(snapshot, authorityId));
  if (authority !== undefined) await generateDue(world, authority);
}

/** For the scheduler: every list that is due. An authority that fails stops no other. */
export async function generateDueCrls(world: World): Promise<void> {
  const authorities = await world.database.snapshot(listAuthorities);
  for (const authority of authorities) {
    await generateDue(world, authority).catch((error: Error) =>
      world.log.error('crl.failed', { authority: authority.slug, error: error.message }),
    );
  }
}

async function generateDue(world: World, authority: AuthorityRow): Promise<void> {
  // Its lists come from ceremonies.
  if (authority.keyReference === null) return;
  const authorityId = authority.id;
  const missing = await world.database.snapshot((snapshot) => missingShards(snapshot, world, authority));
  if (missing.length > 0) await perform(world, addCrlShards, system, { authorityId });
  const due = await world.database.snapshot(async (snapshot) => {
    const shards = (await listShards(snapshot, authorityId)).map(({ shard }) => shard);
    const found: { shard: number | null; only?: 'delta' }[] = [];
    for (const shard of [null, ...shards]) {
      const what = await whatIsDue(snapshot, world, authority, { authorityId, shard });
      if (what !== undefined) found.push(what === 'delta' ? { shard, only: what } : { shard });
    }
    return found;
  });
  for (const one of due) await perform(world, generateCrl, system, { authorityId, ...one });
}

async function whatIsDue(
  snapshot: Snapshot,
  world: World,
  { slug }: AuthorityRow,
  scope: CrlScope,
): Promise<'complete' | 'delta' | undefined> {
  const { everyHours, deltaHours } = crlConfigOf(world.config, slug);
  const now = world.clock().getTime();
  const last = await latestCrl(snapshot, scope);
  if (last === undefined || now >= last.thisUpdate.getTime() + everyHours * HOUR) return 'complete';
  if (await hasChanged(snapshot, scope, last.version)) return 'complete';
  if (deltaHours === undefined) return undefined;
  const delta = await latestCrl(snapshot, scope, 'delta');
  return delta === undefined || now >= delta.thisUpdate.getTime() + deltaHours * HOUR ? 'delta' : undefined;
}
