/** Directories that the office follows: how far each was read, and what is asked before it goes on. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE directory_syncs (
     name text PRIMARY KEY, -- as in the configuration, and of its source
     begun_at timestamptz,
     ended_at timestamptz,
     done_at timestamptz, -- when a pass last came to its end
     complete_at timestamptz, -- when everybody was last read
     outcome text CHECK (outcome IN ('done', 'failed', 'asking')), -- of the last pass
     problem text,
     failing_since timestamptz,
     alarmed_at timestamptz,
     position jsonb, -- up to where changes are known
     digest text, -- of the configuration by which it was read
     counts jsonb, -- of the last pass that was done
     question jsonb -- who would leave at once, and what was said to it
   )`,
];
