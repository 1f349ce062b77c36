/** Notices of events: each told once, on several ways, gathered or at once, in texts and by rules that have versions. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // What happened, once, whoever is told of it.
  `CREATE TABLE notice_events (
     key text PRIMARY KEY,
     event text NOT NULL,
     at timestamptz NOT NULL
   )`,
  `ALTER TABLE notices
     ADD COLUMN channel text NOT NULL DEFAULT 'mail' CHECK (channel IN ('mail', 'webhook')),
     ADD COLUMN event text,
     ADD COLUMN role text CHECK (role IN ('person', 'manager', 'operators')),
     ADD COLUMN once text, -- what happened, the way and the recipient: nobody is told twice
     ADD COLUMN language text,
     ADD COLUMN digest text CHECK (digest IN ('daily', 'weekly')),
     ADD COLUMN folded_into uuid REFERENCES notices,
     ADD COLUMN doubtful boolean NOT NULL DEFAULT false, -- the office ended while a server took it
     DROP CONSTRAINT notices_state_check,
     ADD CONSTRAINT notices_state_check
       CHECK (state IN ('withheld', 'waiting', 'gathering', 'folded', 'sent', 'failed')),
     ADD CHECK (state NOT IN ('gathering', 'folded') OR digest IS NOT NULL)`,
  `ALTER TABLE notices DROP CONSTRAINT notices_check1`,
  `ALTER TABLE notices ADD CONSTRAINT notices_text_check
     CHECK (state IN ('sent', 'failed', 'folded') OR body IS NOT NULL OR sealed_body IS NOT NULL)`,
  `CREATE UNIQUE INDEX notices_once ON notices (once) WHERE once IS NOT NULL`,
  `CREATE INDEX notices_newest ON notices (queued_at DESC, id DESC)`,
  `CREATE INDEX notices_unsent ON notices (queued_at DESC, id DESC)
     WHERE state IN ('withheld', 'waiting', 'gathering', 'failed')`,
  `CREATE INDEX notices_gathering ON notices (digest, recipient, queued_at) WHERE state = 'gathering'`,
  `CREATE INDEX notices_sent ON notices (sent_at) WHERE sent_at IS NOT NULL`,
  `CREATE INDEX notices_recipient ON notices (recipient, queued_at)`,
  // The inbox of operators.
  `CREATE TABLE console_notices (
     id uuid PRIMARY KEY,
     event text NOT NULL,
     subject text NOT NULL,
     body text NOT NULL,
     about text,
     person_id uuid REFERENCES people,
     urgent boolean NOT NULL,
     at timestamptz NOT NULL
   )`,
  `CREATE INDEX console_notices_newest ON console_notices (at DESC, id DESC)`,
  `CREATE TABLE console_notice_reads (
     notice_id uuid NOT NULL REFERENCES console_notices ON DELETE CASCADE,
     operator_id uuid NOT NULL REFERENCES operators,
     read_at timestamptz NOT NULL,
     PRIMARY KEY (operator_id, notice_id)
   )`,
  `CREATE TABLE notice_settings (
     version integer PRIMARY KEY,
     document jsonb NOT NULL,
     author text NOT NULL,
     note text NOT NULL,
     created_at timestamptz NOT NULL
   )`,
  `CREATE TABLE notice_templates (
     event text NOT NULL,
     language text NOT NULL,
     version integer NOT NULL,
     subject text, -- null: the shipped text again
     body text,
     author text NOT NULL,
     note text NOT NULL,
     created_at timestamptz NOT NULL,
     PRIMARY KEY (event, language, version),
     CHECK ((subject IS NULL) = (body IS NULL))
   )`,
  `CREATE TABLE notice_preferences (
     person_id uuid PRIMARY KEY REFERENCES people,
     language text,
     muted text[] NOT NULL,
     changed_at timestamptz NOT NULL
   )`,
  // Looked at every minute: what a place does not take.
  `CREATE INDEX publications_failed ON publications (target) WHERE state = 'failed'`,
];
