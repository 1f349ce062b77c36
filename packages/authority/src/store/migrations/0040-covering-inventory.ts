/** Filters of the inventory are counted out of their index: a thousand rows of a large table are a thousand reads otherwise. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `DROP INDEX certificates_newest`,
  `DROP INDEX certificates_newest_by_use`,
  `DROP INDEX certificates_newest_revoked`,
  `DROP INDEX certificates_ending`,
  `CREATE INDEX certificates_newest ON certificates (issued_at DESC, serial_number DESC)
     INCLUDE (revoked_at, not_after, renew_at)`,
  `CREATE INDEX certificates_newest_by_use ON certificates (use, issued_at DESC, serial_number DESC)
     INCLUDE (revoked_at, not_after, renew_at)`,
  `CREATE INDEX certificates_newest_revoked ON certificates (issued_at DESC, serial_number DESC)
     INCLUDE (use, revocation_reason) WHERE revoked_at IS NOT NULL`,
  `CREATE INDEX certificates_ending ON certificates (not_after, serial_number)
     INCLUDE (use, renew_at) WHERE revoked_at IS NULL`,
];
