/** Employees who sign in: their passkeys and sessions, locks of their own, what they ask for; roles that exclude each other. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE person_passkeys (
     credential_id text PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     public_key bytea NOT NULL,
     counter bigint NOT NULL,
     transports text[] NOT NULL,
     name text NOT NULL, -- what its owner calls it
     owner_key bytea, -- sealed by the office's key: P-256 point to which locks are made; null where it opens none
     created_at timestamptz NOT NULL,
     last_used_at timestamptz
   )`,
  `CREATE INDEX person_passkeys_person ON person_passkeys (person_id)`,
  // A session is an operator's or a person's, and never both.
  `ALTER TABLE tokens ADD COLUMN person_id uuid REFERENCES people`,
  `ALTER TABLE tokens DROP CONSTRAINT tokens_kind_check`,
  `ALTER TABLE tokens ADD CONSTRAINT tokens_kind_check CHECK (kind IN
     ('setup', 'invitation', 'session', 'sign-in', 'gateway', 'webauthn', 'person-session', 'person-sign-in'))`,
  `ALTER TABLE tokens ADD CONSTRAINT tokens_holder_check CHECK (
     (kind IN ('person-session', 'person-sign-in')) = (person_id IS NOT NULL)
     AND (person_id IS NULL OR (operator_id IS NULL AND gateway_id IS NULL)))`,
  `CREATE INDEX tokens_person ON tokens (person_id) WHERE person_id IS NOT NULL`,
  // An owner lock is made to a passkey of that key's own owner, whoever writes SQL.
  `CREATE FUNCTION owner_lock_is_the_owners() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF NEW.kind = 'owner' AND NOT EXISTS (
       SELECT 1 FROM person_passkeys p JOIN escrowed_keys e ON e.person_id = p.person_id
       WHERE p.credential_id = NEW.holder AND p.owner_key IS NOT NULL AND e.id = NEW.escrowed_key_id) THEN
       RAISE EXCEPTION 'an owner lock is held by a passkey of the owner of the key';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER owner_lock_is_the_owners BEFORE INSERT OR UPDATE ON escrow_locks
     FOR EACH ROW EXECUTE FUNCTION owner_lock_is_the_owners()`,
  `CREATE TABLE help_requests (
     id uuid PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     topic text NOT NULL CHECK (topic IN ('lost-key', 'lost-device', 'other')),
     note text NOT NULL,
     asked_at timestamptz NOT NULL,
     closed_at timestamptz,
     closed_by text,
     CHECK ((closed_at IS NULL) = (closed_by IS NULL))
   )`,
  `CREATE UNIQUE INDEX one_open_help_request ON help_requests (person_id) WHERE closed_at IS NULL`,
  // Roles that one operator never holds together: what is shipped, and what the configuration adds.
  `CREATE TABLE exclusive_roles (
     one text NOT NULL,
     other text NOT NULL,
     shipped boolean NOT NULL,
     PRIMARY KEY (one, other),
     CHECK (one < other)
   )`,
  `INSERT INTO exclusive_roles (one, other, shipped) VALUES
     ('administrator', 'recovery-officer', true),
     ('administrator', 'auditor', true),
     ('auditor', 'registration-officer', true),
     ('auditor', 'recovery-officer', true)`,
  // When roles are given, not whenever a row is touched: whoever had two of them before reads with them, and writes nothing.
  `CREATE FUNCTION refuse_exclusive_roles() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE pair exclusive_roles;
   BEGIN
     IF TG_OP = 'UPDATE' AND NEW.roles = OLD.roles THEN RETURN NEW; END IF;
     SELECT * INTO pair FROM exclusive_roles WHERE one = ANY (NEW.roles) AND other = ANY (NEW.roles) LIMIT 1;
     IF FOUND THEN RAISE EXCEPTION 'nobody is both % and %', pair.one, pair.other; END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER refuse_exclusive_roles BEFORE INSERT OR UPDATE ON operators
     FOR EACH ROW EXECUTE FUNCTION refuse_exclusive_roles()`,
  // What a person is shown of the trail: records of what they did, and of what was done to what is theirs.
  `CREATE INDEX audit_records_of_person ON audit_records ((details->>'personId')) WHERE details ? 'personId'`,
  `CREATE INDEX audit_records_by_person ON audit_records (actor) WHERE actor LIKE 'person:%'`,
];
