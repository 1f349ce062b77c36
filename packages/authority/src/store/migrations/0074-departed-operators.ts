/** Operators with a credential of their own are people of the office too: whose leaving took their access, or will. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // While they are active all the same, they are the last administrator: it ends once there is another.
  `ALTER TABLE operators ADD COLUMN departed_with uuid REFERENCES people ON DELETE SET NULL`,
  `CREATE INDEX operators_departed ON operators (departed_with) WHERE departed_with IS NOT NULL`,
];
