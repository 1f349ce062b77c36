/** Where the audit trail goes: witnesses of its checkpoints, what they signed, and collectors of its records. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE audit_targets (
     name text PRIMARY KEY, -- witness:<name>, export:<name>
     reached bigint NOT NULL DEFAULT 0, -- records up to this one are there, or under a checkpoint that is
     reached_at timestamptz,
     error text,
     failing_since timestamptz
   )`,
  `CREATE TABLE audit_cosignatures (
     size bigint NOT NULL REFERENCES audit_checkpoints,
     witness text NOT NULL,
     line text NOT NULL, -- of a C2SP signed note
     at timestamptz NOT NULL,
     PRIMARY KEY (size, witness)
   )`,
  `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_cosignatures FOR EACH ROW EXECUTE FUNCTION append_only()`,
  `CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_cosignatures FOR EACH STATEMENT EXECUTE FUNCTION append_only()`,
];
