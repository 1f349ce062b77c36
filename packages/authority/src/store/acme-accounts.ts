/** ACME accounts of partners, the keys that let somebody make one, and nonces that were used. */
import type { Selectable } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type AcmeKeyRow = Selectable<Schema['acme_keys']>;
export type AcmeAccountRow = Selectable<Schema['acme_accounts']>;

export async function insertAcmeKey(
  tx: Transaction,
  key: Pick<AcmeKeyRow, 'id' | 'name' | 'addresses' | 'sealed' | 'created_at' | 'created_by' | 'expires_at'>,
): Promise<void> {
  await tx
    .insertInto('acme_keys')
    .values({ ...key, used_at: null, revoked_at: null })
    .execute();
}

/** With the account that each was used for, the newest first. */
export async function listAcmeKeys(snapshot: Snapshot): Promise<
  (Omit<AcmeKeyRow, 'sealed'> & {
    readonly account_id: string | null;
    readonly account_state: AcmeAccountRow['state'] | null;
  })[]
> {
  return snapshot
    .selectFrom('acme_keys as k')
    .leftJoin('acme_accounts as a', 'a.key_id', 'k.id')
    .select([
      'k.id',
      'k.name',
      'k.addresses',
      'k.created_at',
      'k.created_by',
      'k.expires_at',
      'k.used_at',
      'k.revoked_at',
      'a.id as account_id',
      'a.state as account_state',
    ])
    .orderBy('k.created_at', 'desc')
    .orderBy('k.id')
    .limit(1_000)
    .execute();
}

export async function acmeKeyById(snapshot: Snapshot, id: string): Promise<AcmeKeyRow | undefined> {
  return snapshot.selectFrom('acme_keys').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Held until commit: of two accounts that come with it at once, one gets it. */
export async function lockAcmeKey(tx: Transaction, id: string): Promise<AcmeKeyRow | undefined> {
  return tx.selectFrom('acme_keys').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

/** It is used, or good for nothing any more; what it was is forgotten. */
export async function closeAcmeKey(
  tx: Transaction,
  id: string,
  change: { readonly used_at: Date } | { readonly revoked_at: Date },
): Promise<void> {
  await tx
    .updateTable('acme_keys')
    .set({ ...change, sealed: null })
    .where('id', '=', id)
    .execute();
}

/** @returns false where that key has an account */
export async function insertAcmeAccount(
  tx: Transaction,
  { jwk, ...account }: Omit<AcmeAccountRow, 'state'>,
): Promise<boolean> {
  const inserted = await tx
    .insertInto('acme_accounts')
    .values({ ...account, jwk: JSON.stringify(jwk), state: 'valid' })
    .onConflict((conflict) => conflict.column('thumbprint').doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function acmeAccount(
  snapshot: Snapshot,
  by: { readonly id: string } | { readonly thumbprint: string } | { readonly keyId: string },
): Promise<AcmeAccountRow | undefined> {
  const query = snapshot.selectFrom('acme_accounts').selectAll();
  if ('id' in by) return query.where('id', '=', by.id).executeTakeFirst();
  return 'keyId' in by
    ? query.where('key_id', '=', by.keyId).executeTakeFirst()
    : query.where('thumbprint', '=', by.thumbprint).executeTakeFirst();
}

/** Held until commit. */
export async function lockAcmeAccount(tx: Transaction, id: string): Promise<AcmeAccountRow | undefined> {
  return tx.selectFrom('acme_accounts').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export async function changeAcmeAccount(
  tx: Transaction,
  id: string,
  { jwk, ...change }: Partial<Pick<AcmeAccountRow, 'contacts' | 'state' | 'jwk' | 'thumbprint'>>,
): Promise<void> {
  await tx
    .updateTable('acme_accounts')
    .set({ ...change, ...(jwk !== undefined && { jwk: JSON.stringify(jwk) }) })
    .where('id', '=', id)
    .execute();
}

/** @returns false where it was spent before */
export async function spendAcmeNonce(tx: Transaction, nonce: { hash: Buffer; expires_at: Date }): Promise<boolean> {
  const inserted = await tx
    .insertInto('acme_spent_nonces')
    .values(nonce)
    .onConflict((conflict) => conflict.doNothing())
    .returning('hash')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function countEndedNonces(snapshot: Snapshot, at: Date): Promise<number> {
  const { count } = await snapshot
    .selectFrom('acme_spent_nonces')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('expires_at', '<=', at)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** They would be refused for their age. @returns how many */
export async function forgetEndedNonces(tx: Transaction, at: Date): Promise<number> {
  const { numDeletedRows } = await tx.deleteFrom('acme_spent_nonces').where('expires_at', '<=', at).executeTakeFirst();
  return Number(numDeletedRows);
}

export async function acmeNonceKey(snapshot: Snapshot): Promise<Buffer | undefined> {
  const row = await snapshot.selectFrom('acme_nonce_key').select('sealed').executeTakeFirst();
  return row?.sealed;
}

/** Of two who make one at once, one stays. */
export async function keepAcmeNonceKey(tx: Transaction, sealed: Buffer): Promise<void> {
  await tx
    .insertInto('acme_nonce_key')
    .values({ sealed })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
