/** Mail from the office to people: what was written, and what became of it. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE notices (
     id uuid PRIMARY KEY,
     recipient text NOT NULL, -- one address
     subject text NOT NULL,
     body text, -- of a notice that holds no secret; kept once it is sent
     sealed_body bytea, -- of one that does: under the office's own key, erased once it is sent or lapsed
     about text, -- as an audit record's subject: recovery:<id>
     person_id uuid REFERENCES people,
     state text NOT NULL CHECK (state IN ('withheld', 'waiting', 'sent', 'failed')),
     queued_at timestamptz NOT NULL,
     expires_at timestamptz, -- of no use to anybody after this
     attempts integer NOT NULL DEFAULT 0,
     next_attempt_at timestamptz NOT NULL,
     last_error text,
     sent_at timestamptz,
     CHECK (body IS NULL OR sealed_body IS NULL),
     CHECK (state IN ('sent', 'failed') OR body IS NOT NULL OR sealed_body IS NOT NULL)
   )`,
  `CREATE INDEX notices_waiting ON notices (next_attempt_at) WHERE state = 'waiting'`,
  `CREATE INDEX notices_about ON notices (about) WHERE about IS NOT NULL`,
  `CREATE INDEX notices_person ON notices (person_id) WHERE person_id IS NOT NULL`,
];
