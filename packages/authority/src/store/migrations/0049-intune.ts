/** What Intune is told of the devices that it validated, and when it was last asked for revocations. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE intune_notices (
     id uuid PRIMARY KEY,
     kind text NOT NULL CHECK (kind IN ('success', 'failure', 'revocations')),
     -- sealed: a request holds the challenge of the device
     body bytea,
     created_at timestamptz NOT NULL,
     settled_at timestamptz,
     -- why it was given up
     error text,
     CHECK ((body IS NULL) = (settled_at IS NOT NULL))
   )`,
  `CREATE TABLE intune_feed (
     sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
     polled_at timestamptz NOT NULL
   )`,
];
