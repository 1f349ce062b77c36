/** Tokens of SCIM clients. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // A table of their own: what opens SCIM is no session, and the other way round.
  `CREATE TABLE scim_tokens (
     id uuid PRIMARY KEY,
     source text NOT NULL REFERENCES sources,
     hash bytea NOT NULL UNIQUE,
     created_at timestamptz NOT NULL,
     created_by text NOT NULL,
     expires_at timestamptz,
     last_used_at timestamptz, -- told at most once an hour
     revoked_at timestamptz
   )`,
  `CREATE INDEX scim_tokens_source ON scim_tokens (source)`,
];
