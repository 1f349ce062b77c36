/** Claim links: each hands one person their keys, once. Only the hash of its secret is kept for good. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type ClaimRow = Selectable<Schema['claims']>;

export async function claimByHash(snapshot: Snapshot, secretHash: Buffer): Promise<ClaimRow | undefined> {
  return snapshot.selectFrom('claims').selectAll().where('secret_hash', '=', secretHash).executeTakeFirst();
}

/** Held until commit. */
export async function lockClaim(tx: Transaction, id: string): Promise<ClaimRow | undefined> {
  return tx.selectFrom('claims').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

/** The one that is not closed, held until commit. */
export async function lockOpenClaim(tx: Transaction, personId: string): Promise<ClaimRow | undefined> {
  return tx
    .selectFrom('claims')
    .selectAll()
    .where('person_id', '=', personId)
    .where('closed_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
}

/** The last one made, open or closed. */
export async function latestClaim(snapshot: Snapshot, personId: string): Promise<ClaimRow | undefined> {
  return snapshot
    .selectFrom('claims')
    .selectAll()
    .where('person_id', '=', personId)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export async function openClaims(snapshot: Snapshot, personIds: readonly string[]): Promise<ClaimRow[]> {
  if (personIds.length === 0) return [];
  return snapshot
    .selectFrom('claims')
    .selectAll()
    .where('person_id', 'in', personIds)
    .where('closed_at', 'is', null)
    .execute();
}

/** Whose link nobody has seen yet, the oldest first; people who are here. */
export async function unseenClaims(snapshot: Snapshot, at: Date, limit: number): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('claims as c')
    .innerJoin('people as p', 'p.id', 'c.person_id')
    .select('c.person_id')
    .where('c.closed_at', 'is', null)
    .where('c.sealed_secret', 'is not', null)
    .where('c.expires_at', '>', at)
    // An officer who has just asked for the link is shown it: this one waits a minute.
    .where('c.created_at', '<=', new Date(at.getTime() - 60_000))
    .where('p.state', '=', 'active')
    .orderBy('c.created_at')
    .limit(limit)
    .execute();
  return rows.map(({ person_id }) => person_id);
}

export async function insertClaim(tx: Transaction, claim: Omit<ClaimRow, 'claimed_at' | 'closed_at'>): Promise<void> {
  await tx
    .insertInto('claims')
    .values({ ...claim, claimed_at: null, closed_at: null })
    .execute();
}

/** The link has been shown: its secret is gone from here, and its time begins. */
export async function markShown(tx: Transaction, id: string, expiresAt: Date): Promise<void> {
  await tx.updateTable('claims').set({ sealed_secret: null, expires_at: expiresAt }).where('id', '=', id).execute();
}

export async function markClaimed(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx.updateTable('claims').set({ claimed_at: at }).where('id', '=', id).where('claimed_at', 'is', null).execute();
}

export async function closeClaim(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx
    .updateTable('claims')
    .set({ closed_at: at, sealed_secret: null })
    .where('id', '=', id)
    .where('closed_at', 'is', null)
    .execute();
}

export async function expiredClaims(snapshot: Snapshot, at: Date): Promise<ClaimRow[]> {
  return snapshot
    .selectFrom('claims')
    .selectAll()
    .where('closed_at', 'is', null)
    .where('expires_at', '<=', at)
    .orderBy('expires_at')
    .limit(500)
    .execute();
}

/** Links that nobody has seen yet, behind an id where one is given, in the order of their ids; held until commit. */
export async function claimsSealedUnder(
  tx: Transaction,
  vaultId: string,
  { after, limit }: { readonly after?: string; readonly limit: number },
): Promise<{ id: string; sealed_secret: Buffer }[]> {
  let query = tx
    .selectFrom('claims')
    .select(['id', 'sealed_secret'])
    .where('vault_id', '=', vaultId)
    .where('sealed_secret', 'is not', null)
    .orderBy('id')
    .limit(limit)
    .forUpdate();
  if (after !== undefined) query = query.where('id', '>', after);
  const rows = await query.execute();
  return rows.map(({ id, sealed_secret }) => ({ id, sealed_secret: sealed_secret as Buffer }));
}

export async function resealClaim(tx: Transaction, id: string, vaultId: string, sealedSecret: Buffer): Promise<void> {
  await tx.updateTable('claims').set({ vault_id: vaultId, sealed_secret: sealedSecret }).where('id', '=', id).execute();
}
