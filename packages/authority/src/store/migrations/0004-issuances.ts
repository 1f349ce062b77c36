/** Bulk issuance: requests that were taken in together, and what became of each. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE issuances (
     id uuid PRIMARY KEY, -- chosen by whoever submits, so that a lost reply costs nothing
     note text NOT NULL,
     created_by text NOT NULL,
     created_at timestamptz NOT NULL
   )`,
  `CREATE TABLE issuance_items (
     issuance_id uuid NOT NULL REFERENCES issuances,
     position integer NOT NULL CHECK (position >= 0),
     address text NOT NULL, -- as it was asked for
     person_id uuid REFERENCES people,
     key_origin text NOT NULL CHECK (key_origin IN ('device', 'browser', 'gateway')),
     request bytea NOT NULL, -- PKCS#10, DER
     state text NOT NULL CHECK (state IN ('waiting', 'issued', 'failed', 'withdrawn')),
     serial_number text REFERENCES issuance_intents, -- the one last allotted; of a certificate once issued
     error text,
     updated_at timestamptz NOT NULL,
     PRIMARY KEY (issuance_id, position),
     CHECK (state <> 'issued' OR serial_number IS NOT NULL),
     CHECK ((state = 'failed') = (error IS NOT NULL))
   )`,
  `CREATE INDEX issuance_items_waiting ON issuance_items (issuance_id, position) WHERE state = 'waiting'`,
  `CREATE INDEX issuance_items_serial ON issuance_items (serial_number) WHERE state = 'waiting'`,
];
