/** The rules of mail flow: versions that are never altered, when each was put in force, and what each gateway applies. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE mail_rule_sets (
     version integer PRIMARY KEY,
     document jsonb NOT NULL,
     author text NOT NULL,
     note text NOT NULL,
     based_on integer REFERENCES mail_rule_sets,
     restored_from integer REFERENCES mail_rule_sets,
     created_at timestamptz NOT NULL
   )`,
  // Each at most once, and only forwards: going back is a version of its own.
  `CREATE TABLE mail_rule_activations (
     version integer PRIMARY KEY REFERENCES mail_rule_sets,
     author text NOT NULL,
     note text NOT NULL,
     at timestamptz NOT NULL
   )`,
  `CREATE FUNCTION mail_rules_keep_their_history() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     RAISE EXCEPTION 'a version of the mail rules is never altered or deleted: write the next one';
   END $$`,
  `CREATE TRIGGER mail_rule_sets_keep_their_history BEFORE UPDATE OR DELETE ON mail_rule_sets
     FOR EACH ROW EXECUTE FUNCTION mail_rules_keep_their_history()`,
  `CREATE TRIGGER mail_rule_activations_keep_their_history BEFORE UPDATE OR DELETE ON mail_rule_activations
     FOR EACH ROW EXECUTE FUNCTION mail_rules_keep_their_history()`,
  `CREATE FUNCTION mail_rules_go_forwards() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF EXISTS (SELECT 1 FROM mail_rule_activations WHERE version >= NEW.version) THEN
       RAISE EXCEPTION 'a later version of the mail rules is in force: write the next one';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER mail_rule_activations_go_forwards BEFORE INSERT ON mail_rule_activations
     FOR EACH ROW EXECUTE FUNCTION mail_rules_go_forwards()`,
  `CREATE TABLE gateway_rules (
     gateway_id uuid PRIMARY KEY REFERENCES gateways,
     version integer REFERENCES mail_rule_sets,
     source text NOT NULL CHECK (source IN ('office', 'file', 'both')),
     own_rules integer NOT NULL,
     problem text,
     since timestamptz NOT NULL
   )`,
];
