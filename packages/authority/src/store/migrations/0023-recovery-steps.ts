/** Recovery: steps beside the officers' decisions, and requests for several people. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Null where a request is for several people.
  `ALTER TABLE recovery_requests ALTER COLUMN person_id DROP NOT NULL`,
  `CREATE TABLE recovery_people (
     request_id uuid NOT NULL REFERENCES recovery_requests,
     person_id uuid NOT NULL REFERENCES people,
     PRIMARY KEY (request_id, person_id)
   )`,
  `CREATE INDEX recovery_people_person ON recovery_people (person_id)`,
  `INSERT INTO recovery_people SELECT id, person_id FROM recovery_requests`,
  `CREATE TABLE recovery_steps (
     request_id uuid NOT NULL REFERENCES recovery_requests,
     kind text NOT NULL CHECK (kind IN ('identity', 'manager')),
     recorded_by uuid NOT NULL REFERENCES operators,
     recorded_at timestamptz NOT NULL,
     digest text NOT NULL, -- of the request that the recorder saw
     statement jsonb NOT NULL, -- who, how, and the evidence
     PRIMARY KEY (request_id, kind)
   )`,
  `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON recovery_steps FOR EACH ROW EXECUTE FUNCTION append_only()`,
  // Whoever asks, whoever vouches and whoever decides are different people, even for whoever writes SQL by hand.
  `CREATE FUNCTION step_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF EXISTS (SELECT 1 FROM recovery_requests r WHERE r.id = NEW.request_id AND r.requested_by = NEW.recorded_by) THEN
       RAISE EXCEPTION 'a requester never records a step of their own request';
     END IF;
     IF EXISTS (SELECT 1 FROM recovery_decisions d WHERE d.request_id = NEW.request_id AND d.officer_id = NEW.recorded_by) THEN
       RAISE EXCEPTION 'whoever decides on a request never records a step of it';
     END IF;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER step_by_another BEFORE INSERT ON recovery_steps FOR EACH ROW EXECUTE FUNCTION step_by_another()`,
  `CREATE OR REPLACE FUNCTION decision_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF EXISTS (SELECT 1 FROM recovery_requests r WHERE r.id = NEW.request_id AND r.requested_by = NEW.officer_id) THEN
       RAISE EXCEPTION 'a requester never decides on their own request';
     END IF;
     IF EXISTS (SELECT 1 FROM recovery_steps s WHERE s.request_id = NEW.request_id AND s.recorded_by = NEW.officer_id) THEN
       RAISE EXCEPTION 'whoever records a step of a request never decides on it';
     END IF;
     RETURN NEW;
   END $$`,
];
