/** People who are suspended, what was put on hold for it, and links that shall be mailed to their owners. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `ALTER TABLE people DROP CONSTRAINT people_state_check`,
  `ALTER TABLE people ADD CONSTRAINT people_state_check CHECK (state IN ('active', 'suspended', 'left'))`,
  `ALTER TABLE people ADD COLUMN suspended_at timestamptz`,
  // What their certificates say is not so any more: they are certified anew when they return.
  `ALTER TABLE people ADD COLUMN changed_while_suspended boolean NOT NULL DEFAULT false`,
  `ALTER TABLE people ADD CONSTRAINT people_suspended_check CHECK ((state = 'suspended') = (suspended_at IS NOT NULL))`,
  // A return releases these, and none that somebody put on hold for another reason.
  `CREATE TABLE suspension_holds (
     person_id uuid NOT NULL REFERENCES people,
     serial_number text NOT NULL,
     PRIMARY KEY (person_id, serial_number)
   )`,
  `CREATE TABLE claim_offers (
     person_id uuid PRIMARY KEY REFERENCES people,
     why text NOT NULL CHECK (why IN ('renewal', 'compromise')),
     asked_at timestamptz NOT NULL
   )`,
];
