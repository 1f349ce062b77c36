/** A root whose key is not here: its certificate stands among the authorities, and its lists come from ceremonies. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `ALTER TABLE authorities ALTER COLUMN key_reference DROP NOT NULL,
     ADD CONSTRAINT only_roots_are_offline CHECK (key_reference IS NOT NULL OR role = 'root')`,
];
