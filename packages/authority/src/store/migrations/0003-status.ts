/**
 * Revocation and status: holds and releases, lists by shard and by delta, and a version that every change of a status moves on.
 * What is revoked stands in `certificates`; a trigger keeps `revocations`, the narrow copy that lists are made of, whoever writes.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // The lists that an authority's certificates are shared out among. Certificates name their list for life: rows are never deleted.
  `CREATE TABLE crl_shards (
     authority_id uuid NOT NULL REFERENCES authorities,
     shard integer NOT NULL CHECK (shard >= 0),
     urls text[] NOT NULL CHECK (array_length(urls, 1) >= 1), -- distribution points, the one in force first
     created_at timestamptz NOT NULL,
     PRIMARY KEY (authority_id, shard)
   )`,
  // Null: the certificate stands on the complete list of its authority alone.
  `ALTER TABLE issuance_intents ADD COLUMN crl_shard integer`,
  `ALTER TABLE certificates ADD COLUMN crl_shard integer`,
  `ALTER TABLE authorities ADD COLUMN revoked_at timestamptz, ADD COLUMN revocation_reason text,
     ADD CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL)),
     ADD CHECK (revoked_at IS NULL OR issuer_id IS NOT NULL)`,

  // Moved on by every change, and its row is held until commit: whoever reads a version sees all changes up to it.
  `CREATE TABLE revocation_versions (
     authority_id uuid PRIMARY KEY REFERENCES authorities,
     version bigint NOT NULL
   )`,
  `CREATE TABLE revocations (
     authority_id uuid NOT NULL REFERENCES authorities, -- who signed the certificate
     serial_number text NOT NULL,
     crl_shard integer,
     revoked_at timestamptz NOT NULL,
     reason text NOT NULL,
     released boolean NOT NULL, -- from a hold: off the complete lists, and on deltas as removeFromCRL
     not_after timestamptz NOT NULL,
     version bigint NOT NULL, -- of its last change
     PRIMARY KEY (authority_id, serial_number)
   )`,
  `CREATE INDEX revocations_version ON revocations (authority_id, version)`,
  `CREATE INDEX revocations_shard ON revocations (authority_id, crl_shard) WHERE crl_shard IS NOT NULL`,
  `CREATE FUNCTION next_revocation_version(authority uuid) RETURNS bigint LANGUAGE sql AS $$
     INSERT INTO revocation_versions AS r (authority_id, version) VALUES (authority, 1)
     ON CONFLICT (authority_id) DO UPDATE SET version = r.version + 1
     RETURNING version
   $$`,
  `CREATE FUNCTION note_revocations() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE
     one record;
     moved bigint;
   BEGIN
     -- In one order, so that two who revoke at many authorities at once do not wait for each other.
     FOR one IN SELECT DISTINCT authority_id FROM changed_rows WHERE revoked_at IS NOT NULL ORDER BY authority_id LOOP
       moved := next_revocation_version(one.authority_id);
       INSERT INTO revocations (authority_id, serial_number, crl_shard, revoked_at, reason, released, not_after, version)
       SELECT authority_id, serial_number, crl_shard, revoked_at, revocation_reason, false, not_after, moved
       FROM changed_rows WHERE authority_id = one.authority_id AND revoked_at IS NOT NULL;
     END LOOP;
     RETURN NULL;
   END $$`,
  `CREATE FUNCTION note_changed_revocations() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE
     one record;
     moved bigint;
   BEGIN
     FOR one IN
       SELECT DISTINCT n.authority_id FROM changed_rows n JOIN old_rows o USING (serial_number)
       WHERE (n.revoked_at, n.revocation_reason) IS DISTINCT FROM (o.revoked_at, o.revocation_reason)
       ORDER BY n.authority_id
     LOOP
       moved := next_revocation_version(one.authority_id);
       INSERT INTO revocations AS r (authority_id, serial_number, crl_shard, revoked_at, reason, released, not_after, version)
       SELECT n.authority_id, n.serial_number, n.crl_shard, coalesce(n.revoked_at, o.revoked_at),
         coalesce(n.revocation_reason, o.revocation_reason), n.revoked_at IS NULL, n.not_after, moved
       FROM changed_rows n JOIN old_rows o USING (serial_number)
       WHERE n.authority_id = one.authority_id
         AND (n.revoked_at, n.revocation_reason) IS DISTINCT FROM (o.revoked_at, o.revocation_reason)
       ON CONFLICT (authority_id, serial_number) DO UPDATE SET revoked_at = excluded.revoked_at, reason = excluded.reason,
         released = excluded.released, version = excluded.version;
     END LOOP;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER note_revocations AFTER INSERT ON certificates REFERENCING NEW TABLE AS changed_rows
     FOR EACH STATEMENT EXECUTE FUNCTION note_revocations()`,
  `CREATE TRIGGER note_changed_revocations AFTER UPDATE ON certificates
     REFERENCING OLD TABLE AS old_rows NEW TABLE AS changed_rows
     FOR EACH STATEMENT EXECUTE FUNCTION note_changed_revocations()`,
  // Only a hold is ever undone, for whoever writes SQL by hand too.
  `CREATE FUNCTION revoked_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     RAISE EXCEPTION 'a revocation is for good: only a hold is released';
   END $$`,
  `CREATE TRIGGER revoked_for_good BEFORE UPDATE OF revoked_at, revocation_reason ON certificates FOR EACH ROW
     WHEN (OLD.revoked_at IS NOT NULL AND OLD.revocation_reason <> 'certificateHold'
       AND (NEW.revoked_at IS NULL OR NEW.revocation_reason = 'certificateHold'))
     EXECUTE FUNCTION revoked_for_good()`,
  `INSERT INTO revocation_versions (authority_id, version)
     SELECT DISTINCT authority_id, 1 FROM certificates WHERE revoked_at IS NOT NULL`,
  `INSERT INTO revocations (authority_id, serial_number, crl_shard, revoked_at, reason, released, not_after, version)
     SELECT authority_id, serial_number, NULL, revoked_at, revocation_reason, false, not_after, 1
     FROM certificates WHERE revoked_at IS NOT NULL`,

  // Complete lists and deltas share their numbers (RFC 5280 5.2.3). A list that was followed keeps its row and not its octets.
  `ALTER TABLE crls DROP CONSTRAINT crls_pkey, ADD COLUMN shard integer, ADD COLUMN base_number bigint,
     ADD COLUMN version bigint NOT NULL DEFAULT 0, ADD COLUMN octets integer, ADD COLUMN sha256 bytea,
     ALTER COLUMN crl DROP NOT NULL, ALTER COLUMN crl SET STORAGE EXTERNAL`,
  `UPDATE crls SET octets = length(crl), sha256 = sha256(crl)`,
  `ALTER TABLE crls ALTER COLUMN octets SET NOT NULL, ALTER COLUMN sha256 SET NOT NULL`,
  `CREATE UNIQUE INDEX crls_number ON crls (authority_id, shard, number, (base_number IS NULL)) NULLS NOT DISTINCT`,

  // Certificates name people: a process for a public network sees those of responders alone.
  `CREATE VIEW responder_certificates AS
     SELECT serial_number, authority_id, key_reference, certificate, not_before, not_after
     FROM certificates WHERE use = 'ocsp' AND revoked_at IS NULL AND key_reference IS NOT NULL`,

  // What stands where of an authority's documents: lists and certificates, in folders and directories.
  `CREATE TABLE document_publications (
     target text NOT NULL,
     document text NOT NULL, -- as in its URL: crl/issuing.crl
     authority_id uuid NOT NULL REFERENCES authorities,
     sha256 bytea, -- of what was published last
     number bigint, -- of the list published last
     published_at timestamptz,
     error text, -- of the last try
     attempts integer NOT NULL DEFAULT 0,
     updated_at timestamptz NOT NULL,
     PRIMARY KEY (target, document)
   )`,
];
