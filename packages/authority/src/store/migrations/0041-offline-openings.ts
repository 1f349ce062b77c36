/** What was opened without the office, as its log told afterwards: which entries are known, and of whom they tell. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE offline_openings (
     entry bytea PRIMARY KEY, -- SHA-256 of the line
     document_id uuid NOT NULL, -- what officers contributed to: two entries or more
     reported_at timestamptz NOT NULL
   )`,
  `CREATE TABLE offline_opening_people (
     person_id uuid NOT NULL REFERENCES people,
     document_id uuid NOT NULL,
     PRIMARY KEY (person_id, document_id)
   )`,
  ...['offline_openings', 'offline_opening_people'].flatMap((table) => [
    `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION append_only()`,
    `CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION append_only()`,
  ]),
];
