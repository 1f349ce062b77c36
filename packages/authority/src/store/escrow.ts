/** Escrowed keys and their locks: sealed octets and who may open them. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type EscrowedKeyRow = Selectable<Schema['escrowed_keys']>;
export type LockRow = Selectable<Schema['escrow_locks']>;

export async function insertEscrowedKey(
  tx: Transaction,
  key: Omit<EscrowedKeyRow, 'use' | 'destroyed_at'>,
  locks: readonly Pick<LockRow, 'kind' | 'holder' | 'wrapped' | 'expires_at'>[],
): Promise<void> {
  await tx.insertInto('escrowed_keys').values(key).execute();
  await tx
    .insertInto('escrow_locks')
    .values(locks.map((lock) => ({ ...lock, escrowed_key_id: key.id, created_at: key.created_at })))
    .execute();
}

export async function escrowedKeyById(snapshot: Snapshot, id: string): Promise<EscrowedKeyRow | undefined> {
  return snapshot.selectFrom('escrowed_keys').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function escrowedKeysByIds(snapshot: Snapshot, ids: readonly string[]): Promise<EscrowedKeyRow[]> {
  return snapshot.selectFrom('escrowed_keys').selectAll().where(sql<boolean>`id = ANY (${ids}::uuid[])`).execute();
}

/** Newest first; without those that were destroyed. */
export async function escrowedKeysOfPerson(snapshot: Snapshot, personId: string): Promise<EscrowedKeyRow[]> {
  return (await keyHistory(snapshot, personId)).filter(({ destroyed_at }) => destroyed_at === null);
}

/** Every key that person ever had, newest first. What was sealed in one that was destroyed is empty. */
export async function keyHistory(snapshot: Snapshot, personId: string): Promise<EscrowedKeyRow[]> {
  return snapshot
    .selectFrom('escrowed_keys')
    .selectAll()
    .where('person_id', '=', personId)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
}

/**
 * The newest key of each person who has one that may be certified again: not one that came from another office, and none at all
 * where the newest is compromised.
 */
export async function newestKeys(snapshot: Snapshot, personIds: readonly string[]): Promise<Map<string, string>> {
  if (personIds.length === 0) return new Map();
  const rows = await snapshot
    .selectFrom('escrowed_keys')
    .select(['person_id', 'id'])
    .select(
      sql<boolean>`EXISTS (SELECT 1 FROM certificates c
        WHERE c.escrowed_key_id = escrowed_keys.id AND c.revocation_reason = 'keyCompromise')`.as('compromised'),
    )
    .distinctOn('person_id')
    .where(sql<boolean>`person_id = ANY (${personIds}::uuid[])`)
    .where('origin', '<>', 'imported')
    .where('destroyed_at', 'is', null)
    .orderBy('person_id')
    .orderBy('created_at', 'desc')
    .execute();
  return new Map(rows.filter(({ compromised }) => !compromised).map((row) => [row.person_id, row.id]));
}

export async function locksOfKeys(snapshot: Snapshot, ids: readonly string[]): Promise<LockRow[]> {
  return snapshot
    .selectFrom('escrow_locks')
    .selectAll()
    .where(sql<boolean>`escrowed_key_id = ANY (${ids}::uuid[])`)
    .orderBy('kind', 'desc')
    .execute();
}

/** What one holder can open, newest key first, each with its newest certificate; keys without a certificate are left out. */
export async function keysLockedTo(
  snapshot: Snapshot,
  lock: { readonly kind: LockRow['kind']; readonly holder: string; readonly personId: string },
): Promise<{ key: EscrowedKeyRow; wrapped: Buffer; certificate: Buffer; authorityId: string | null }[]> {
  const rows = await snapshot
    .selectFrom('escrow_locks as l')
    .innerJoin('escrowed_keys as e', 'e.id', 'l.escrowed_key_id')
    .selectAll('e')
    .select('l.wrapped')
    .where('l.kind', '=', lock.kind)
    .where('l.holder', '=', lock.holder)
    .where('e.person_id', '=', lock.personId)
    .orderBy('e.created_at', 'desc')
    .execute();
  const certificates = await certificatesOfKeys(
    snapshot,
    rows.map(({ id }) => id),
  );
  return rows.flatMap(({ wrapped, ...key }) => {
    const certificate = certificates.get(key.id);
    return certificate === undefined ? [] : [{ key, wrapped, ...certificate }];
  });
}

/** The certificate of an escrowed key, DER. */
export interface KeyCertificate {
  readonly certificate: Buffer;
  /** Null where another office issued it that is not here. */
  readonly authorityId: string | null;
  readonly serialNumber: string;
}

/** The newest certificate of each escrowed key: ours, or that of the office which made the key. */
export async function certificatesOfKeys(
  snapshot: Snapshot,
  ids: readonly string[],
): Promise<Map<string, KeyCertificate>> {
  const all = await everyCertificateOfKeys(snapshot, ids);
  return new Map(all.map(({ escrowedKeyId, ...certificate }) => [escrowedKeyId, certificate]));
}

/** Every certificate that an escrowed key ever had, oldest first: mail names the one that it was encrypted for. */
export async function everyCertificateOfKeys(
  snapshot: Snapshot,
  ids: readonly string[],
): Promise<(KeyCertificate & { readonly escrowedKeyId: string })[]> {
  const ours = snapshot
    .selectFrom('certificates')
    .select(['escrowed_key_id', 'certificate', 'serial_number'])
    .select((row) => [row.ref('authority_id').$castTo<string | null>().as('authority_id'), 'issued_at as since'])
    .where(sql<boolean>`escrowed_key_id = ANY (${ids}::uuid[])`);
  const others = snapshot
    .selectFrom('imported_certificates')
    .select(['escrowed_key_id', 'certificate', 'serial_number'])
    .select(['authority_id', 'not_before as since'])
    .where(sql<boolean>`escrowed_key_id = ANY (${ids}::uuid[])`);
  const rows = await ours.unionAll(others).orderBy('since').execute();
  return rows.flatMap(({ escrowed_key_id: escrowedKeyId, certificate, authority_id, serial_number }) =>
    escrowedKeyId === null
      ? []
      : [{ escrowedKeyId, certificate, authorityId: authority_id, serialNumber: serial_number }],
  );
}

/** A lock that is there already stays. @returns whether it was put in */
export async function addLock(
  tx: Transaction,
  escrowedKeyId: string,
  lock: Pick<LockRow, 'kind' | 'holder' | 'wrapped' | 'expires_at'>,
  at: Date,
): Promise<boolean> {
  const added = await tx
    .insertInto('escrow_locks')
    .values({ ...lock, escrowed_key_id: escrowedKeyId, created_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return added !== undefined;
}

/**
 * SQL: the row `e` of `escrowed_keys` is a key that its owner has fetched, or that a gateway opens in the owner's stead. Before
 * that nobody is told of its certificate: they could not read what is written to them.
 */
export const isUsable = sql<boolean>`(e.delivered_at IS NOT NULL
  OR EXISTS (SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = e.id AND l.kind = 'gateway'))`;

/** Of these keys, those that are in use. */
export async function usableKeys(snapshot: Snapshot, ids: readonly string[]): Promise<Set<string>> {
  const rows = await snapshot
    .selectFrom('escrowed_keys as e')
    .select('e.id')
    .where(sql<boolean>`e.id = ANY (${ids}::uuid[]) AND ${isUsable}`)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

export async function markDelivered(tx: Transaction, ids: readonly string[], at: Date): Promise<void> {
  await sql`UPDATE escrowed_keys SET delivered_at = ${at} WHERE id = ANY (${ids}::uuid[]) AND delivered_at IS NULL`.execute(
    tx,
  );
}

export async function dropLocks(
  tx: Transaction,
  lock: { readonly kind: 'claim' | 'gateway' | 'owner'; readonly holder?: string; readonly personId?: string },
): Promise<number> {
  let query = tx.deleteFrom('escrow_locks').where('kind', '=', lock.kind);
  if (lock.holder !== undefined) query = query.where('holder', '=', lock.holder);
  if (lock.personId !== undefined) {
    const { personId } = lock;
    query = query.where('escrowed_key_id', 'in', (where) =>
      where.selectFrom('escrowed_keys').select('id').where('person_id', '=', personId),
    );
  }
  return Number((await query.executeTakeFirst()).numDeletedRows);
}

/** How many locks that holder has. */
export async function locksOfHolder(snapshot: Snapshot, kind: LockRow['kind'], holder: string): Promise<number> {
  const { count } = await snapshot
    .selectFrom('escrow_locks')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('kind', '=', kind)
    .where('holder', '=', holder)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function setLockExpiry(tx: Transaction, claimId: string, expiresAt: Date): Promise<void> {
  await tx
    .updateTable('escrow_locks')
    .set({ expires_at: expiresAt })
    .where('kind', '=', 'claim')
    .where('holder', '=', claimId)
    .execute();
}

/** The newest certificate of each enrolled gateway that is good at that instant. */
export async function enrolledGateways(snapshot: Snapshot, at: Date): Promise<{ id: string; certificate: Buffer }[]> {
  const rows = await snapshot
    .selectFrom('certificates')
    .select(['gateway_id', 'certificate'])
    .distinctOn('gateway_id')
    .where('use', '=', 'gateway')
    .where('gateway_id', 'is not', null)
    .where('revoked_at', 'is', null)
    .where('not_before', '<=', at)
    .where('not_after', '>', at)
    .orderBy('gateway_id')
    .orderBy('issued_at', 'desc')
    .execute();
  return rows.flatMap(({ gateway_id, certificate }) => (gateway_id === null ? [] : [{ id: gateway_id, certificate }]));
}

/** Active people who let gateways open their mail and whose newest key is not locked to this one. */
export async function peopleWithoutLockTo(snapshot: Snapshot, gatewayId: string): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('people')
    .select('id')
    .where('state', '=', 'active')
    .where('gateway_decrypts', '=', true)
    .where(
      sql<boolean>`NOT EXISTS (SELECT 1 FROM escrow_locks l WHERE l.kind = 'gateway' AND l.holder = ${gatewayId}
        AND l.escrowed_key_id = (SELECT e.id FROM escrowed_keys e WHERE e.person_id = people.id AND e.origin <> 'imported'
          ORDER BY e.created_at DESC LIMIT 1))`,
    )
    .execute();
  return rows.map(({ id }) => id);
}

/** A lock, and whose key it opens. */
export type OwnedLockRow = LockRow & { readonly person_id: string };

/** The locks of that vault, as `l`, for a query to go on from. */
export function vaultLocksIn(snapshot: Snapshot, vaultId: string) {
  return snapshot
    .selectFrom('escrow_locks as l')
    .innerJoin('escrowed_keys as e', 'e.id', 'l.escrowed_key_id')
    .selectAll('l')
    .select('e.person_id')
    .where('l.kind', '=', 'vault')
    .where('l.holder', '=', vaultId);
}

/** Held until commit; what another transaction holds is left to it. */
export async function holdVaultLocks(tx: Transaction, vaultId: string, limit: number): Promise<OwnedLockRow[]> {
  return vaultLocksIn(tx, vaultId).limit(limit).forUpdate('l').skipLocked().execute();
}

/** Of these keys, the lock in that vault, by the key; one that has none there is absent. */
export async function vaultLocksOfKeys(
  snapshot: Snapshot,
  vaultId: string,
  ids: readonly string[],
): Promise<Map<string, LockRow>> {
  const locks = await locksOfKeys(snapshot, ids);
  return new Map(
    locks
      .filter(({ kind, holder }) => kind === 'vault' && holder === vaultId)
      .map((lock) => [lock.escrowed_key_id, lock]),
  );
}

/** Locks of live vaults from before there were proofs of ownership, whose points are not on the trail yet. */
export async function unattestedLocks(
  snapshot: Snapshot,
  limit: number,
): Promise<{ id: string; escrowed_key_id: string; person_id: string; vault_id: string; wrapped: Buffer }[]> {
  return (
    snapshot
      .selectFrom('escrow_locks as l')
      .innerJoin('escrowed_keys as e', 'e.id', 'l.escrowed_key_id')
      .innerJoin('vaults as v', (join) => join.on(sql<boolean>`v.id::text = l.holder AND v.public_key IS NOT NULL`))
      .select(['l.id', 'l.escrowed_key_id', 'e.person_id', 'v.id as vault_id', 'l.wrapped'])
      // As the index has it; 2 is the version of such a lock.
      .where(sql<boolean>`l.kind = 'vault' AND l.attested_at IS NULL AND get_byte(l.wrapped, 0) = 2`)
      .limit(limit)
      .execute()
  );
}

export async function markAttested(tx: Transaction, ids: readonly string[], at: Date): Promise<void> {
  await sql`UPDATE escrow_locks SET attested_at = ${at} WHERE id = ANY (${ids}::uuid[])`.execute(tx);
}

/** The vault lock of a key, held until commit; undefined where it is not in that vault. */
export async function holdVaultLock(
  tx: Transaction,
  escrowedKeyId: string,
  vaultId: string,
): Promise<LockRow | undefined> {
  return tx
    .selectFrom('escrow_locks')
    .selectAll()
    .where('kind', '=', 'vault')
    .where('escrowed_key_id', '=', escrowedKeyId)
    .where('holder', '=', vaultId)
    .forUpdate()
    .executeTakeFirst();
}

/** The same key in another vault. */
export async function moveLock(tx: Transaction, id: string, vaultId: string, wrapped: Buffer): Promise<void> {
  await tx.updateTable('escrow_locks').set({ holder: vaultId, wrapped }).where('id', '=', id).execute();
}

/** Vault locks of that vault behind an id, in their order, held until commit. */
export async function vaultLocksBehind(
  tx: Transaction,
  vaultId: string,
  after: string,
  limit: number,
): Promise<LockRow[]> {
  return tx
    .selectFrom('escrow_locks')
    .selectAll()
    .where('kind', '=', 'vault')
    .where('holder', '=', vaultId)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .forUpdate()
    .execute();
}

/** What a replaced vault still has to do before it is closed. */
export async function unfinishedOf(
  snapshot: Snapshot,
  vaultId: string,
): Promise<{ unmarked: boolean; locks: boolean; claims: boolean }> {
  return snapshot
    .selectFrom('vaults')
    .where('id', '=', vaultId)
    .select([
      sql<boolean>`replaced_at IS NULL`.as('unmarked'),
      sql<boolean>`EXISTS (SELECT 1 FROM escrow_locks WHERE kind = 'vault' AND holder = ${vaultId})`.as('locks'),
      sql<boolean>`EXISTS (SELECT 1 FROM claims WHERE vault_id = ${vaultId}::uuid AND sealed_secret IS NOT NULL)`.as(
        'claims',
      ),
    ])
    .executeTakeFirstOrThrow();
}

export interface ExportedRow extends EscrowedKeyRow {
  /** Null for somebody who was erased. */
  readonly name: string | null;
  /** The first is the primary one. */
  readonly addresses: string[] | null;
}

/** Every escrowed key behind an id that was not destroyed, in the order of their ids, with its person. */
export async function keysBehind(snapshot: Snapshot, after: string, limit: number): Promise<ExportedRow[]> {
  return snapshot
    .selectFrom('escrowed_keys as e')
    .leftJoin('people as p', 'p.id', 'e.person_id')
    .selectAll('e')
    .select([
      'p.name',
      sql<string[] | null>`(SELECT array_agg(a.address ORDER BY a.is_primary DESC, a.key) FROM person_addresses a
        WHERE a.person_id = e.person_id)`.as('addresses'),
    ])
    .where('e.destroyed_at', 'is', null)
    .where('e.id', '>', after)
    .orderBy('e.id')
    .limit(limit)
    .execute();
}

/** Does anything still need that vault's key? */
export async function vaultHolds(snapshot: Snapshot, vaultId: string): Promise<boolean> {
  const { holds } = await snapshot
    .selectFrom('vaults')
    .where('id', '=', vaultId)
    .select(
      sql<boolean>`EXISTS (SELECT 1 FROM escrow_locks WHERE kind = 'vault' AND holder = ${vaultId})
    OR EXISTS (SELECT 1 FROM claims WHERE vault_id = ${vaultId}::uuid AND sealed_secret IS NOT NULL)
    OR EXISTS (SELECT 1 FROM recovery_requests WHERE sealed_password IS NOT NULL
         AND canonical::jsonb->>'vaultId' = ${vaultId})
    OR EXISTS (SELECT 1 FROM office WHERE secrets_key IS NULL)`.as('holds'),
    )
    .executeTakeFirstOrThrow();
  return holds;
}

/** How many escrowed keys that vault opens, and how many are in another. */
export async function countVaultLocks(
  snapshot: Snapshot,
  vaultId: string,
): Promise<{ inVault: number; elsewhere: number }> {
  const counts = await snapshot
    .selectFrom('escrow_locks')
    .select([
      sql<string>`count(*) FILTER (WHERE holder = ${vaultId})`.as('inVault'),
      sql<string>`count(*) FILTER (WHERE holder <> ${vaultId})`.as('elsewhere'),
    ])
    .where('kind', '=', 'vault')
    .executeTakeFirstOrThrow();
  return { inVault: Number(counts.inVault), elsewhere: Number(counts.elsewhere) };
}
