/** Mail that gateways hold, as they report it, and what was decided about it. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE held_mail (
     id uuid PRIMARY KEY,
     gateway_id uuid NOT NULL REFERENCES gateways,
     -- the contract's HeldStanding: the gateway has the original
     standing jsonb NOT NULL,
     direction text NOT NULL,
     held_at timestamptz NOT NULL,
     -- of the gateway that reported it last: what a later run does not know is not there any more
     run uuid NOT NULL,
     reported_at timestamptz NOT NULL
   )`,
  `CREATE INDEX held_mail_by_time ON held_mail (held_at, id)`,
  `CREATE INDEX held_mail_of_gateway ON held_mail (gateway_id)`,
  // Whoever decides again decides otherwise.
  `CREATE TABLE held_mail_decisions (
     id uuid PRIMARY KEY,
     held_id uuid NOT NULL UNIQUE REFERENCES held_mail ON DELETE CASCADE,
     act text NOT NULL CHECK (act IN ('release', 'refuse')),
     note text NOT NULL,
     decided_by text NOT NULL,
     decided_at timestamptz NOT NULL
   )`,
];
