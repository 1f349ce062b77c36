/**
 * Who is covered, kept: a row for each person and use, the instants between which it is true, their totals, and a mark for each person
 * of whom something has changed since. A mark is written by the transaction of the change, so that whoever sees the change sees the
 * mark (docs/decisions/0048-coverage-is-kept-and-marked.md).
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

/** Marks the people of these rows: `new_rows`, `old_rows`. */
const marking = (name: string, rows: string) => `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     INSERT INTO coverage_marks (person_id) SELECT DISTINCT person_id FROM (${rows}) r WHERE person_id IS NOT NULL;
     RETURN NULL;
   END $$`;

/** Adds these rows of `coverage` to the totals, or takes them away. */
const totalling = (name: string, ...parts: (readonly [sign: 1 | -1, rows: string])[]) =>
  `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     INSERT INTO coverage_totals AS t (use, reason, refusal, people)
       SELECT use, reason, coalesce(refusal, ''), sum(n) FROM (
         ${parts.map(([sign, rows]) => `SELECT use, reason, refusal, ${sign} AS n FROM ${rows}`).join(' UNION ALL ')}) r
       GROUP BY 1, 2, 3 HAVING sum(n) <> 0 ORDER BY 1, 2, 3
     ON CONFLICT (use, reason, refusal) DO UPDATE SET people = t.people + excluded.people;
     RETURN NULL;
   END $$`;

/** `${prefix}_of_new`, `_of_changed` and `_of_gone` after each statement that writes to the table. */
const afterEach = (table: string, prefix: string) => [
  `CREATE TRIGGER ${prefix}_of_new AFTER INSERT ON ${table} REFERENCING NEW TABLE AS new_rows
     FOR EACH STATEMENT EXECUTE FUNCTION ${prefix}_of_new()`,
  `CREATE TRIGGER ${prefix}_of_changed AFTER UPDATE ON ${table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
     FOR EACH STATEMENT EXECUTE FUNCTION ${prefix}_of_changed()`,
  `CREATE TRIGGER ${prefix}_of_gone AFTER DELETE ON ${table} REFERENCING OLD TABLE AS old_rows
     FOR EACH STATEMENT EXECUTE FUNCTION ${prefix}_of_gone()`,
];

const statements = [
  `DROP FUNCTION coverage_of(timestamptz, text[], uuid[])`,
  /*
   * As in migration 0055, with what keeping takes: `refusal`, what profiles would have to refuse for it to be the reason, and the
   * instants between which the same facts say the same (`true_from` <= at < `true_until`).
   */
  `CREATE FUNCTION coverage_of(at timestamptz, refused text[], only_people uuid[])
     RETURNS TABLE (person_id uuid, use text, covered boolean, reason text, detail text, until timestamptz,
       refusal text, true_from timestamptz, true_until timestamptz)
     LANGUAGE sql STABLE AS $$
     SELECT p.id, u.use, p.state = 'active' AND coalesce(c.ready, false),
       CASE
         WHEN p.state = 'left' THEN 'left'
         WHEN p.state <> 'active' THEN 'suspended'
         WHEN c.ready THEN 'covered'
         WHEN w.error IS NOT NULL THEN 'enrolment-failed'
         WHEN c.held THEN 'on-hold'
         WHEN u.use || ' ' || p.signing_key = ANY (refused) THEN 'profile-refuses'
         -- a certificate is there, and its key not yet its owner's
         WHEN c.good AND l.sealed_secret IS NOT NULL THEN 'link-not-given'
         WHEN c.good AND l.id IS NOT NULL THEN 'link-not-used'
         WHEN c.good THEN 'no-link'
         WHEN u.use = 'encryption' AND w.id IS NOT NULL THEN 'being-made'
         WHEN u.use = 'signing' AND p.signing_key = 'gateway' THEN 'gateway-not-enrolled'
         WHEN u.use = 'signing' AND l.sealed_secret IS NOT NULL THEN 'link-not-given'
         WHEN u.use = 'signing' AND l.id IS NOT NULL THEN 'link-not-used'
         WHEN c.revoked > coalesce(c.expired, '-infinity') THEN 'revoked'
         WHEN c.expired IS NOT NULL THEN 'expired'
         ELSE 'no-link'
       END,
       w.error,
       c.until,
       CASE WHEN p.state = 'active' AND c.ready IS NOT TRUE AND w.error IS NULL AND c.held IS NOT TRUE
         THEN u.use || ' ' || p.signing_key END,
       coalesce(greatest(c.past, l.ended), '-infinity'),
       coalesce(least(c.future, l.ends), 'infinity')
     FROM people p
     CROSS JOIN (VALUES ('signing'), ('encryption')) AS u (use)
     LEFT JOIN (
       SELECT k.person_id, k.use,
         bool_or(k.revoked_at IS NULL AND k.not_before <= at AND k.not_after > at
           AND (k.use = 'signing' OR e.delivered_at IS NOT NULL OR g.holder IS NOT NULL)) AS ready,
         bool_or(k.revoked_at IS NULL AND k.not_before <= at AND k.not_after > at) AS good,
         bool_or(k.revocation_reason = 'certificateHold' AND k.not_after > at) AS held,
         max(k.issued_at) FILTER (WHERE k.revoked_at IS NOT NULL) AS revoked,
         max(k.issued_at) FILTER (WHERE k.revoked_at IS NULL AND k.not_after <= at) AS expired,
         max(k.not_after) FILTER (WHERE k.revoked_at IS NULL AND k.not_before <= at AND k.not_after > at) AS until,
         max(CASE WHEN k.not_after <= at THEN k.not_after WHEN k.not_before <= at THEN k.not_before END) AS past,
         min(CASE WHEN k.not_before > at THEN k.not_before WHEN k.not_after > at THEN k.not_after END) AS future
       FROM certificates k
       LEFT JOIN escrowed_keys e ON e.id = k.escrowed_key_id AND k.revoked_at IS NULL
       LEFT JOIN escrow_locks g ON g.escrowed_key_id = e.id AND g.kind = 'gateway'
       WHERE k.person_id IS NOT NULL AND k.use IN ('signing', 'encryption')
         AND (only_people IS NULL OR k.person_id = ANY (only_people))
       GROUP BY k.person_id, k.use
     ) c ON c.person_id = p.id AND c.use = u.use
     LEFT JOIN enrollments w ON w.person_id = p.id AND w.use = u.use AND w.state = 'waiting'
     LEFT JOIN (
       -- one that has lapsed is none any more, and says since when that holds
       SELECT o.person_id,
         CASE WHEN o.expires_at > at THEN o.id END AS id,
         CASE WHEN o.expires_at > at THEN o.sealed_secret END AS sealed_secret,
         CASE WHEN o.expires_at > at THEN o.expires_at END AS ends,
         CASE WHEN o.expires_at <= at THEN o.expires_at END AS ended
       FROM claims o WHERE o.closed_at IS NULL
     ) l ON l.person_id = p.id
     WHERE only_people IS NULL OR p.id = ANY (only_people)
   $$`,

  // What is kept ----------------------------------------------------------------------------------------------------
  `CREATE TABLE coverage (
     person_id uuid NOT NULL REFERENCES people ON DELETE CASCADE,
     use text NOT NULL,
     name text NOT NULL, -- in lower case: lists are in its order
     reason text NOT NULL, -- as long as profiles refuse nothing
     refusal text,
     true_from timestamptz NOT NULL,
     true_until timestamptz NOT NULL,
     PRIMARY KEY (person_id, use)
   )`,
  `CREATE TABLE coverage_marks (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     person_id uuid NOT NULL
   )`,
  `CREATE TABLE coverage_totals (
     use text NOT NULL,
     reason text NOT NULL,
     refusal text NOT NULL, -- empty where no profile can refuse it
     people bigint NOT NULL,
     PRIMARY KEY (use, reason, refusal)
   )`,
  // Only whoever keeps coverage waits for these rows, and there is one at a time.
  totalling('total_coverage_of_new', [1, 'new_rows']),
  totalling('total_coverage_of_changed', [1, 'new_rows'], [-1, 'old_rows']),
  totalling('total_coverage_of_gone', [-1, 'old_rows']),
  ...afterEach('coverage', 'total_coverage'),
  `INSERT INTO coverage (person_id, use, name, reason, refusal, true_from, true_until)
     SELECT v.person_id, v.use, lower(p.name), v.reason, v.refusal, v.true_from, v.true_until
     FROM coverage_of(now(), '{}', NULL) v JOIN people p ON p.id = v.person_id`,
  // Lists, each in the order of names.
  `CREATE INDEX coverage_uncovered ON coverage (use, name, person_id) WHERE reason NOT IN ('covered', 'left')`,
  `CREATE INDEX coverage_by_reason ON coverage (use, reason, name, person_id)`,
  `CREATE INDEX coverage_until ON coverage (true_until)`,
  `CREATE INDEX coverage_from ON coverage (true_from)`,

  // What changes it -------------------------------------------------------------------------------------------------
  marking('mark_coverage_of_new', 'SELECT person_id FROM new_rows'),
  marking('mark_coverage_of_changed', 'SELECT person_id FROM old_rows UNION ALL SELECT person_id FROM new_rows'),
  marking('mark_coverage_of_gone', 'SELECT person_id FROM old_rows'),
  ...afterEach('certificates', 'mark_coverage'),
  ...afterEach('enrollments', 'mark_coverage'),
  ...afterEach('claims', 'mark_coverage'),
  marking('mark_coverage_of_new_people', 'SELECT id AS person_id FROM new_rows'),
  `CREATE TRIGGER mark_coverage_of_new AFTER INSERT ON people REFERENCING NEW TABLE AS new_rows
     FOR EACH STATEMENT EXECUTE FUNCTION mark_coverage_of_new_people()`,
  marking('mark_coverage_of_person', 'SELECT NEW.id AS person_id'),
  `CREATE TRIGGER mark_coverage_of_changed AFTER UPDATE ON people FOR EACH ROW
     WHEN ((NEW.name, NEW.state, NEW.signing_key) IS DISTINCT FROM (OLD.name, OLD.state, OLD.signing_key))
     EXECUTE FUNCTION mark_coverage_of_person()`,
  marking('mark_coverage_of_key', 'SELECT NEW.person_id AS person_id'),
  `CREATE TRIGGER mark_coverage_of_delivered AFTER UPDATE OF delivered_at ON escrowed_keys FOR EACH ROW
     WHEN (NEW.delivered_at IS DISTINCT FROM OLD.delivered_at) EXECUTE FUNCTION mark_coverage_of_key()`,
  // Whether a gateway opens it; a lock stays with its key, of the kind that it is.
  marking(
    'mark_coverage_of_lock',
    `SELECT person_id FROM escrowed_keys WHERE id IN (OLD.escrowed_key_id, NEW.escrowed_key_id)`,
  ),
  `CREATE TRIGGER mark_coverage_of_new AFTER INSERT ON escrow_locks FOR EACH ROW
     WHEN (NEW.kind = 'gateway') EXECUTE FUNCTION mark_coverage_of_lock()`,
  `CREATE TRIGGER mark_coverage_of_gone AFTER DELETE ON escrow_locks FOR EACH ROW
     WHEN (OLD.kind = 'gateway') EXECUTE FUNCTION mark_coverage_of_lock()`,

  /*
   * Looks again at `most` of those who are marked and of those whose time is over. It says nothing that the office did not say
   * before, as an index does, so that no record of the audit trail is made. One at a time: else the older of two answers could be
   * written last. Marks that are not committed yet are not taken; each statement sees what has committed before it began.
   */
  `CREATE FUNCTION refresh_coverage(at timestamptz, most integer) RETURNS integer LANGUAGE plpgsql AS $$
   DECLARE
     again uuid[];
   BEGIN
     IF NOT pg_try_advisory_xact_lock(hashtextextended('coverage', 0)) THEN RETURN 0; END IF;
     WITH taken AS (
       DELETE FROM coverage_marks
       WHERE id <= (SELECT max(id) FROM (SELECT id FROM coverage_marks ORDER BY id LIMIT most) s) RETURNING person_id)
     SELECT array_agg(DISTINCT person_id) INTO again FROM (
       SELECT person_id FROM taken
       UNION ALL (SELECT person_id FROM coverage WHERE true_until <= at LIMIT most)
       UNION ALL (SELECT person_id FROM coverage WHERE true_from > at LIMIT most)) s;
     IF again IS NULL THEN RETURN 0; END IF;
     -- Planned for these people each time: a plan for any would read every certificate.
     EXECUTE
       'INSERT INTO coverage AS c (person_id, use, name, reason, refusal, true_from, true_until)
          SELECT v.person_id, v.use, lower(p.name), v.reason, v.refusal, v.true_from, v.true_until
          FROM coverage_of($1, ''{}'', $2) v JOIN people p ON p.id = v.person_id
        ON CONFLICT (person_id, use) DO UPDATE SET name = excluded.name, reason = excluded.reason, refusal = excluded.refusal,
          true_from = excluded.true_from, true_until = excluded.true_until
        WHERE (c.name, c.reason, c.refusal, c.true_from, c.true_until) IS DISTINCT FROM
          (excluded.name, excluded.reason, excluded.refusal, excluded.true_from, excluded.true_until)'
       USING at, again;
     RETURN cardinality(again);
   END $$`,
];
