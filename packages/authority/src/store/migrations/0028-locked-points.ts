/** The point of each vault lock stands on the audit trail, and is found there by it. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE INDEX audit_records_locked ON audit_records USING gin ((details->'locked') jsonb_path_ops) WHERE details ? 'locked'`,
  // Of a lock from before: when its point was put on the trail.
  `ALTER TABLE escrow_locks ADD COLUMN attested_at timestamptz`,
  `CREATE INDEX escrow_locks_unattested ON escrow_locks (id) WHERE kind = 'vault' AND attested_at IS NULL AND get_byte(wrapped, 0) = 2`,
];
