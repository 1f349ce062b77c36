/** Searches of a large inventory: an address as a whole, and people by any of their words. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Not immutable by itself, as it knows no collation; of the addresses of certificates, case is folded as the database folds it.
  `CREATE FUNCTION lower_all(texts text[]) RETURNS text[]
     LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT lower(texts::text)::text[] $$`,
  `CREATE INDEX certificates_addresses ON certificates USING gin (lower_all(addresses))`,
  `DO $$
   BEGIN
     IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
       CREATE INDEX people_external_ids ON people USING gin (external_id gin_trgm_ops);
     END IF;
   END $$`,
  // Others serve what they were for.
  `DROP INDEX certificates_not_after`,
  `DROP INDEX certificates_revoked`,
];
