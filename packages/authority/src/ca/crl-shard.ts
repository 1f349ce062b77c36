/** Which list a certificate stands on once it is revoked: chosen when it is issued, for life. */
import { z } from 'zod';
import { crlConfigOf } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { type AuthorityRow, authorityById } from '../store/authorities.ts';
import { type CrlShard, listShards, putShard } from '../store/crl-shards.ts';
import { holdAuthority } from '../store/crls.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import type { World } from '../world.ts';
import { crlAddress } from './addresses.ts';
import { issueCrl } from './crl.ts';

/** The lists that new certificates are shared out among; none where the complete one is the only one. */
export async function shardsInUse(
  snapshot: Snapshot,
  world: World,
  authority: Pick<AuthorityRow, 'id' | 'slug'>,
): Promise<CrlShard[]> {
  const { shards } = crlConfigOf(world.config, authority.slug);
  return shards === 1 ? [] : (await listShards(snapshot, authority.id)).filter(({ shard }) => shard < shards);
}

/** Serial numbers are random: their last octets share certificates out evenly. */
export function shardFor(shards: readonly CrlShard[], serialNumber: string): CrlShard | undefined {
  return shards[Number.parseInt(serialNumber.slice(-6), 16) % shards.length];
}

/** Shards that the configuration asks for and the authority does not have, or has at another address. */
export async function missingShards(
  snapshot: Snapshot,
  world: World,
  authority: Pick<AuthorityRow, 'id' | 'slug' | 'role'>,
): Promise<{ shard: number; url: string }[]> {
  const { shards } = crlConfigOf(world.config, authority.slug);
  // A root signs authorities: few, and all on its complete list.
  if (shards === 1 || authority.role === 'root') return [];
  const present = new Map((await listShards(snapshot, authority.id)).map(({ shard, urls }) => [shard, urls[0]]));
  return Array.from({ length: shards }, (_, shard) => ({
    shard,
    url: crlAddress(world.config, authority.slug, shard, 'complete'),
  })).filter(({ shard, url }) => present.get(shard) !== url);
}

/** Adds what is missing. Each list is there before the first certificate names it. */
export const addCrlShards = operation({
  action: 'crl.add-shards',
  permission: 'system',
  input: z.strictObject({ authorityId: z.uuid() }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId }, _by, world) {
    await holdAuthority(tx, authorityId);
    const authority = await authorityById(tx, authorityId);
    if (authority === undefined) throw new AuthorityError('not-found', 'There is no such authority. Nothing was made.');
    const added = await addMissingShards(tx, world, authority);
    return { result: added.length, audit: { authority: authority.slug, shards: added } };
  },
});

async function addMissingShards(tx: Transaction, world: World, authority: AuthorityRow): Promise<number[]> {
  const missing = await missingShards(tx, world, authority);
  for (const one of missing) await putShard(tx, authority.id, one, world.clock());
  for (const { shard } of missing) await issueCrl(tx, world, authority, shard);
  return missing.map(({ shard }) => shard);
}
