/** The lists that an authority's certificates are shared out among, and where they are published. */
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';

export interface CrlShard {
  readonly shard: number;
  /** Distribution points: the one that new certificates name first, then those that older ones name. */
  readonly urls: readonly [string, ...string[]];
}

/** In order of their numbers. */
export async function listShards(snapshot: Snapshot, authorityId: string): Promise<CrlShard[]> {
  const rows = await snapshot
    .selectFrom('crl_shards')
    .select(['shard', 'urls'])
    .where('authority_id', '=', authorityId)
    .orderBy('shard')
    .execute();
  return rows.map(({ shard, urls }) => ({ shard, urls: urls as [string, ...string[]] }));
}

/** Adds a shard, or puts its distribution point first; the ones it had stay good. */
export async function putShard(
  tx: Transaction,
  authorityId: string,
  { shard, url }: { shard: number; url: string },
  at: Date,
): Promise<void> {
  await tx
    .insertInto('crl_shards')
    .values({ authority_id: authorityId, shard, urls: [url], created_at: at })
    .onConflict((conflict) =>
      conflict
        .columns(['authority_id', 'shard'])
        .doUpdateSet({ urls: sql`array_prepend(${url}::text, array_remove(crl_shards.urls, ${url}::text))` }),
    )
    .execute();
}
