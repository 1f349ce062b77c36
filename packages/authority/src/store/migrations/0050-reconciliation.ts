/** Every target compared with the inventory: each comparison, and what is known of each person's entry. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE publication_entries (
     target text NOT NULL,
     person_id uuid NOT NULL REFERENCES people,
     entry text, -- the target's own unchanging name of it: entryUUID, objectGUID
     place text, -- where it was seen last
     problem text CHECK (problem IN ('not-found', 'ambiguous', 'no-room', 'refused', 'down')),
     detail text,
     others integer NOT NULL DEFAULT 0, -- values in it that are not ours
     seen_at timestamptz NOT NULL,
     PRIMARY KEY (target, person_id)
   )`,
  `CREATE INDEX publication_entries_person ON publication_entries (person_id)`,
  `CREATE TABLE reconciliations (
     id uuid PRIMARY KEY,
     target text NOT NULL,
     mends boolean NOT NULL,
     begun_by text NOT NULL,
     begun_at timestamptz NOT NULL,
     ended_at timestamptz,
     reached uuid, -- everyone up to this person has been looked at
     in_hand jsonb NOT NULL DEFAULT '{}', -- what was found in the page that is being mended, by person
     people integer NOT NULL,
     checked integer NOT NULL DEFAULT 0,
     missing integer NOT NULL DEFAULT 0,
     extra integer NOT NULL DEFAULT 0,
     mended integer NOT NULL DEFAULT 0,
     not_found integer NOT NULL DEFAULT 0,
     refused integer NOT NULL DEFAULT 0,
     others integer NOT NULL DEFAULT 0,
     error text -- why it waits
   )`,
  `CREATE UNIQUE INDEX reconciliations_open ON reconciliations (target) WHERE ended_at IS NULL`,
  `CREATE INDEX reconciliations_by_target ON reconciliations (target, begun_at DESC)`,
];
