/** What `0010-many` left out: imported certificates are held to the same rule, by the statement as the others. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `DROP TRIGGER no_imported_signing_with_escrowed_keys ON imported_certificates`,
  `CREATE OR REPLACE FUNCTION no_escrow_of_signing_keys() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF (SELECT count(*) FROM new_keys) > 500 THEN
       PERFORM pg_advisory_xact_lock(17227, 0);
     ELSE
       PERFORM pg_advisory_xact_lock_shared(17227, 0);
       -- In one order, so that two who bring the same keys do not wait for each other.
       PERFORM pg_advisory_xact_lock(hashtextextended(key, 0))
         FROM (SELECT encode(spki_sha256, 'hex') AS key FROM new_keys ORDER BY key OFFSET 0) AS ordered;
     END IF;
     IF TG_TABLE_NAME = 'escrowed_keys' THEN
       IF EXISTS (SELECT 1 FROM new_keys JOIN certificates c USING (spki_sha256) WHERE c.use <> 'encryption')
         OR EXISTS (SELECT 1 FROM new_keys JOIN imported_certificates i USING (spki_sha256) WHERE i.use <> 'encryption') THEN
         RAISE EXCEPTION 'this key has a certificate that is not for encryption: it is never escrowed';
       END IF;
     ELSIF EXISTS (SELECT 1 FROM new_keys n JOIN escrowed_keys e USING (spki_sha256) WHERE n.use <> 'encryption') THEN
       RAISE EXCEPTION 'this key is escrowed: it is certified for encryption only';
     END IF;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER no_imported_signing_with_escrowed_keys AFTER INSERT ON imported_certificates
     REFERENCING NEW TABLE AS new_keys FOR EACH STATEMENT EXECUTE FUNCTION no_escrow_of_signing_keys()`,
];
