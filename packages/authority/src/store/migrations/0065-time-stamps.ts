/** Keys with which the office says when something was there. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE time_stamp_keys (
     id uuid PRIMARY KEY,
     key_reference text NOT NULL UNIQUE,
     certificate bytea NOT NULL, -- signed by that key itself: what an authority for mail signs may stamp no time
     made_at timestamptz NOT NULL,
     renew_at timestamptz NOT NULL,
     not_after timestamptz NOT NULL
   )`,
];
