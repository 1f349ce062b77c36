/** Who cannot be written to encrypted, and why: in general, and for whoever looks in one target. */
import type { UnreachableReason } from '@chancery/api';
import { type RawBuilder, sql } from 'kysely';
import type { Snapshot } from './database.ts';
import { isUsable } from './escrow.ts';

interface UnreachableRow {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  /** Null where it holds everywhere. */
  readonly target: string | null;
  readonly reason: UnreachableReason;
  /** A sentence, where there is one. */
  readonly detail: string | null;
  readonly since: Date | null;
}

export interface UnreachableFilter {
  readonly targets: readonly { readonly name: string; readonly byRunbook: boolean }[];
  readonly reason?: UnreachableReason | undefined;
  /** Only what holds for that target, what holds everywhere among it. */
  readonly target?: string | undefined;
  readonly search?: string | undefined;
  readonly limit: number;
  readonly offset: number;
}

interface Unreachable {
  /** Everyone active. */
  readonly people: number;
  /** Without the filter. */
  readonly counts: readonly {
    readonly target: string | null;
    readonly reason: UnreachableReason;
    readonly people: number;
  }[];
  /** What the filter lets through. */
  readonly total: number;
  readonly rows: readonly UnreachableRow[];
}

export async function unreachable(snapshot: Snapshot, filter: UnreachableFilter, at: Date): Promise<Unreachable> {
  const rows = reasons(filter.targets, at);
  const chosen = conditions(filter);
  const { rows: counts } = await sql<{ target: string | null; reason: UnreachableReason; people: string }>`
    ${rows} SELECT target, reason, count(*) AS people FROM reasons GROUP BY target, reason
    ORDER BY target NULLS FIRST, reason`.execute(snapshot as never);
  const { rows: page } = await sql<UnreachableRow & { total: string }>`
    ${rows} SELECT *, count(*) OVER () AS total FROM reasons WHERE ${chosen}
    ORDER BY lower(name), id, target NULLS FIRST LIMIT ${filter.limit} OFFSET ${filter.offset}`.execute(
    snapshot as never,
  );
  const { people } = await snapshot
    .selectFrom('people')
    .select((select) => select.fn.countAll<string>().as('people'))
    .where('state', '=', 'active')
    .executeTakeFirstOrThrow();
  return {
    people: Number(people),
    counts: counts.map((row) => ({ ...row, people: Number(row.people) })),
    total: Number(page[0]?.total ?? 0),
    rows: page.map(({ total: _, ...row }) => row),
  };
}

/**
 * SQL: one row for everyone without a usable certificate, and for the others one for each target in which none of theirs stands.
 * What a profile says of a certificate that no plan has reached yet is read from the profile.
 */
function reasons(targets: UnreachableFilter['targets'], at: Date): RawBuilder<unknown> {
  const names = targets.map(({ name }) => name);
  const byRunbook = targets.filter((one) => one.byRunbook).map(({ name }) => name);
  return sql`
    WITH good AS (
      SELECT c.person_id, c.serial_number, c.profile, c.profile_version,
        EXISTS (SELECT 1 FROM escrowed_keys e WHERE e.id = c.escrowed_key_id AND ${isUsable}) AS usable
      FROM certificates c
      WHERE c.use = 'encryption' AND c.revoked_at IS NULL AND c.not_before <= ${at} AND c.not_after > ${at}
    ), everyone AS (
      SELECT p.id, p.name, a.address, p.created_at,
        EXISTS (SELECT 1 FROM good g WHERE g.person_id = p.id AND g.usable) AS has_usable,
        EXISTS (SELECT 1 FROM good g WHERE g.person_id = p.id) AS has_good,
        w.error AS waiting_error, w.id IS NOT NULL AS waits,
        l.not_after AS last_end, l.revoked_at, l.revocation_reason
      FROM people p
      JOIN person_addresses a ON a.person_id = p.id AND a.is_primary
      LEFT JOIN LATERAL (
        SELECT id, error FROM enrollments n
        WHERE n.person_id = p.id AND n.use = 'encryption' AND n.state = 'waiting' ORDER BY created_at LIMIT 1) w ON true
      LEFT JOIN LATERAL (
        SELECT not_after, revoked_at, revocation_reason FROM certificates c
        WHERE c.person_id = p.id AND c.use = 'encryption' ORDER BY issued_at DESC LIMIT 1) l ON true
      WHERE p.state = 'active'
    ), here AS (
      SELECT e.id, t.target,
        bool_or(r.state = 'published') AS stands,
        bool_or(r.wanted AND r.state = 'failed') AS failed,
        bool_or(coalesce(r.wanted, pr.document -> 'publication' = '"everywhere"'
          OR pr.document -> 'publication' @> to_jsonb(t.target))) AS wanted,
        max(r.error) AS error
      FROM everyone e CROSS JOIN unnest(${names}::text[]) AS t(target)
      JOIN good g ON g.person_id = e.id AND g.usable
      LEFT JOIN publications r ON r.target = t.target AND r.serial_number = g.serial_number
      LEFT JOIN profiles pr ON pr.id = g.profile AND pr.version = g.profile_version
      WHERE e.has_usable GROUP BY e.id, t.target
    ), reasons AS (
      SELECT id, name, address, NULL::text AS target,
        CASE WHEN has_good THEN 'not-collected'
          WHEN waits AND waiting_error IS NOT NULL THEN 'delayed'
          WHEN waits THEN 'being-made'
          WHEN revocation_reason = 'certificateHold' THEN 'on-hold'
          WHEN revoked_at IS NOT NULL THEN 'revoked'
          WHEN last_end IS NOT NULL THEN 'expired'
          ELSE 'no-key' END AS reason,
        waiting_error AS detail,
        CASE WHEN has_good OR waits THEN NULL WHEN revoked_at IS NOT NULL THEN revoked_at ELSE last_end END AS since
      FROM everyone WHERE NOT has_usable
      UNION ALL
      SELECT e.id, e.name, e.address, h.target,
        CASE WHEN NOT coalesce(h.wanted, false) THEN 'profile'
          WHEN h.failed THEN coalesce(n.problem, 'refused')
          WHEN h.target = ANY (${byRunbook}::text[]) THEN 'runbook'
          ELSE 'pending' END AS reason,
        CASE WHEN h.failed THEN coalesce(n.detail, h.error) END AS detail,
        CASE WHEN h.failed THEN n.seen_at END AS since
      FROM here h JOIN everyone e USING (id)
      LEFT JOIN publication_entries n ON n.person_id = h.id AND n.target = h.target
      WHERE NOT coalesce(h.stands, false)
    )`;
}

function conditions({ reason, target, search }: UnreachableFilter): RawBuilder<unknown> {
  const pattern = `%${(search?.trim() ?? '').replace(/[\\%_]/g, '\\$&')}%`;
  return sql.join(
    [
      sql`true`,
      ...(reason === undefined ? [] : [sql`reason = ${reason}`]),
      ...(target === undefined ? [] : [sql`(target IS NULL OR target = ${target})`]),
      ...(pattern === '%%' ? [] : [sql`(name ILIKE ${pattern} OR address ILIKE ${pattern})`]),
    ],
    sql` AND `,
  );
}
