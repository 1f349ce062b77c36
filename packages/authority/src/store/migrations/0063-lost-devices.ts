/** A device that enrolled may be lost: what it asked for is marked, and its keys are given up. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [`ALTER TABLE device_enrolments ADD COLUMN lost_at timestamptz`];
