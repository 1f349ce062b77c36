/** A request holds the challenge that came with it, which may be a static one: it lies sealed until it is answered, and is forgotten then. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `ALTER TABLE device_enrolments ALTER COLUMN request DROP NOT NULL,
     ADD COLUMN subject text NOT NULL DEFAULT '',
     ADD COLUMN key_algorithm text NOT NULL DEFAULT ''`,
  `UPDATE device_enrolments SET state = 'refused', reason = 'The office was brought up to date meanwhile. Ask again.'
     WHERE state IN ('waiting', 'approved')`,
  `UPDATE device_enrolments SET request = NULL`,
  `ALTER TABLE device_enrolments ADD CONSTRAINT request_is_forgotten
     CHECK (request IS NULL OR state IN ('waiting', 'approved'))`,
];
