/** Legal holds: while one is open, no key of that person is destroyed. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE legal_holds (
     id uuid PRIMARY KEY,
     person_id uuid NOT NULL REFERENCES people,
     case_number text NOT NULL CHECK (case_number <> ''),
     reason text NOT NULL,
     placed_by uuid NOT NULL REFERENCES operators,
     placed_at timestamptz NOT NULL,
     lifted_by uuid REFERENCES operators,
     lifted_at timestamptz,
     lift_reason text,
     CHECK (num_nulls(lifted_by, lifted_at, lift_reason) IN (0, 3)),
     -- two pairs of eyes
     CHECK (lifted_by <> placed_by)
   )`,
  `CREATE UNIQUE INDEX one_open_hold_per_case ON legal_holds (person_id, case_number) WHERE lifted_at IS NULL`,
  `CREATE INDEX legal_holds_placed ON legal_holds (placed_at DESC, id)`,
  // A hold is lifted, once, and never rewritten or forgotten.
  `CREATE FUNCTION keep_legal_hold() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF TG_OP <> 'UPDATE' OR OLD.lifted_at IS NOT NULL
       OR (NEW.id, NEW.person_id, NEW.case_number, NEW.reason, NEW.placed_by, NEW.placed_at)
         IS DISTINCT FROM (OLD.id, OLD.person_id, OLD.case_number, OLD.reason, OLD.placed_by, OLD.placed_at) THEN
       RAISE EXCEPTION 'a legal hold is lifted, and never rewritten or deleted';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER keep_legal_hold BEFORE UPDATE OR DELETE ON legal_holds FOR EACH ROW EXECUTE FUNCTION keep_legal_hold()`,
  `CREATE TRIGGER keep_legal_holds BEFORE TRUNCATE ON legal_holds FOR EACH STATEMENT EXECUTE FUNCTION keep_legal_hold()`,
];
