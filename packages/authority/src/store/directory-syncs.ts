/** How far each directory was read. What is in `position` and `question`, `identity/directory/` says. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

export type DirectorySyncRow = Selectable<Schema['directory_syncs']>;

export async function directorySync(snapshot: Snapshot, name: string): Promise<DirectorySyncRow | undefined> {
  return snapshot.selectFrom('directory_syncs').selectAll().where('name', '=', name).executeTakeFirst();
}

/** Held until commit. */
export async function lockDirectorySync(tx: Transaction, name: string): Promise<DirectorySyncRow | undefined> {
  return tx.selectFrom('directory_syncs').selectAll().where('name', '=', name).forUpdate().executeTakeFirst();
}

interface Change {
  readonly begun_at?: Date;
  readonly ended_at?: Date;
  readonly done_at?: Date;
  readonly complete_at?: Date | null;
  readonly outcome?: 'done' | 'failed' | 'asking';
  readonly problem?: string | null;
  readonly failing_since?: Date | null;
  readonly alarmed_at?: Date | null;
  readonly position?: Record<string, unknown>;
  readonly digest?: string | null;
  readonly counts?: Record<string, number>;
  readonly question?: Record<string, unknown> | null;
}

/** What is left out stays as it is. */
export async function putDirectorySync(tx: Transaction, name: string, change: Change): Promise<void> {
  const { position, counts, question, ...rest } = change;
  const json = (value: object | null | undefined) => (value == null ? null : JSON.stringify(value));
  const set = {
    ...rest,
    ...(position !== undefined && { position: json(position) }),
    ...(counts !== undefined && { counts: json(counts) }),
    ...(question !== undefined && { question: json(question) }),
  };
  await sql`INSERT INTO directory_syncs (name) VALUES (${name}) ON CONFLICT DO NOTHING`.execute(tx);
  await tx.updateTable('directory_syncs').set(set).where('name', '=', name).execute();
}
