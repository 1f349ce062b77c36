/** What waits for a phone to fetch it, and certificates for what the office signs in its own name. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const USES = `'signing', 'encryption', 'gateway', 'ocsp', 'scep-ra', 'admin', 'seal'`;

const statements = [
  `ALTER TABLE issuance_intents DROP CONSTRAINT issuance_intents_use_check,
     ADD CONSTRAINT issuance_intents_use_check CHECK (use IN (${USES}))`,
  `ALTER TABLE certificates DROP CONSTRAINT certificates_use_check,
     ADD CONSTRAINT certificates_use_check CHECK (use IN (${USES}))`,
  `CREATE INDEX certificates_seal ON certificates (not_after) WHERE use = 'seal'`,
  // A file for a device of that person's, whose keys are under a password that is not here.
  `CREATE TABLE pick_ups (
     id uuid PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     secret_hash bytea NOT NULL UNIQUE,
     file_name text NOT NULL,
     media_type text NOT NULL,
     content bytea NOT NULL,
     fetches integer NOT NULL DEFAULT 0,
     created_at timestamptz NOT NULL,
     expires_at timestamptz NOT NULL
   )`,
  `CREATE INDEX pick_ups_expires_at ON pick_ups (expires_at)`,
];
