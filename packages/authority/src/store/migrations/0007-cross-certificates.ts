/** Cross-certificates: a further certificate for the name and key of an authority, by another root; and those we give to others. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE cross_certificates (
     id uuid PRIMARY KEY,
     subject_id uuid REFERENCES authorities, -- whose name and key it certifies; null: an authority that is not ours
     issuer_id uuid REFERENCES authorities, -- who signed it; null: an authority that is not ours
     serial_number text NOT NULL,
     certificate bytea NOT NULL UNIQUE,
     -- DER certificates above an outside issuer's signature, the issuer first, its root last
     above bytea[] NOT NULL DEFAULT '{}',
     not_after timestamptz NOT NULL,
     created_at timestamptz NOT NULL,
     revoked_at timestamptz, -- by us, who signed it
     CHECK (subject_id IS NOT NULL OR issuer_id IS NOT NULL),
     CHECK (issuer_id IS NULL OR above = '{}'),
     CHECK (revoked_at IS NULL OR issuer_id IS NOT NULL),
     UNIQUE (issuer_id, serial_number)
   )`,
  `CREATE INDEX cross_certificates_subject ON cross_certificates (subject_id)`,
];
