/** Tokens of SCIM clients: each of one source, kept as a hash, good for nothing but SCIM. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type ScimTokenRow = Selectable<Schema['scim_tokens']>;

/** Those that are in force at that instant, and those that were, the newest first. */
export async function listScimTokens(snapshot: Snapshot, source?: string): Promise<ScimTokenRow[]> {
  let rows = snapshot.selectFrom('scim_tokens').selectAll();
  if (source !== undefined) rows = rows.where('source', '=', source);
  return rows.orderBy('created_at', 'desc').orderBy('id').limit(1_000).execute();
}

/** The one with this hash, unless it has expired or was revoked. */
export async function scimTokenInForce(snapshot: Snapshot, hash: Buffer, at: Date): Promise<ScimTokenRow | undefined> {
  return snapshot
    .selectFrom('scim_tokens')
    .selectAll()
    .where('hash', '=', hash)
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
    .executeTakeFirst();
}

export async function insertScimToken(
  tx: Transaction,
  token: Pick<ScimTokenRow, 'id' | 'source' | 'hash' | 'created_at' | 'created_by' | 'expires_at'>,
): Promise<void> {
  await tx
    .insertInto('scim_tokens')
    .values({ ...token, last_used_at: null, revoked_at: null })
    .execute();
}

/** Held until commit. */
export async function lockScimToken(tx: Transaction, id: string): Promise<ScimTokenRow | undefined> {
  return tx.selectFrom('scim_tokens').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export async function changeScimToken(
  tx: Transaction,
  id: string,
  change: Partial<Pick<ScimTokenRow, 'expires_at' | 'revoked_at' | 'last_used_at'>>,
): Promise<void> {
  await tx.updateTable('scim_tokens').set(change).where('id', '=', id).execute();
}
