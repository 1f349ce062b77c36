/** Vaults, the officers' share keys, and the ceremonies that bring them together. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export interface VaultRow {
  readonly id: string;
  readonly kekReference: string;
  /** While the key-encryption key rotates: what is not sealed under the one of now yet. */
  readonly previousKekReference: string | null;
  readonly threshold: number;
  readonly state: 'provisional' | 'live' | 'retired';
  /** 0 for a provisional vault. */
  readonly epoch: number;
  /** P-256 point, 65 octets; null for a provisional vault. */
  readonly publicKey: Buffer | null;
  /** Of the ceremony behind this epoch: RFC 8785 JSON. */
  readonly transcript: string | null;
  readonly createdAt: Date;
}

export type ShareKeyRow = Selectable<Schema['share_keys']>;
export type CeremonyRow = Selectable<Schema['ceremonies']>;
export type CeremonyPart = Selectable<Schema['ceremony_parts']>;

/** The vault that new keys are locked to. Throws where the office is not set up. */
export async function currentVault(snapshot: Snapshot): Promise<VaultRow> {
  const row = await vaults(snapshot)
    .where('state', '<>', 'retired')
    .orderBy(sql`state = 'live'`, 'desc')
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) throw new Error('There is no vault: the office is not set up');
  return read(row);
}

export async function vaultById(snapshot: Snapshot, id: string): Promise<VaultRow> {
  return read(await vaults(snapshot).where('id', '=', id).executeTakeFirstOrThrow());
}

/**
 * The vault as it is, held until commit: it is not closed while something is about to be sealed under it. Before any row that
 * whoever rotates its key may hold, so that neither waits for the other.
 */
export async function useVault(tx: Transaction, id: string): Promise<VaultRow> {
  return read(await vaults(tx).where('id', '=', id).forKeyShare().executeTakeFirstOrThrow());
}

/** The same for whoever closes it: nobody uses it any more, and what they sealed is there to be seen. */
export async function lockVault(tx: Transaction, id: string): Promise<VaultRow> {
  return read(await vaults(tx).where('id', '=', id).forUpdate().executeTakeFirstOrThrow());
}

/** The one of the set-up. */
export async function firstVault(snapshot: Snapshot): Promise<VaultRow> {
  return read(await vaults(snapshot).orderBy('created_at').limit(1).executeTakeFirstOrThrow());
}

/** Those that are not retired, oldest first. */
export async function vaultsInUse(snapshot: Snapshot): Promise<VaultRow[]> {
  return (await vaults(snapshot).where('state', '<>', 'retired').orderBy('created_at').execute()).map(read);
}

/** Vaults that were replaced and still hold something. */
export async function vaultsToEmpty(snapshot: Snapshot): Promise<VaultRow[]> {
  const current = await currentVault(snapshot);
  if (current.state !== 'live') return [];
  const rows = await vaults(snapshot).where('state', '<>', 'retired').where('id', '<>', current.id).execute();
  return rows.map(read);
}

export async function insertVault(tx: Transaction, vault: Omit<VaultRow, 'previousKekReference'>): Promise<void> {
  await tx
    .insertInto('vaults')
    .values({
      id: vault.id,
      name: 'vault',
      kek_reference: vault.kekReference,
      threshold: vault.threshold,
      state: vault.state,
      epoch: vault.epoch,
      public_key: vault.publicKey,
      transcript: vault.transcript,
      created_at: vault.createdAt,
    })
    .execute();
}

/** A vault was re-shared: the same key, other officers. */
export async function beginEpoch(
  tx: Transaction,
  id: string,
  next: Pick<VaultRow, 'epoch' | 'threshold'> & { readonly transcript: string },
): Promise<void> {
  await tx
    .updateTable('vaults')
    .set(next)
    .where('id', '=', id)
    .where('epoch', '=', next.epoch - 1)
    .executeTakeFirstOrThrow();
}

export async function retireVault(tx: Transaction, id: string): Promise<void> {
  await tx.updateTable('vaults').set({ state: 'retired' }).where('id', '=', id).execute();
}

/** Of the ceremony that founded it: RFC 8785 JSON. Throws for a provisional vault. */
export async function foundingTranscript(snapshot: Snapshot, vaultId: string): Promise<string> {
  const { transcript } = await snapshot
    .selectFrom('ceremonies')
    .select('transcript')
    .where('vault_id', '=', vaultId)
    .where('epoch', '=', 1)
    .where('state', '=', 'complete')
    .executeTakeFirstOrThrow();
  if (transcript === null) throw new Error('A complete ceremony has a transcript');
  return transcript;
}

/** From now on whatever begins sees that the vault was replaced. By the database's clock, which is that of `isQuiet`. */
export async function markReplaced(tx: Transaction, id: string): Promise<void> {
  await tx
    .updateTable('vaults')
    .set({ replaced_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('replaced_at', 'is', null)
    .execute();
}

/**
 * Has every transaction ended that began before the vault was marked? Until then one that read the vault as it was before may
 * still lock a key to it.
 */
export async function isQuiet(
  snapshot: Snapshot,
  id: string,
  mark: 'replaced_at' | 'kek_rotation_began_at',
): Promise<boolean> {
  const { quiet } = await snapshot
    .selectFrom('vaults')
    .where('id', '=', id)
    .select(
      sql<boolean>`${sql.ref(mark)} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.usename = current_user AND a.pid <> pg_backend_pid()
          AND a.xact_start < vaults.${sql.ref(mark)})`.as('quiet'),
    )
    .executeTakeFirstOrThrow();
  return quiet;
}

/** From now on whatever is sealed under the vault is sealed under the new key. */
export async function beginRotation(tx: Transaction, id: string, kekReference: string): Promise<void> {
  await tx
    .updateTable('vaults')
    .set(({ ref }) => ({
      previous_kek_reference: ref('kek_reference'),
      kek_reference: kekReference,
      kek_rotation_began_at: null,
      kek_rotation_cursor: null,
    }))
    .where('id', '=', id)
    .where('previous_kek_reference', 'is', null)
    .executeTakeFirstOrThrow();
}

/** How far the rotation of that vault is, held until commit: null before its beginning was marked, undefined where none goes on. */
export async function lockRotation(tx: Transaction, id: string): Promise<string | null | undefined> {
  const row = await tx
    .selectFrom('vaults')
    .select('kek_rotation_cursor')
    .where('id', '=', id)
    .where('previous_kek_reference', 'is not', null)
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : row.kek_rotation_cursor;
}

/** By the database's clock, which is that of `isQuiet`. */
export async function markRotation(tx: Transaction, id: string, cursor: string): Promise<void> {
  await tx
    .updateTable('vaults')
    .set({ kek_rotation_began_at: sql<Date>`clock_timestamp()`, kek_rotation_cursor: cursor })
    .where('id', '=', id)
    .execute();
}

export async function moveRotation(tx: Transaction, id: string, cursor: string): Promise<void> {
  await tx.updateTable('vaults').set({ kek_rotation_cursor: cursor }).where('id', '=', id).execute();
}

export async function endRotation(tx: Transaction, id: string): Promise<void> {
  await tx
    .updateTable('vaults')
    .set({ previous_kek_reference: null, kek_rotation_began_at: null, kek_rotation_cursor: null })
    .where('id', '=', id)
    .execute();
}

export async function rotatingVaults(snapshot: Snapshot): Promise<{ id: string; marked: boolean }[]> {
  const rows = await snapshot
    .selectFrom('vaults')
    .select(['id', 'kek_rotation_began_at'])
    .where('previous_kek_reference', 'is not', null)
    .where('state', '<>', 'retired')
    .execute();
  return rows.map(({ id, kek_rotation_began_at }) => ({ id, marked: kek_rotation_began_at !== null }));
}

/** Of every epoch of a vault, by which its officers of then are known; none for a vault of another office. */
export async function completeTranscripts(snapshot: Snapshot, vaultId: string): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('ceremonies')
    .select('transcript')
    .where('vault_id', '=', vaultId)
    .where('state', '=', 'complete')
    .execute();
  return rows.flatMap(({ transcript }) => transcript ?? []);
}

export async function insertShareKey(tx: Transaction, key: ShareKeyRow): Promise<void> {
  await tx.insertInto('share_keys').values(key).execute();
}

/** The newest share key of each of these operators who has one. */
export async function shareKeysOf(
  snapshot: Snapshot,
  operatorIds: readonly string[],
): Promise<Map<string, ShareKeyRow>> {
  const rows = await snapshot
    .selectFrom('share_keys')
    .selectAll()
    .distinctOn('operator_id')
    .where(sql<boolean>`operator_id = ANY (${operatorIds}::uuid[])`)
    .orderBy('operator_id')
    .orderBy('created_at', 'desc')
    .execute();
  return new Map(rows.map((row) => [row.operator_id, row]));
}

/** Those of an operator's share keys, older ones too, that a passkey gives. */
export async function sharePasskeysOf(
  snapshot: Snapshot,
  operatorId: string,
): Promise<{ encryption: string; credentialId: string }[]> {
  const rows = await snapshot
    .selectFrom('share_keys')
    .select(['encryption_key', 'credential_id'])
    .where('operator_id', '=', operatorId)
    .orderBy('created_at')
    .execute();
  return rows.flatMap(({ encryption_key: encryption, credential_id: credentialId }) =>
    credentialId === null ? [] : [{ encryption, credentialId }],
  );
}

export async function insertCeremony(
  tx: Transaction,
  ceremony: Omit<CeremonyRow, 'state' | 'plan' | 'transcript' | 'test_record' | 'closed_at' | 'reason'>,
): Promise<void> {
  await tx
    .insertInto('ceremonies')
    .values({
      ...ceremony,
      state: 'gathering',
      plan: null,
      transcript: null,
      test_record: null,
      closed_at: null,
      reason: null,
    })
    .execute();
}

export async function updateCeremony(
  tx: Transaction,
  id: string,
  change: Partial<Pick<CeremonyRow, 'state' | 'plan' | 'transcript' | 'closed_at' | 'reason'>> & {
    readonly test_record?: string;
  },
): Promise<void> {
  await tx.updateTable('ceremonies').set(change).where('id', '=', id).execute();
}

/** Held until commit: the parts of a ceremony come one after another. */
export async function lockCeremony(tx: Transaction, id: string): Promise<CeremonyRow | undefined> {
  return tx.selectFrom('ceremonies').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export async function ceremonyById(snapshot: Snapshot, id: string): Promise<CeremonyRow | undefined> {
  return snapshot.selectFrom('ceremonies').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The one that is neither complete nor abandoned. */
export async function openCeremonyRow(snapshot: Snapshot): Promise<CeremonyRow | undefined> {
  return snapshot
    .selectFrom('ceremonies')
    .selectAll()
    .where('state', 'in', ['gathering', 'dealing', 'accepting'])
    .executeTakeFirst();
}

/** Newest first. */
export async function listCeremonies(snapshot: Snapshot): Promise<CeremonyRow[]> {
  return snapshot.selectFrom('ceremonies').selectAll().orderBy('opened_at', 'desc').limit(100).execute();
}

/** In the order of the officers. */
export async function ceremonyParts(snapshot: Snapshot, ceremonyId: string): Promise<CeremonyPart[]> {
  return snapshot
    .selectFrom('ceremony_parts')
    .selectAll()
    .where('ceremony_id', '=', ceremonyId)
    .orderBy('kind')
    .orderBy('position')
    .execute();
}

/** @returns false where that part is there already */
export async function insertCeremonyPart(tx: Transaction, part: CeremonyPart): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('ceremony_parts')
    .values(part)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

const vaults = (snapshot: Snapshot) => snapshot.selectFrom('vaults').selectAll();

function read(row: Selectable<Schema['vaults']>): VaultRow {
  return {
    id: row.id,
    kekReference: row.kek_reference,
    previousKekReference: row.previous_kek_reference,
    threshold: row.threshold,
    state: row.state,
    epoch: row.epoch,
    publicKey: row.public_key,
    transcript: row.transcript,
    createdAt: row.created_at,
  };
}
