/** What a quorum does a batch at a time (drills, re-wrapping into a new vault), and key-encryption keys that rotate. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // A drill of some records, or the re-wrapping of all that a replaced vault holds.
  `CREATE TABLE vault_rounds (
     id uuid PRIMARY KEY,
     kind text NOT NULL CHECK (kind IN ('drill', 'rewrap')),
     vault_id uuid NOT NULL REFERENCES vaults, -- whose officers contribute
     target_vault_id uuid REFERENCES vaults,
     begun_by text NOT NULL,
     begun_at timestamptz NOT NULL,
     closed_at timestamptz,
     outcome text CHECK (outcome IN ('complete', 'ended')),
     CHECK ((kind = 'rewrap') = (target_vault_id IS NOT NULL)),
     CHECK ((closed_at IS NULL) = (outcome IS NULL))
   )`,
  `CREATE UNIQUE INDEX one_open_round ON vault_rounds (vault_id, kind) WHERE closed_at IS NULL`,
  `CREATE TABLE vault_batches (
     id uuid PRIMARY KEY,
     round_id uuid NOT NULL REFERENCES vault_rounds,
     position integer NOT NULL,
     canonical text NOT NULL, -- RFC 8785 JSON, what officers sign
     digest text NOT NULL,
     state text NOT NULL CHECK (state IN ('open', 'ready', 'done', 'ended')),
     UNIQUE (round_id, position)
   )`,
  `CREATE INDEX vault_batches_pending ON vault_batches (state) WHERE state IN ('open', 'ready')`,
  // No foreign key to the escrowed key: what was proven or moved is still true of one that was destroyed since.
  `CREATE TABLE vault_batch_records (
     batch_id uuid NOT NULL REFERENCES vault_batches,
     escrowed_key_id uuid NOT NULL,
     outcome text CHECK (outcome IN ('proven', 'moved', 'gone', 'failed')),
     error text,
     at timestamptz,
     PRIMARY KEY (batch_id, escrowed_key_id),
     CHECK ((outcome IS NULL) = (at IS NULL))
   )`,
  `CREATE INDEX vault_batch_records_key ON vault_batch_records (escrowed_key_id)`,
  `CREATE TABLE vault_batch_parts (
     batch_id uuid NOT NULL REFERENCES vault_batches,
     position integer NOT NULL, -- index of the officer, from 1
     operator_id uuid NOT NULL REFERENCES operators,
     signature text NOT NULL,
     partial text, -- until the batch is done
     at timestamptz NOT NULL,
     PRIMARY KEY (batch_id, position)
   )`,
  // A rotation: what is still sealed under the key before, and how far it has come. The rest opens with the key of now.
  `ALTER TABLE vaults
     ADD COLUMN replaced_at timestamptz, -- seen to be replaced, by the database's clock: transactions that began later lock to the one after
     ADD COLUMN previous_kek_reference text,
     ADD COLUMN kek_rotation_began_at timestamptz,
     ADD COLUMN kek_rotation_cursor text`,
  // A vault lock is never deleted, and it is replaced in two ways only: by one of a live vault (the same key, moved), or with
  // half a under another key-encryption key and every other octet as it was.
  `CREATE FUNCTION replace_vault_lock() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE
     -- By its version: how long the lock is without half a. Version 3 holds a proof of 64 octets more.
     rest integer;
   BEGIN
     IF OLD.kind <> 'vault' AND NEW.kind <> 'vault' THEN RETURN NEW; END IF;
     rest := CASE get_byte(NEW.wrapped, 0) WHEN 2 THEN 174 WHEN 3 THEN 238 END;
     IF NEW.kind <> OLD.kind OR NEW.escrowed_key_id <> OLD.escrowed_key_id OR rest IS NULL THEN
       RAISE EXCEPTION 'a vault lock stays the vault lock of its key';
     END IF;
     IF NEW.holder = OLD.holder THEN
       IF substring(NEW.wrapped FROM 1 FOR rest) <> substring(OLD.wrapped FROM 1 FOR rest) THEN
         RAISE EXCEPTION 'a vault lock changes its vault or its half a, and nothing else';
       END IF;
     ELSIF NOT EXISTS (SELECT 1 FROM vaults WHERE id::text = NEW.holder AND state = 'live') THEN
       RAISE EXCEPTION 'a vault lock is replaced by one of a live vault only';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER replace_vault_lock BEFORE UPDATE ON escrow_locks FOR EACH ROW EXECUTE FUNCTION replace_vault_lock()`,
];
