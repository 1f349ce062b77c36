/** A journal of mail that is searched when it is large: an index for each way to ask, and what the rules did, counted by day. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

/** Each in the order of the list: whatever is asked for, a page is read from where the last one ended. */
const by = (name: string, key: string, where = '') =>
  `CREATE INDEX mail_journal_${name} ON mail_journal (${key}, at DESC, id DESC)${where}`;

const statements = [
  `ALTER TABLE mail_journal
     ADD COLUMN rules text[], -- where more than one had a say
     ADD COLUMN arrival uuid,
     ADD COLUMN rule_set integer,
     ADD COLUMN shadow jsonb NOT NULL DEFAULT '[]',
     ADD COLUMN facts jsonb`,
  `DROP INDEX mail_journal_at`,
  // With what the overview counts.
  `CREATE INDEX mail_journal_newest ON mail_journal (at DESC, id DESC) INCLUDE (outcome)`,
  by('sender', 'lower(sender)'),
  by('recipient', 'lower(recipient)'),
  by('sender_domain', `lower(substring(sender from '[^@]*$'))`),
  by('recipient_domain', `lower(substring(recipient from '[^@]*$'))`),
  by('rule', 'rule'),
  by('outcome', 'outcome'),
  by('verdict', 'verdict', ' WHERE verdict IS NOT NULL'),
  by('rule_set', 'rule_set', ' WHERE rule_set IS NOT NULL'),
  `CREATE INDEX mail_journal_rules ON mail_journal USING gin (rules) WHERE rules IS NOT NULL`,
  `CREATE INDEX mail_journal_message ON mail_journal (message_id) WHERE message_id IS NOT NULL`,
  `CREATE INDEX mail_journal_arrival ON mail_journal (arrival) WHERE arrival IS NOT NULL`,
  `CREATE INDEX mail_journal_shadow ON mail_journal (at DESC, id DESC) WHERE shadow <> '[]'`,
  // No address and no message: kept when the records are not any more.
  `CREATE TABLE mail_rule_counts (
     day date NOT NULL,
     direction text NOT NULL,
     rule text NOT NULL,
     outcome text NOT NULL,
     shadow boolean NOT NULL,
     count bigint NOT NULL,
     PRIMARY KEY (day, direction, rule, outcome, shadow)
   )`,
  `INSERT INTO mail_rule_counts (day, direction, rule, outcome, shadow, count)
     SELECT (at AT TIME ZONE 'UTC')::date, direction, rule, outcome, false, count(*)
     FROM mail_journal WHERE rule IS NOT NULL GROUP BY 1, 2, 3, 4`,
];
