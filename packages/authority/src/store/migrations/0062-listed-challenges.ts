/** Challenges are listed for the whole office, newest first. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE INDEX enrolment_challenges_listed ON enrolment_challenges (created_at DESC, id)`,
  // Those that a person could still use: few, whatever was made before.
  `CREATE INDEX enrolment_challenges_unused ON enrolment_challenges (expires_at)
     WHERE used_at IS NULL AND withdrawn_at IS NULL`,
  `CREATE INDEX device_enrolments_static ON device_enrolments (label, requested_at) WHERE proof = 'static'`,
];
