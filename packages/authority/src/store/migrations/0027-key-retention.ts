/** How long an escrowed key is kept, how it is destroyed, and keys that devices made themselves. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // `device`: made by its owner's device, which handed over a copy before its certificate was issued here.
  `ALTER TABLE escrowed_keys
     DROP CONSTRAINT escrowed_keys_origin_check,
     ADD CONSTRAINT escrowed_keys_origin_check CHECK (origin IN ('kra', 'device', 'imported')),
     ADD COLUMN destroyed_at timestamptz, -- what was sealed is gone, and every lock: the row stays, with its public key
     ADD CONSTRAINT escrowed_keys_sealed_or_destroyed CHECK ((destroyed_at IS NULL) = (octet_length(sealed) > 0))`,
  `CREATE INDEX escrowed_keys_destroyed ON escrowed_keys (id) WHERE destroyed_at IS NOT NULL`,

  // One use each; what a device signs with its key so that nothing is handed over twice.
  `CREATE TABLE archive_challenges (
     hash bytea PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     created_at timestamptz NOT NULL,
     expires_at timestamptz NOT NULL,
     used_at timestamptz
   )`,
  `CREATE INDEX archive_challenges_expiry ON archive_challenges (expires_at)`,

  // Keys whose time is nearly over: announced some days before they are destroyed.
  `CREATE TABLE key_retentions (
     escrowed_key_id uuid PRIMARY KEY REFERENCES escrowed_keys,
     ends_at timestamptz NOT NULL,
     announced_at timestamptz NOT NULL
   )`,
  `CREATE TABLE key_retention_approvals (
     escrowed_key_id uuid NOT NULL REFERENCES key_retentions ON DELETE CASCADE,
     operator_id uuid NOT NULL REFERENCES operators,
     approved_at timestamptz NOT NULL,
     PRIMARY KEY (escrowed_key_id, operator_id)
   )`,

  // A record of escrow changes in two ways: it is delivered, and it is destroyed. The second only as the office does it: announced
  // at least a day before, after its last certificate, under no hold, and with the attempt on record.
  `CREATE FUNCTION keep_escrowed_key() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF TG_OP <> 'UPDATE' THEN RAISE EXCEPTION 'the record of an escrowed key is never deleted'; END IF;
     IF (NEW.id, NEW.person_id, NEW.vault_id, NEW.use, NEW.key_algorithm, NEW.spki, NEW.spki_sha256, NEW.format_version,
         NEW.created_at, NEW.origin)
       IS DISTINCT FROM (OLD.id, OLD.person_id, OLD.vault_id, OLD.use, OLD.key_algorithm, OLD.spki, OLD.spki_sha256,
         OLD.format_version, OLD.created_at, OLD.origin) THEN
       RAISE EXCEPTION 'what an escrowed key belongs to never changes';
     END IF;
     IF NEW.sealed = OLD.sealed AND NEW.destroyed_at IS NOT DISTINCT FROM OLD.destroyed_at THEN RETURN NEW; END IF;
     IF OLD.destroyed_at IS NOT NULL OR NEW.destroyed_at IS NULL
       OR NOT EXISTS (SELECT 1 FROM key_retentions r WHERE r.escrowed_key_id = OLD.id AND r.ends_at <= NEW.destroyed_at
         AND r.announced_at <= NEW.destroyed_at - interval '1 day')
       OR EXISTS (SELECT 1 FROM legal_holds h WHERE h.person_id = OLD.person_id AND h.lifted_at IS NULL)
       OR EXISTS (SELECT 1 FROM certificates c WHERE c.escrowed_key_id = OLD.id AND c.not_after > NEW.destroyed_at)
       OR EXISTS (SELECT 1 FROM imported_certificates i WHERE i.escrowed_key_id = OLD.id AND i.not_after > NEW.destroyed_at)
       OR NOT EXISTS (SELECT 1 FROM audit_records a WHERE a.subject = 'escrowed-key:' || OLD.id
         AND a.action = 'key.destroy' AND a.outcome = 'attempted') THEN
       RAISE EXCEPTION 'an escrowed key is destroyed when its retention has ended, and never otherwise';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER keep_escrowed_key BEFORE UPDATE OR DELETE ON escrowed_keys FOR EACH ROW EXECUTE FUNCTION keep_escrowed_key()`,
  `CREATE TRIGGER keep_escrowed_keys BEFORE TRUNCATE ON escrowed_keys FOR EACH STATEMENT EXECUTE FUNCTION keep_escrowed_key()`,

  // The vault lock goes with the key that it opened, and never before it.
  `CREATE OR REPLACE FUNCTION keep_vault_lock() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF OLD.kind = 'vault'
       AND NOT EXISTS (SELECT 1 FROM escrowed_keys e WHERE e.id = OLD.escrowed_key_id AND e.destroyed_at IS NOT NULL) THEN
       RAISE EXCEPTION 'a vault lock is never deleted, except with its destroyed key';
     END IF;
     RETURN OLD;
   END $$`,
  // Else it would be another kind first, and then deleted.
  `CREATE FUNCTION keep_lock() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF TG_OP <> 'UPDATE' OR (NEW.id, NEW.escrowed_key_id, NEW.kind) IS DISTINCT FROM (OLD.id, OLD.escrowed_key_id, OLD.kind) THEN
       RAISE EXCEPTION 'a lock stays with its key, of the kind that it is';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER keep_lock BEFORE UPDATE ON escrow_locks FOR EACH ROW EXECUTE FUNCTION keep_lock()`,
  `CREATE TRIGGER keep_locks BEFORE TRUNCATE ON escrow_locks FOR EACH STATEMENT EXECUTE FUNCTION keep_lock()`,

  `CREATE OR REPLACE FUNCTION no_certificate_for_imported_keys() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF EXISTS (SELECT 1 FROM escrowed_keys e WHERE e.id = NEW.escrowed_key_id AND e.origin = 'imported') THEN
       RAISE EXCEPTION 'this key came from another office: it is not certified here';
     END IF;
     IF EXISTS (SELECT 1 FROM escrowed_keys e WHERE e.id = NEW.escrowed_key_id AND e.destroyed_at IS NOT NULL) THEN
       RAISE EXCEPTION 'this key was destroyed: it is not certified again';
     END IF;
     RETURN NEW;
   END $$`,
];
