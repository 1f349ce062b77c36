/** The audit trail as a Merkle tree, and its signed checkpoints. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Complete subtrees (RFC 9162 section 2.1), leaves at level 0. None ever changes.
  `CREATE TABLE audit_nodes (
     level smallint NOT NULL,
     index bigint NOT NULL,
     hash bytea NOT NULL,
     PRIMARY KEY (level, index)
   )`,
  `CREATE TABLE audit_checkpoints (
     size bigint PRIMARY KEY, -- records 1 to size
     root bytea NOT NULL,
     note text NOT NULL, -- C2SP signed note, by the office's key
     at timestamptz NOT NULL
   )`,
  `CREATE TABLE audit_keys (
     key_reference text PRIMARY KEY,
     name text NOT NULL,
     public_key bytea NOT NULL, -- Ed25519, 32 octets
     created_at timestamptz NOT NULL
   )`,
  ...['audit_nodes', 'audit_checkpoints', 'audit_keys'].flatMap((table) => [
    `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION append_only()`,
    `CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION append_only()`,
  ]),
];
