/** Issuance and expiry over time, and certificates in force by authority: counted from an index each, without the rows. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE INDEX certificates_issued ON certificates (issued_at) INCLUDE (profile)`,
  `CREATE INDEX certificates_in_force ON certificates (not_after) INCLUDE (authority_id, profile) WHERE revoked_at IS NULL`,
];
