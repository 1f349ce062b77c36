/** The audit tree's nodes, checkpoints and keys. */
import type { Node, NodeReader } from '@chancery/trail';
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type CheckpointRow = Omit<Selectable<Schema['audit_checkpoints']>, 'size'> & { readonly size: number };
export type AuditKeyRow = Selectable<Schema['audit_keys']>;

/** Nodes of the tree as the database has them. @throws Error where one is missing: the tree was not grown that far */
export function nodeReader(snapshot: Snapshot): NodeReader {
  return async (wanted) => {
    if (wanted.length === 0) return [];
    const rows = await snapshot
      .selectFrom('audit_nodes')
      .selectAll()
      .where(
        sql<boolean>`(level, index) IN (SELECT * FROM unnest(${wanted.map(({ level }) => level)}::smallint[],
          ${wanted.map(({ index }) => index)}::bigint[]))`,
      )
      .execute();
    const found = new Map(rows.map(({ level, index, hash }) => [`${level}/${index}`, hash]));
    return wanted.map(({ level, index }) => {
      const hash = found.get(`${level}/${index}`);
      if (hash === undefined) throw new Error(`The audit tree lacks node ${level}/${index}`);
      return hash;
    });
  };
}

/** Held until commit: the tree grows by one hand at a time. Whoever waited sees what the one before has added. */
export async function lockTree(tx: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended('audit-tree', 0))`.execute(tx);
}

export async function insertNodes(tx: Transaction, nodes: readonly Node[]): Promise<void> {
  await sql`INSERT INTO audit_nodes (level, index, hash)
    SELECT * FROM unnest(${nodes.map(({ level }) => level)}::smallint[], ${nodes.map(({ index }) => index)}::bigint[],
      ${nodes.map(({ hash }) => `\\x${Buffer.from(hash).toString('hex')}`)}::bytea[])`.execute(tx);
}

export async function latestCheckpoint(snapshot: Snapshot): Promise<CheckpointRow | undefined> {
  const row = await snapshot
    .selectFrom('audit_checkpoints')
    .selectAll()
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : { ...row, size: Number(row.size) };
}

export async function checkpointOfSize(snapshot: Snapshot, size: number): Promise<CheckpointRow | undefined> {
  const [row] = await checkpointsAfter(snapshot, size - 1, 1);
  return row?.size === size ? row : undefined;
}

/** The first record that says of each point whose it is, by the id of the escrow record. */
export async function lockedRecords(
  snapshot: Snapshot,
  points: readonly { readonly record: string; readonly encapsulation: string }[],
): Promise<Map<string, { readonly sequence: number; readonly canonical: string }>> {
  const rows = await snapshot
    .selectFrom(
      sql<{ record: string; sequence: string; canonical: string }>`(
        SELECT p.record, a.sequence, a.canonical
        FROM unnest(${points.map(({ record }) => record)}::text[], ${points.map((one) => one.encapsulation)}::text[])
          AS p (record, encapsulation)
        CROSS JOIN LATERAL (
          SELECT sequence, canonical FROM audit_records
          WHERE details ? 'locked' AND outcome = 'succeeded' AND details->'locked'
            @> jsonb_build_array(jsonb_build_object('record', p.record, 'encapsulation', p.encapsulation))
          ORDER BY sequence LIMIT 1) AS a)`.as('found'),
    )
    .selectAll()
    .execute();
  return new Map(rows.map(({ record, sequence, canonical }) => [record, { sequence: Number(sequence), canonical }]));
}

/** Oldest first. */
export async function checkpointsAfter(snapshot: Snapshot, size: number, limit: number): Promise<CheckpointRow[]> {
  const rows = await snapshot
    .selectFrom('audit_checkpoints')
    .selectAll()
    .where('size', '>', String(size))
    .orderBy('size')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, size: Number(row.size) }));
}

export async function insertCheckpoint(tx: Transaction, checkpoint: CheckpointRow): Promise<void> {
  await tx.insertInto('audit_checkpoints').values(checkpoint).execute();
}

/** The key that signs now. */
export async function auditKey(snapshot: Snapshot): Promise<AuditKeyRow | undefined> {
  return snapshot.selectFrom('audit_keys').selectAll().orderBy('created_at', 'desc').limit(1).executeTakeFirst();
}

/** Every key that ever signed, oldest first. */
export async function auditKeys(snapshot: Snapshot): Promise<AuditKeyRow[]> {
  return snapshot.selectFrom('audit_keys').selectAll().orderBy('created_at').execute();
}

export async function insertAuditKey(tx: Transaction, key: AuditKeyRow): Promise<void> {
  await tx.insertInto('audit_keys').values(key).execute();
}

/** Records of the trail's own upkeep: they alone are no reason for a checkpoint, or for telling anybody. */
const UPKEEP = ['audit.checkpoint', 'audit.note-delivery'];

/** Did anything happen after that record? */
export async function hasRecordsOfOthers(snapshot: Snapshot, after: number): Promise<boolean> {
  const row = await snapshot
    .selectFrom('audit_records')
    .select('sequence')
    .where('sequence', '>', String(after))
    .where('action', 'not in', UPKEEP)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
