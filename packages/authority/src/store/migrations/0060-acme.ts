/** Partners outside the organisation, who are given certificates by ACME: who may ask, what they asked for, and how it was proven. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const USES = `'signing', 'encryption', 'gateway', 'ocsp', 'scep-ra', 'admin', 'seal', 'partner'`;

const statements = [
  `ALTER TABLE issuance_intents DROP CONSTRAINT issuance_intents_use_check,
     ADD CONSTRAINT issuance_intents_use_check CHECK (use IN (${USES}))`,
  `ALTER TABLE certificates DROP CONSTRAINT certificates_use_check,
     ADD CONSTRAINT certificates_use_check CHECK (use IN (${USES}))`,
  `CREATE INDEX certificates_partner ON certificates (not_after) WHERE use = 'partner'`,
  // External account binding (RFC 8555 7.3.4): each is for one account.
  `CREATE TABLE acme_keys (
     id uuid PRIMARY KEY, -- what the client calls the key identifier
     name text NOT NULL,
     addresses text[] NOT NULL CHECK (cardinality(addresses) > 0), -- addresses and whole domains that may be ordered
     sealed bytea, -- the MAC key, until it is used
     created_at timestamptz NOT NULL,
     created_by text NOT NULL,
     expires_at timestamptz NOT NULL,
     used_at timestamptz,
     revoked_at timestamptz,
     CHECK (sealed IS NULL OR (used_at IS NULL AND revoked_at IS NULL))
   )`,
  `CREATE TABLE acme_accounts (
     id uuid PRIMARY KEY,
     thumbprint text NOT NULL UNIQUE, -- RFC 7638, SHA-256, base64url
     jwk jsonb NOT NULL,
     contacts text[] NOT NULL,
     state text NOT NULL CHECK (state IN ('valid', 'deactivated', 'revoked')),
     key_id uuid UNIQUE REFERENCES acme_keys,
     created_at timestamptz NOT NULL
   )`,
  `CREATE TABLE acme_orders (
     id uuid PRIMARY KEY,
     account_id uuid NOT NULL REFERENCES acme_accounts,
     state text NOT NULL CHECK (state IN ('pending', 'ready', 'processing', 'valid', 'invalid')),
     addresses text[] NOT NULL CHECK (cardinality(addresses) > 0),
     created_at timestamptz NOT NULL,
     expires_at timestamptz NOT NULL,
     request bytea, -- PKCS#10, while its certificate is made
     spki_sha256 bytea,
     finalized_at timestamptz,
     serial_number text UNIQUE REFERENCES certificates,
     problem_type text,
     problem text,
     CHECK ((state = 'processing') = (request IS NOT NULL)),
     CHECK ((state = 'valid') = (serial_number IS NOT NULL)),
     CHECK ((state = 'invalid') = (problem IS NOT NULL)),
     CHECK ((problem IS NULL) = (problem_type IS NULL))
   )`,
  `CREATE INDEX acme_orders_of_account ON acme_orders (account_id, created_at DESC, id DESC)`,
  `CREATE INDEX acme_orders_listed ON acme_orders (created_at DESC, id)`,
  `CREATE INDEX acme_orders_processing ON acme_orders (finalized_at) WHERE state = 'processing'`,
  // One address of one order, with the one challenge that there is for it.
  `CREATE TABLE acme_authorizations (
     id uuid PRIMARY KEY,
     order_id uuid NOT NULL REFERENCES acme_orders,
     address text NOT NULL,
     state text NOT NULL CHECK (state IN ('pending', 'valid', 'invalid', 'deactivated')),
     token text NOT NULL, -- the second part, which goes over HTTPS
     sealed_token bytea, -- the first part, which goes by mail
     sender text NOT NULL, -- from which it is mailed, and to which it is answered
     message_id text NOT NULL UNIQUE,
     mail text NOT NULL CHECK (mail IN ('waiting', 'sent', 'refused')),
     tries integer NOT NULL DEFAULT 0,
     next_try_at timestamptz NOT NULL,
     created_at timestamptz NOT NULL,
     expires_at timestamptz NOT NULL,
     responded_at timestamptz,
     validated_at timestamptz,
     problem_type text,
     problem text,
     UNIQUE (order_id, address),
     CHECK (state = 'pending' OR sealed_token IS NULL),
     CHECK (state <> 'valid' OR validated_at IS NOT NULL),
     CHECK (state <> 'invalid' OR problem IS NOT NULL),
     CHECK ((problem IS NULL) = (problem_type IS NULL))
   )`,
  `CREATE INDEX acme_authorizations_of_order ON acme_authorizations (order_id)`,
  `CREATE INDEX acme_authorizations_of_address ON acme_authorizations (lower(address), created_at)`,
  `CREATE INDEX acme_authorizations_to_mail ON acme_authorizations (next_try_at) WHERE mail = 'waiting' AND state = 'pending'`,
  `CREATE INDEX acme_authorizations_sealed ON acme_authorizations (expires_at) WHERE sealed_token IS NOT NULL`,
  // Nobody is given a certificate for an address that was not proven, whoever writes SQL.
  `CREATE FUNCTION acme_orders_proven() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF NEW.state IN ('ready', 'processing', 'valid')
       AND (SELECT count(*) FROM acme_authorizations a WHERE a.order_id = NEW.id AND a.state = 'valid')
         <> cardinality(NEW.addresses) THEN
       RAISE EXCEPTION 'an address of this order is not proven';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER acme_orders_proven BEFORE INSERT OR UPDATE OF state ON acme_orders
     FOR EACH ROW EXECUTE FUNCTION acme_orders_proven()`,
  // Until they would have ended by themselves.
  `CREATE TABLE acme_spent_nonces (hash bytea PRIMARY KEY, expires_at timestamptz NOT NULL)`,
  `CREATE INDEX acme_spent_nonces_ended ON acme_spent_nonces (expires_at)`,
  `CREATE TABLE acme_nonce_key (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), sealed bytea NOT NULL)`,
];
