/** Vaults, the officers' share keys, and the ceremonies that bring them together. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export interface VaultRow {
  readonly id: string;
  readonly kekReference: string;
  readonly threshold: number;
  readonly state: 'provisional' | 'live' | 'retired';
  /** 0 for a provisional vault. */
  readonly epoch: number;
  /** P-256 point, 65 octets; null for a provisional vault. */
  readonly publicKey: Buffer | null;
  /** Of the ceremony behind this epoch: RFC 8785 JSON. */
  readonly transcript: string | null;
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

/** The one of the set-up. */
export async function firstVault(snapshot: Snapshot): Promise<VaultRow> {
  return read(await vaults(snapshot).orderBy('created_at').limit(1).executeTakeFirstOrThrow());
}

/** Vaults that were replaced and still hold something. */
export async function vaultsToEmpty(snapshot: Snapshot): Promise<VaultRow[]> {
  const current = await currentVault(snapshot);
  if (current.state !== 'live') return [];
  const rows = await vaults(snapshot).where('state', '<>', 'retired').where('id', '<>', current.id).execute();
  return rows.map(read);
}

export async function insertVault(tx: Transaction, vault: VaultRow & { readonly createdAt: Date }): Promise<void> {
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
    threshold: row.threshold,
    state: row.state,
    epoch: row.epoch,
    publicKey: row.public_key,
    transcript: row.transcript,
  };
}
