/** The quorum: officers' share keys, ceremonies, and vaults whose key nobody holds. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Every vault so far opens with the key store alone: it is provisional, until officers hold a ceremony.
  `ALTER TABLE vaults
     ADD COLUMN state text NOT NULL DEFAULT 'provisional' CHECK (state IN ('provisional', 'live', 'retired')),
     ADD COLUMN epoch integer NOT NULL DEFAULT 0,
     ADD COLUMN public_key bytea, -- P-256 point, uncompressed
     ADD COLUMN transcript text, -- of the ceremony behind this epoch: RFC 8785 JSON
     ADD CHECK (state <> 'live' OR (public_key IS NOT NULL AND transcript IS NOT NULL AND epoch >= 1))`,
  // A vault key never changes: re-sharing keeps it.
  `CREATE FUNCTION keep_vault_key() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF OLD.public_key IS NOT NULL AND NEW.public_key IS DISTINCT FROM OLD.public_key THEN
       RAISE EXCEPTION 'the key of a vault never changes';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER keep_vault_key BEFORE UPDATE ON vaults FOR EACH ROW EXECUTE FUNCTION keep_vault_key()`,
  // What operators' secrets are sealed under: a key of its own, since the provisional vault's is destroyed.
  `ALTER TABLE office ADD COLUMN secrets_key text`,
  `CREATE TABLE share_keys (
     id uuid PRIMARY KEY,
     operator_id uuid NOT NULL REFERENCES operators,
     kind text NOT NULL CHECK (kind IN ('passkey', 'file')),
     credential_id text, -- of the passkey
     encryption_key text NOT NULL UNIQUE, -- base64url
     signing_key text NOT NULL UNIQUE,
     created_at timestamptz NOT NULL,
     CHECK ((kind = 'passkey') = (credential_id IS NOT NULL))
   )`,
  `CREATE INDEX share_keys_operator ON share_keys (operator_id, created_at DESC)`,
  `CREATE TABLE ceremonies (
     id uuid PRIMARY KEY,
     vault_id uuid NOT NULL, -- of a vault that is there once the ceremony is complete
     epoch integer NOT NULL CHECK (epoch >= 1),
     threshold integer NOT NULL CHECK (threshold >= 2),
     officers uuid[] NOT NULL CHECK (cardinality(officers) >= threshold),
     dealers integer[], -- of the epoch before, for a re-sharing
     state text NOT NULL CHECK (state IN ('gathering', 'dealing', 'accepting', 'complete', 'abandoned')),
     plan text, -- RFC 8785 JSON, once every officer has a share key
     transcript text, -- RFC 8785 JSON, once every dealer has dealt
     test_record jsonb, -- what the officers open together before the vault goes live
     opened_by text NOT NULL,
     opened_at timestamptz NOT NULL,
     closed_at timestamptz,
     reason text
   )`,
  `CREATE UNIQUE INDEX one_open_ceremony ON ceremonies ((true)) WHERE state IN ('gathering', 'dealing', 'accepting')`,
  `CREATE TABLE ceremony_parts (
     ceremony_id uuid NOT NULL REFERENCES ceremonies,
     kind text NOT NULL CHECK (kind IN ('dealing', 'acceptance')),
     position integer NOT NULL, -- index of the officer, from 1
     operator_id uuid NOT NULL REFERENCES operators,
     document text NOT NULL,
     at timestamptz NOT NULL,
     PRIMARY KEY (ceremony_id, kind, position)
   )`,
  `ALTER TABLE recovery_decisions
     ADD COLUMN signature text, -- by the officer's share key, base64url
     ADD COLUMN partial text -- the officer's part of the opening, until the key is released or the request over`,
  // No officer's part can be in these: they are asked for again once there is a vault.
  `UPDATE recovery_requests SET state = 'expired' WHERE state IN ('open', 'approved')`,
  // Which vault's key a claim's secret is sealed under, while it is.
  `ALTER TABLE claims ADD COLUMN vault_id uuid REFERENCES vaults`,
  `UPDATE claims SET vault_id = (SELECT id FROM vaults ORDER BY created_at LIMIT 1) WHERE sealed_secret IS NOT NULL`,
];
