/** Who is covered and who is not, and why: one function for pages, counts, exports and figures. Views of the inventory that are kept. */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  /*
   * For every person, or only for some, and both uses. `refused` names what the profiles in use do not issue: 'signing device'.
   * Written so that it is inlined: with `only_people` it looks at those rows, without it reads each table once.
   */
  `CREATE FUNCTION coverage_of(at timestamptz, refused text[], only_people uuid[])
     RETURNS TABLE (person_id uuid, use text, covered boolean, reason text, detail text, until timestamptz)
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
       c.until
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
         max(k.not_after) FILTER (WHERE k.revoked_at IS NULL AND k.not_before <= at AND k.not_after > at) AS until
       FROM certificates k
       LEFT JOIN escrowed_keys e ON e.id = k.escrowed_key_id AND k.revoked_at IS NULL
       LEFT JOIN escrow_locks g ON g.escrowed_key_id = e.id AND g.kind = 'gateway'
       WHERE k.person_id IS NOT NULL AND k.use IN ('signing', 'encryption')
         AND (only_people IS NULL OR k.person_id = ANY (only_people))
       GROUP BY k.person_id, k.use
     ) c ON c.person_id = p.id AND c.use = u.use
     LEFT JOIN enrollments w ON w.person_id = p.id AND w.use = u.use AND w.state = 'waiting'
     LEFT JOIN claims l ON l.person_id = p.id AND l.closed_at IS NULL AND l.expires_at > at
     WHERE only_people IS NULL OR p.id = ANY (only_people)
   $$`,
  // What the function reads of a certificate, in the order in which it groups.
  `CREATE INDEX certificates_coverage ON certificates (person_id, use)
     INCLUDE (revoked_at, revocation_reason, not_before, not_after, issued_at, escrowed_key_id)
     WHERE person_id IS NOT NULL`,
  `CREATE INDEX claims_person ON claims (person_id)`,
  // An escrowed key is a kilobyte and more; whether its owner has it is read from here.
  `CREATE INDEX escrowed_keys_delivered ON escrowed_keys (id) INCLUDE (delivered_at)`,
  `CREATE INDEX escrow_locks_gateway ON escrow_locks (escrowed_key_id) INCLUDE (holder) WHERE kind = 'gateway'`,
  `CREATE TABLE inventory_views (
     id uuid PRIMARY KEY,
     name text NOT NULL,
     owner_id uuid REFERENCES operators, -- null: of the command line
     shared boolean NOT NULL,
     list text NOT NULL CHECK (list IN ('holdings', 'coverage')),
     filter jsonb NOT NULL,
     changed_at timestamptz NOT NULL
   )`,
  `CREATE UNIQUE INDEX inventory_views_name ON inventory_views (coalesce(owner_id, '00000000-0000-0000-0000-000000000000'), lower(name))`,
];
