/** Several issuing authorities: requests to an outside issuer, what stands above it, retirement. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `ALTER TABLE authorities
     -- DER certificates above this one whose keys are not ours, its issuer first, the root last
     ADD COLUMN outside_chain bytea[] NOT NULL DEFAULT '{}',
     ADD COLUMN retired_at timestamptz, -- signs no more certificates; goes on with CRLs and OCSP for those it signed
     ADD CHECK (issuer_id IS NULL OR outside_chain = '{}')`,
  `CREATE TABLE authority_requests (
     id uuid PRIMARY KEY,
     name text NOT NULL,
     key_reference text NOT NULL,
     request bytea NOT NULL, -- PKCS#10, DER
     created_at timestamptz NOT NULL,
     authority_id uuid REFERENCES authorities -- once its certificate came back
   )`,
];
