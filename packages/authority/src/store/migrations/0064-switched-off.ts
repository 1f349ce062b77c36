/** Who is suspended because a source switched them off, which person an operator of a provider is, and who left without a record of their own. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Null: somebody in the office did, and no source has them return.
  `ALTER TABLE people ADD COLUMN suspended_by text`,
  `ALTER TABLE people ADD CONSTRAINT people_suspended_by_check CHECK (suspended_by IS NULL OR state = 'suspended')`,
  // Recognised by address at their first sign-in, and by this from then on: addresses pass from one to another.
  `ALTER TABLE operators ADD COLUMN person_id uuid REFERENCES people ON DELETE SET NULL`,
  `CREATE UNIQUE INDEX operators_person ON operators (person_id, provider) WHERE person_id IS NOT NULL`,
  // What the provider itself gave when it was asked last; the rest of their roles is by groups of sources.
  `ALTER TABLE operators ADD COLUMN provider_roles text[] NOT NULL DEFAULT '{}'`,
  `UPDATE operators SET provider_roles = roles WHERE provider IS NOT NULL`,
  // Many who leave, are suspended or return by one change of a group stand on one record.
  `CREATE INDEX audit_records_left ON audit_records USING gin ((details->'left')) WHERE details ? 'left'`,
  `CREATE INDEX audit_records_suspended ON audit_records USING gin ((details->'suspended')) WHERE details ? 'suspended'`,
];
