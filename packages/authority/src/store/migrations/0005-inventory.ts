/** An inventory of a million certificates: every list in the order of an index, every search by one. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE INDEX certificates_newest ON certificates (issued_at DESC, serial_number DESC)`,
  `CREATE INDEX certificates_newest_by_use ON certificates (use, issued_at DESC, serial_number DESC)`,
  `CREATE INDEX certificates_newest_revoked ON certificates (issued_at DESC, serial_number DESC) WHERE revoked_at IS NOT NULL`,
  `CREATE INDEX certificates_ending ON certificates (not_after, serial_number) WHERE revoked_at IS NULL`,
  `CREATE INDEX certificates_serial_prefix ON certificates (serial_number text_pattern_ops)`,
  // What a search looks through. array_to_string is not immutable for every type of element; for text it is.
  `CREATE FUNCTION certificate_words(subject text, addresses text[]) RETURNS text
     LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT subject || ' ' || array_to_string(addresses, ' ') $$`,
  // Comes with PostgreSQL, though some packages leave it out and some administrators forbid it: then searches scan.
  `DO $$
   BEGIN
     CREATE EXTENSION IF NOT EXISTS pg_trgm;
     CREATE INDEX certificates_words ON certificates USING gin (certificate_words(subject, addresses) gin_trgm_ops);
     CREATE INDEX people_words ON people USING gin (name gin_trgm_ops);
     CREATE INDEX person_addresses_words ON person_addresses USING gin (address gin_trgm_ops);
   EXCEPTION
     WHEN undefined_file OR feature_not_supported OR insufficient_privilege THEN
       RAISE WARNING 'the extension pg_trgm is not to be had: searches of a large inventory will be slow';
   END $$`,
  `CREATE INDEX people_by_name ON people (lower(name), id)`,
];
