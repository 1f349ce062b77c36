/** Devices enrol by themselves: one-time challenges, and what was asked for with them. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE enrolment_challenges (
     id uuid PRIMARY KEY,
     hash bytea NOT NULL UNIQUE,
     person_id uuid NOT NULL REFERENCES people,
     profile text NOT NULL,
     use text NOT NULL CHECK (use IN ('signing', 'encryption')),
     -- whoever made it was known by less than a passkey or a role
     approval boolean NOT NULL,
     made_by text NOT NULL,
     created_at timestamptz NOT NULL,
     expires_at timestamptz NOT NULL,
     used_at timestamptz,
     withdrawn_at timestamptz,
     UNIQUE (id, person_id)
   )`,
  `CREATE INDEX enrolment_challenges_of_person ON enrolment_challenges (person_id, expires_at)`,
  `CREATE TABLE device_enrolments (
     id uuid PRIMARY KEY,
     protocol text NOT NULL CHECK (protocol IN ('scep', 'est', 'upload')),
     label text NOT NULL,
     use text NOT NULL CHECK (use IN ('signing', 'encryption')),
     profile text NOT NULL,
     person_id uuid NOT NULL REFERENCES people,
     request bytea NOT NULL,
     spki_sha256 bytea NOT NULL,
     -- who signed the message around the request, who may then ask what became of it
     signer_sha256 bytea NOT NULL,
     transaction_id text,
     proof text NOT NULL CHECK (proof IN ('challenge', 'static', 'certificate', 'intune', 'session')),
     -- one challenge, one enrolment, of the person that it was made for
     challenge_id uuid UNIQUE,
     FOREIGN KEY (challenge_id, person_id) REFERENCES enrolment_challenges (id, person_id),
     renews text REFERENCES certificates,
     state text NOT NULL CHECK (state IN ('waiting', 'approved', 'refused', 'issued')),
     requested_at timestamptz NOT NULL,
     decided_at timestamptz,
     decided_by text,
     reason text,
     serial_number text REFERENCES certificates,
     delivered_at timestamptz,
     CHECK ((proof = 'challenge') = (challenge_id IS NOT NULL)),
     CHECK ((proof = 'certificate') = (renews IS NOT NULL)),
     CHECK ((state = 'issued') = (serial_number IS NOT NULL)),
     CHECK (state <> 'refused' OR reason IS NOT NULL)
   )`,
  // A captured renewal renews nothing twice.
  `CREATE UNIQUE INDEX device_enrolments_renew_once ON device_enrolments (renews, use) WHERE state <> 'refused'`,
  `CREATE INDEX device_enrolments_polled ON device_enrolments (transaction_id, requested_at DESC) WHERE transaction_id IS NOT NULL`,
  `CREATE INDEX device_enrolments_open ON device_enrolments (requested_at, id) WHERE state IN ('waiting', 'approved')`,
  `CREATE INDEX device_enrolments_listed ON device_enrolments (requested_at DESC, id)`,
  `CREATE INDEX device_enrolments_of_person ON device_enrolments (person_id, requested_at DESC)`,
];
