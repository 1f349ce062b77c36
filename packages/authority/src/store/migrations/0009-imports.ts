/** Certificates that another office issued, and the keys of theirs that are in escrow here. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // `imported`: made elsewhere and in use before it came. It is never certified here.
  `ALTER TABLE escrowed_keys ADD COLUMN origin text NOT NULL DEFAULT 'kra' CHECK (origin IN ('kra', 'imported')),
     ADD UNIQUE (id, spki_sha256, person_id)`,
  `CREATE TABLE transport_keys (
     id uuid PRIMARY KEY,
     key_reference text NOT NULL,
     certificate bytea NOT NULL, -- DER, signed by itself
     created_at timestamptz NOT NULL,
     not_after timestamptz NOT NULL
   )`,
  // Apart from the inventory: no intent, no serial number of ours, no profile; another's word.
  `CREATE TABLE imported_certificates (
     id uuid PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     authority_id uuid REFERENCES authorities, -- who signed it, where that one is here
     issuer text NOT NULL,
     serial_number text NOT NULL,
     use text NOT NULL CHECK (use IN ('signing', 'encryption')),
     also_signs boolean NOT NULL,
     subject text NOT NULL,
     addresses text[] NOT NULL,
     key_algorithm text NOT NULL,
     spki_sha256 bytea NOT NULL,
     fingerprint bytea NOT NULL UNIQUE,
     certificate bytea NOT NULL,
     escrowed_key_id uuid,
     not_before timestamptz NOT NULL,
     not_after timestamptz NOT NULL,
     source text NOT NULL,
     imported_at timestamptz NOT NULL,
     revoked_at timestamptz,
     revocation_reason text,
     UNIQUE (authority_id, serial_number),
     CHECK (use = 'encryption' OR escrowed_key_id IS NULL),
     FOREIGN KEY (escrowed_key_id, spki_sha256, person_id) REFERENCES escrowed_keys (id, spki_sha256, person_id),
     CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL))
   )`,
  `CREATE INDEX imported_certificates_person ON imported_certificates (person_id)`,
  `CREATE INDEX imported_certificates_spki ON imported_certificates (spki_sha256)`,
  `CREATE INDEX imported_certificates_key ON imported_certificates (escrowed_key_id) WHERE escrowed_key_id IS NOT NULL`,
  `CREATE INDEX imported_certificates_newest ON imported_certificates (imported_at DESC, id DESC)`,

  // A key with a certificate that is not for encryption is never escrowed, whoever issued that certificate.
  `CREATE OR REPLACE FUNCTION no_escrow_of_signing_keys() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM pg_advisory_xact_lock(hashtextextended(encode(NEW.spki_sha256, 'hex'), 0));
     IF TG_TABLE_NAME = 'escrowed_keys' THEN
       IF EXISTS (SELECT 1 FROM certificates c WHERE c.spki_sha256 = NEW.spki_sha256 AND c.use <> 'encryption')
         OR EXISTS (SELECT 1 FROM imported_certificates i WHERE i.spki_sha256 = NEW.spki_sha256 AND i.use <> 'encryption') THEN
         RAISE EXCEPTION 'this key has a certificate that is not for encryption: it is never escrowed';
       END IF;
     ELSIF NEW.use <> 'encryption' AND EXISTS (SELECT 1 FROM escrowed_keys e WHERE e.spki_sha256 = NEW.spki_sha256) THEN
       RAISE EXCEPTION 'this key is escrowed: it is certified for encryption only';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER no_imported_signing_with_escrowed_keys BEFORE INSERT ON imported_certificates
     FOR EACH ROW EXECUTE FUNCTION no_escrow_of_signing_keys()`,
  `CREATE FUNCTION no_certificate_for_imported_keys() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF EXISTS (SELECT 1 FROM escrowed_keys e WHERE e.id = NEW.escrowed_key_id AND e.origin <> 'kra') THEN
       RAISE EXCEPTION 'this key came from another office: it is not certified here';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER no_certificate_for_imported_keys BEFORE INSERT ON certificates FOR EACH ROW
     WHEN (NEW.escrowed_key_id IS NOT NULL) EXECUTE FUNCTION no_certificate_for_imported_keys()`,

  // What an authority of ours signed elsewhere is on its lists, as what it signs here.
  `CREATE FUNCTION note_imported_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     INSERT INTO revocations AS r (authority_id, serial_number, crl_shard, revoked_at, reason, released, not_after, version)
     SELECT NEW.authority_id, NEW.serial_number, NULL, coalesce(NEW.revoked_at, OLD.revoked_at),
       coalesce(NEW.revocation_reason, OLD.revocation_reason), NEW.revoked_at IS NULL, NEW.not_after,
       next_revocation_version(NEW.authority_id)
     ON CONFLICT (authority_id, serial_number) DO UPDATE SET revoked_at = excluded.revoked_at, reason = excluded.reason,
       released = excluded.released, version = excluded.version;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER note_imported_revocation AFTER INSERT ON imported_certificates FOR EACH ROW
     WHEN (NEW.authority_id IS NOT NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION note_imported_revocation()`,
  `CREATE TRIGGER note_changed_imported_revocation AFTER UPDATE ON imported_certificates FOR EACH ROW
     WHEN (NEW.authority_id IS NOT NULL AND (NEW.revoked_at IS NOT NULL OR OLD.revoked_at IS NOT NULL)
       AND (NEW.authority_id, NEW.revoked_at, NEW.revocation_reason)
         IS DISTINCT FROM (OLD.authority_id, OLD.revoked_at, OLD.revocation_reason))
     EXECUTE FUNCTION note_imported_revocation()`,
  `CREATE TRIGGER revoked_for_good BEFORE UPDATE OF revoked_at, revocation_reason ON imported_certificates FOR EACH ROW
     WHEN (OLD.revoked_at IS NOT NULL AND OLD.revocation_reason <> 'certificateHold'
       AND (NEW.revoked_at IS NULL OR NEW.revocation_reason = 'certificateHold'))
     EXECUTE FUNCTION revoked_for_good()`,
];
