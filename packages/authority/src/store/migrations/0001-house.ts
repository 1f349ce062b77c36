/** The first schema. PostgreSQL 15 SQL. Octets are bytea, instants timestamptz, serial numbers lower-case hex. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // The office ------------------------------------------------------------------------------------------------------
  `CREATE TABLE office (
     only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
     organisation text NOT NULL,
     domains text[] NOT NULL,
     demo boolean NOT NULL DEFAULT false,
     set_up_at timestamptz NOT NULL
   )`,
  `CREATE TABLE operators (
     id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     name text NOT NULL,
     address text NOT NULL,
     roles text[] NOT NULL,
     state text NOT NULL CHECK (state IN ('invited', 'active', 'disabled')),
     password_hash text,
     totp_secret bytea, -- sealed by the office KEK
     totp_last_step bigint,
     created_at timestamptz NOT NULL,
     last_sign_in_at timestamptz,
     -- four eyes: nobody both administers and approves recoveries
     CHECK (NOT ('administrator' = ANY (roles) AND 'recovery-officer' = ANY (roles)))
   )`,
  `CREATE UNIQUE INDEX operators_address ON operators (lower(address))`,
  `CREATE TABLE passkeys (
     credential_id text PRIMARY KEY,
     operator_id uuid NOT NULL REFERENCES operators,
     public_key bytea NOT NULL,
     counter bigint NOT NULL,
     transports text[] NOT NULL,
     created_at timestamptz NOT NULL
   )`,
  // One table for every secret that is handed out once and kept as a hash.
  `CREATE TABLE tokens (
     hash bytea PRIMARY KEY,
     kind text NOT NULL CHECK (kind IN ('setup', 'invitation', 'session', 'sign-in', 'gateway', 'webauthn')),
     operator_id uuid REFERENCES operators,
     gateway_id uuid,
     data jsonb NOT NULL DEFAULT '{}',
     created_at timestamptz NOT NULL,
     expires_at timestamptz,
     last_used_at timestamptz
   )`,
  `CREATE TABLE gateways (
     id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     name text NOT NULL UNIQUE,
     created_at timestamptz NOT NULL,
     last_seen_at timestamptz
   )`,
  `ALTER TABLE tokens ADD FOREIGN KEY (gateway_id) REFERENCES gateways`,

  // People ----------------------------------------------------------------------------------------------------------
  `CREATE TABLE people (
     id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     name text NOT NULL,
     external_id text UNIQUE,
     state text NOT NULL CHECK (state IN ('active', 'left')),
     signing_key text NOT NULL CHECK (signing_key IN ('device', 'gateway')),
     gateway_decrypts boolean NOT NULL,
     created_at timestamptz NOT NULL,
     left_at timestamptz
   )`,
  // An address belongs to one person, whoever writes first: the primary key settles races.
  `CREATE TABLE person_addresses (
     key text PRIMARY KEY, -- lower-cased address
     address text NOT NULL,
     person_id uuid NOT NULL REFERENCES people,
     is_primary boolean NOT NULL
   )`,
  `CREATE UNIQUE INDEX one_primary_address ON person_addresses (person_id) WHERE is_primary`,
  `CREATE INDEX person_addresses_person ON person_addresses (person_id)`,

  // Certification authorities ---------------------------------------------------------------------------------------
  `CREATE TABLE authorities (
     id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     role text NOT NULL CHECK (role IN ('root', 'issuing')),
     slug text NOT NULL UNIQUE, -- in URLs: /crl/<slug>.crl, /ca/<slug>.cer
     name text NOT NULL,
     key_reference text NOT NULL,
     certificate bytea NOT NULL,
     issuer_id uuid REFERENCES authorities,
     not_after timestamptz NOT NULL,
     created_at timestamptz NOT NULL
   )`,
  `CREATE TABLE profiles (
     id text NOT NULL,
     version integer NOT NULL,
     document jsonb NOT NULL,
     created_at timestamptz NOT NULL,
     PRIMARY KEY (id, version)
   )`,
  `CREATE TABLE enrollments (
     id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     person_id uuid NOT NULL REFERENCES people,
     use text NOT NULL CHECK (use IN ('signing', 'encryption')),
     state text NOT NULL CHECK (state IN ('waiting', 'issued', 'failed', 'withdrawn')),
     error text,
     created_at timestamptz NOT NULL,
     updated_at timestamptz NOT NULL
   )`,
  `CREATE UNIQUE INDEX one_waiting_enrollment ON enrollments (person_id, use) WHERE state = 'waiting'`,

  // Escrow ----------------------------------------------------------------------------------------------------------
  `CREATE TABLE vaults (
     id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     name text NOT NULL,
     kek_reference text NOT NULL,
     threshold integer NOT NULL CHECK (threshold >= 2),
     created_at timestamptz NOT NULL
   )`,
  `CREATE TABLE escrowed_keys (
     id uuid PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     vault_id uuid NOT NULL REFERENCES vaults,
     -- a signing key has no way in
     use text NOT NULL DEFAULT 'encryption' CHECK (use = 'encryption'),
     key_algorithm text NOT NULL,
     spki bytea NOT NULL,
     spki_sha256 bytea NOT NULL UNIQUE,
     format_version integer NOT NULL,
     sealed bytea NOT NULL, -- nonce (12) || ciphertext || tag (16)
     created_at timestamptz NOT NULL,
     delivered_at timestamptz, -- its owner has fetched it
     UNIQUE (id, spki_sha256)
   )`,
  `CREATE INDEX escrowed_keys_person ON escrowed_keys (person_id)`,
  // The key that an enrolment certifies: one, whatever crashes and is run again.
  `ALTER TABLE enrollments ADD COLUMN escrowed_key_id uuid REFERENCES escrowed_keys`,
  `ALTER TABLE enrollments ADD CHECK (use = 'encryption' OR escrowed_key_id IS NULL)`,
  `CREATE TABLE escrow_locks (
     id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     escrowed_key_id uuid NOT NULL REFERENCES escrowed_keys,
     kind text NOT NULL CHECK (kind IN ('vault', 'claim', 'gateway', 'owner')),
     holder text NOT NULL, -- vault id, claim id, gateway id, credential id
     wrapped bytea NOT NULL,
     created_at timestamptz NOT NULL,
     expires_at timestamptz,
     UNIQUE (escrowed_key_id, kind, holder)
   )`,
  // The vault lock is what brings ten years of mail back: the database itself refuses to drop it.
  `CREATE FUNCTION keep_vault_lock() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF OLD.kind = 'vault' THEN RAISE EXCEPTION 'a vault lock is never deleted'; END IF;
     RETURN OLD;
   END $$`,
  `CREATE TRIGGER keep_vault_lock BEFORE DELETE ON escrow_locks FOR EACH ROW EXECUTE FUNCTION keep_vault_lock()`,

  // Certificates ----------------------------------------------------------------------------------------------------
  `CREATE TABLE issuance_intents (
     serial_number text PRIMARY KEY, -- allotted once, whatever becomes of it
     authority_id uuid NOT NULL REFERENCES authorities,
     use text NOT NULL CHECK (use IN ('signing', 'encryption', 'gateway', 'ocsp')),
     profile text NOT NULL,
     person_id uuid REFERENCES people,
     gateway_id uuid REFERENCES gateways,
     enrollment_id uuid REFERENCES enrollments,
     escrowed_key_id uuid REFERENCES escrowed_keys,
     key_origin text NOT NULL CHECK (key_origin IN ('device', 'browser', 'gateway', 'kra', 'authority')),
     key_reference text, -- for keys of our own (OCSP responder)
     tbs bytea NOT NULL,
     spki_sha256 bytea NOT NULL,
     state text NOT NULL CHECK (state IN ('prepared', 'signed', 'abandoned')),
     created_at timestamptz NOT NULL,
     CHECK ((use = 'encryption') = (escrowed_key_id IS NOT NULL))
   )`,
  `CREATE INDEX issuance_intents_open ON issuance_intents (spki_sha256) WHERE state = 'prepared'`,
  `CREATE TABLE certificates (
     serial_number text PRIMARY KEY REFERENCES issuance_intents,
     authority_id uuid NOT NULL REFERENCES authorities,
     use text NOT NULL CHECK (use IN ('signing', 'encryption', 'gateway', 'ocsp')),
     profile text NOT NULL,
     person_id uuid REFERENCES people,
     gateway_id uuid REFERENCES gateways,
     subject text NOT NULL,
     addresses text[] NOT NULL,
     key_algorithm text NOT NULL,
     key_origin text NOT NULL CHECK (key_origin IN ('device', 'browser', 'gateway', 'kra', 'authority')),
     key_reference text,
     spki_sha256 bytea NOT NULL,
     fingerprint bytea NOT NULL UNIQUE,
     certificate bytea NOT NULL,
     escrowed_key_id uuid,
     not_before timestamptz NOT NULL,
     not_after timestamptz NOT NULL,
     issued_at timestamptz NOT NULL,
     revoked_at timestamptz,
     revocation_reason text,
     -- no encryption certificate without escrow of that very key, no escrow behind any other certificate
     CHECK ((use = 'encryption') = (escrowed_key_id IS NOT NULL)),
     FOREIGN KEY (escrowed_key_id, spki_sha256) REFERENCES escrowed_keys (id, spki_sha256),
     CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL))
   )`,
  `CREATE INDEX certificates_person ON certificates (person_id)`,
  `CREATE INDEX certificates_not_after ON certificates (not_after)`,
  `CREATE INDEX certificates_spki ON certificates (spki_sha256)`,
  `CREATE INDEX certificates_revoked ON certificates (authority_id, revoked_at) WHERE revoked_at IS NOT NULL`,
  `CREATE FUNCTION no_escrow_of_signing_keys() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM pg_advisory_xact_lock(hashtextextended(encode(NEW.spki_sha256, 'hex'), 0));
     IF TG_TABLE_NAME = 'escrowed_keys' THEN
       IF EXISTS (SELECT 1 FROM certificates c WHERE c.spki_sha256 = NEW.spki_sha256 AND c.use <> 'encryption') THEN
         RAISE EXCEPTION 'this key has a certificate that is not for encryption: it is never escrowed';
       END IF;
     ELSIF NEW.use <> 'encryption' AND EXISTS (SELECT 1 FROM escrowed_keys e WHERE e.spki_sha256 = NEW.spki_sha256) THEN
       RAISE EXCEPTION 'this key is escrowed: it is certified for encryption only';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER no_escrow_of_signing_keys BEFORE INSERT ON escrowed_keys FOR EACH ROW EXECUTE FUNCTION no_escrow_of_signing_keys()`,
  `CREATE TRIGGER no_signing_with_escrowed_keys BEFORE INSERT ON certificates FOR EACH ROW EXECUTE FUNCTION no_escrow_of_signing_keys()`,
  `CREATE TABLE crls (
     authority_id uuid NOT NULL REFERENCES authorities,
     number bigint NOT NULL,
     this_update timestamptz NOT NULL,
     next_update timestamptz NOT NULL,
     entries integer NOT NULL,
     crl bytea NOT NULL,
     PRIMARY KEY (authority_id, number)
   )`,

  // Delivery, publication -------------------------------------------------------------------------------------------
  `CREATE TABLE claims (
     id uuid PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     secret_hash bytea NOT NULL UNIQUE,
     sealed_secret bytea, -- under the office KEK until the link is shown, once; then null
     created_at timestamptz NOT NULL,
     expires_at timestamptz NOT NULL,
     claimed_at timestamptz, -- the encryption key was fetched
     closed_at timestamptz
   )`,
  `CREATE UNIQUE INDEX one_open_claim ON claims (person_id) WHERE closed_at IS NULL`,
  `CREATE TABLE publications (
     target text NOT NULL,
     serial_number text NOT NULL REFERENCES certificates,
     wanted boolean NOT NULL,
     state text NOT NULL CHECK (state IN ('pending', 'published', 'failed', 'removed')),
     error text,
     attempts integer NOT NULL DEFAULT 0,
     updated_at timestamptz NOT NULL,
     PRIMARY KEY (target, serial_number)
   )`,

  // Recovery --------------------------------------------------------------------------------------------------------
  `CREATE TABLE recovery_requests (
     id uuid PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     requested_by uuid NOT NULL REFERENCES operators,
     canonical text NOT NULL, -- RFC 8785 JSON of what the officers approve
     digest text NOT NULL, -- SHA-256 of it, hex
     threshold integer NOT NULL CHECK (threshold >= 2),
     state text NOT NULL CHECK (state IN ('open', 'approved', 'released', 'rejected', 'expired')),
     requested_at timestamptz NOT NULL,
     expires_at timestamptz NOT NULL,
     released_at timestamptz,
     sealed_password bytea -- told once to an approving officer, then null
   )`,
  `CREATE TABLE recovery_decisions (
     request_id uuid NOT NULL REFERENCES recovery_requests,
     officer_id uuid NOT NULL REFERENCES operators,
     decision text NOT NULL CHECK (decision IN ('approve', 'reject')),
     digest text NOT NULL,
     note text NOT NULL,
     decided_at timestamptz NOT NULL,
     PRIMARY KEY (request_id, officer_id)
   )`,
  // Four eyes hold even for whoever writes SQL by hand: the requester's own decision does not fit the table.
  `CREATE FUNCTION decision_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF EXISTS (SELECT 1 FROM recovery_requests r WHERE r.id = NEW.request_id AND r.requested_by = NEW.officer_id) THEN
       RAISE EXCEPTION 'a requester never decides on their own request';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER decision_by_another BEFORE INSERT OR UPDATE ON recovery_decisions FOR EACH ROW EXECUTE FUNCTION decision_by_another()`,

  // Mail ------------------------------------------------------------------------------------------------------------
  `CREATE TABLE mail_journal (
     id uuid PRIMARY KEY,
     gateway_id uuid NOT NULL REFERENCES gateways,
     at timestamptz NOT NULL,
     direction text NOT NULL,
     message_id text,
     sender text NOT NULL,
     recipient text NOT NULL,
     rule text,
     outcome text NOT NULL,
     verdict text,
     detail text NOT NULL
   )`,
  `CREATE INDEX mail_journal_at ON mail_journal (at)`,

  // Audit -----------------------------------------------------------------------------------------------------------
  `CREATE TABLE audit_records (
     sequence bigint PRIMARY KEY,
     at timestamptz NOT NULL,
     actor text NOT NULL,
     actor_name text NOT NULL,
     action text NOT NULL,
     outcome text NOT NULL CHECK (outcome IN ('attempted', 'succeeded', 'denied', 'failed')),
     subject text,
     details jsonb NOT NULL,
     canonical text NOT NULL, -- RFC 8785 JSON: what the hash covers, byte for byte
     previous_hash bytea NOT NULL,
     hash bytea NOT NULL UNIQUE
   )`,
  `CREATE INDEX audit_records_subject ON audit_records (subject)`,
  `CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     RAISE EXCEPTION 'the audit trail is append-only';
   END $$`,
  `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_records FOR EACH ROW EXECUTE FUNCTION append_only()`,
  `CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_records FOR EACH STATEMENT EXECUTE FUNCTION append_only()`,
];
