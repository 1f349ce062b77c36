/** Correspondents outside as the gateways report them, and what operators decided about them. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE correspondents (
     id uuid PRIMARY KEY,
     gateway_id uuid NOT NULL REFERENCES gateways,
     address text NOT NULL,
     -- the contract's CorrespondentStanding: the gateway has the original
     standing jsonb NOT NULL,
     waiting boolean NOT NULL,
     reported_at timestamptz NOT NULL,
     UNIQUE (gateway_id, address)
   )`,
  `CREATE INDEX correspondents_by_address ON correspondents (address, id)`,
  `CREATE INDEX correspondents_waiting ON correspondents (address, id) WHERE waiting`,
  `CREATE TABLE correspondent_decisions (
     id uuid PRIMARY KEY,
     correspondent_id uuid NOT NULL REFERENCES correspondents ON DELETE CASCADE,
     kind text NOT NULL CHECK (kind IN ('accept', 'forget')),
     sha256 text,
     decided_by text NOT NULL,
     decided_at timestamptz NOT NULL,
     CHECK ((kind = 'accept') = (sha256 IS NOT NULL))
   )`,
  `CREATE INDEX correspondent_decisions_of ON correspondent_decisions (correspondent_id)`,
];
