/** Renewals that have begun, one for each certificate that another takes the place of, and rollovers of an authority. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE rollovers (
     id uuid PRIMARY KEY,
     authority_id uuid NOT NULL REFERENCES authorities, -- whose certificates are replaced by another's
     per_day integer NOT NULL CHECK (per_day > 0),
     state text NOT NULL CHECK (state IN ('running', 'paused', 'done', 'ended')),
     note text NOT NULL,
     begun_by text NOT NULL,
     begun_at timestamptz NOT NULL,
     closed_at timestamptz,
     CHECK ((state IN ('done', 'ended')) = (closed_at IS NOT NULL))
   )`,
  `CREATE UNIQUE INDEX one_open_rollover ON rollovers (authority_id) WHERE closed_at IS NULL`,
  `CREATE TABLE renewals (
     serial_number text PRIMARY KEY REFERENCES certificates, -- of the certificate that ends
     way text NOT NULL CHECK (way IN ('office', 'gateway', 'owner')), -- who has to act
     fresh boolean NOT NULL, -- with another key
     rollover_id uuid REFERENCES rollovers,
     tries integer NOT NULL DEFAULT 1,
     begun_at timestamptz NOT NULL,
     next_at timestamptz -- when it is looked at again, unless it is renewed by then; null: not by itself
   )`,
  `CREATE INDEX renewals_begun ON renewals (begun_at)`,
  `CREATE INDEX renewals_of_rollover ON renewals (rollover_id) WHERE rollover_id IS NOT NULL`,
];
