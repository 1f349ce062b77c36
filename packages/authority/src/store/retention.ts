/** How long escrowed keys are kept: what profiles say, what was announced, and what keeps a key beyond its time. */
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import type { Schema } from './schema.ts';

/** A key whose time is over, or nearly. */
export interface EndingKey {
  readonly id: string;
  readonly personId: string;
  readonly keyAlgorithm: string;
  /** As the profiles have it now; null: for ever. */
  readonly endsAt: Date | null;
  readonly announcedAt: Date | null;
  /** What keeps it whatever its profile says. */
  readonly underHold: boolean;
  readonly published: boolean;
  readonly asked: boolean;
  readonly approvedBy: readonly string[];
}

export type ApprovalRow = Selectable<Schema['key_retention_approvals']>;

/**
 * When each of these keys may be destroyed: so many years after its last certificate as the newest version of that one's profile
 * says, the longest of them where there are several. Keys that are kept for ever, or never had a certificate, are absent.
 */
export async function retentionEnds(snapshot: Snapshot, ids: readonly string[]): Promise<Map<string, Date>> {
  const among = sql`ANY (${ids}::uuid[])`;
  const ends = sql<{ id: string; ends_at: Date }>`(${POLICY}
    SELECT e.escrowed_key_id AS id, ${END} AS ends_at FROM (
      SELECT c.escrowed_key_id, c.not_after, p.years FROM certificates c LEFT JOIN policy p ON p.id = c.profile
        WHERE c.escrowed_key_id = ${among}
      UNION ALL
      SELECT i.escrowed_key_id, i.not_after, chosen.years FROM imported_certificates i, chosen WHERE i.escrowed_key_id = ${among}
    ) AS e GROUP BY e.escrowed_key_id HAVING bool_and(e.years IS NOT NULL))`.as('ends');
  const rows = await snapshot.selectFrom(ends).selectAll().execute();
  return new Map(rows.map((row) => [row.id, row.ends_at]));
}

/** The keys that end by then and are not announced yet, at most so many. */
export async function unannouncedKeys(snapshot: Snapshot, until: Date, limit: number): Promise<string[]> {
  const shortest = await shortestRetention(snapshot);
  if (shortest === null) return [];
  const ending = sql<{ id: string }>`(${POLICY},
    -- a key of which no certificate ended that long ago need not be looked at
    candidates AS (
      SELECT c.escrowed_key_id AS id FROM certificates c
        WHERE c.escrowed_key_id IS NOT NULL AND c.not_after <= ${until}::timestamptz - make_interval(years => ${shortest})
      UNION
      SELECT i.escrowed_key_id FROM imported_certificates i
        WHERE i.escrowed_key_id IS NOT NULL AND i.not_after <= ${until}::timestamptz - make_interval(years => ${shortest})
    ),
    open AS (
      SELECT k.id FROM candidates JOIN escrowed_keys k USING (id) WHERE k.destroyed_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM key_retentions r WHERE r.escrowed_key_id = k.id)
    )
    SELECT e.escrowed_key_id AS id FROM (
      SELECT c.escrowed_key_id, c.not_after, p.years FROM open JOIN certificates c ON c.escrowed_key_id = open.id
        LEFT JOIN policy p ON p.id = c.profile
      UNION ALL
      SELECT i.escrowed_key_id, i.not_after, chosen.years FROM open
        JOIN imported_certificates i ON i.escrowed_key_id = open.id, chosen
    ) AS e GROUP BY e.escrowed_key_id
    HAVING bool_and(e.years IS NOT NULL) AND ${END} <= ${until} ORDER BY ${END}, id LIMIT ${limit})`.as('ending');
  const rows = await snapshot.selectFrom(ending).selectAll().execute();
  return rows.map(({ id }) => id);
}

export interface AnnouncedFilter {
  readonly ids?: readonly string[];
  /** Without what a hold, a directory or a recovery keeps. */
  readonly free?: boolean;
  readonly limit: number;
  readonly at: Date;
}

/** What is announced, the first to end first. */
export async function announcedKeys(snapshot: Snapshot, filter: AnnouncedFilter): Promise<EndingKey[]> {
  const underHold = sql<boolean>`EXISTS (SELECT 1 FROM legal_holds h WHERE h.person_id = k.person_id AND h.lifted_at IS NULL)`;
  const published = sql<boolean>`EXISTS (SELECT 1 FROM publications p JOIN certificates c USING (serial_number)
    WHERE c.escrowed_key_id = k.id AND p.state <> 'removed')`;
  const asked = sql<boolean>`EXISTS (SELECT 1 FROM recovery_people a JOIN recovery_requests q ON q.id = a.request_id
    WHERE a.person_id = k.person_id AND q.state IN ('open', 'approved') AND q.expires_at > ${filter.at})`;
  let query = snapshot
    .selectFrom('key_retentions as r')
    .innerJoin('escrowed_keys as k', 'k.id', 'r.escrowed_key_id')
    .select(['k.id', 'k.person_id', 'k.key_algorithm', 'r.announced_at'])
    .select([
      underHold.as('under_hold'),
      published.as('published'),
      asked.as('asked'),
      sql<string[]>`ARRAY (SELECT a.operator_id::text FROM key_retention_approvals a WHERE a.escrowed_key_id = k.id
        ORDER BY a.approved_at)`.as('approved_by'),
    ])
    .where('k.destroyed_at', 'is', null)
    .orderBy('r.ends_at')
    .orderBy('k.id')
    .limit(filter.limit);
  if (filter.ids !== undefined) query = query.where(sql<boolean>`k.id = ANY (${filter.ids}::uuid[])`);
  if (filter.free === true) query = query.where(sql<boolean>`NOT (${underHold} OR ${published} OR ${asked})`);
  const rows = await query.execute();
  const ends = await retentionEnds(
    snapshot,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({
    id: row.id,
    personId: row.person_id,
    keyAlgorithm: row.key_algorithm,
    endsAt: ends.get(row.id) ?? null,
    announcedAt: row.announced_at,
    underHold: row.under_hold,
    published: row.published,
    asked: row.asked,
    approvedBy: row.approved_by,
  }));
}

/** For the overview. */
export async function countAnnounced(snapshot: Snapshot): Promise<number> {
  const { count } = await snapshot
    .selectFrom('key_retentions as r')
    .innerJoin('escrowed_keys as k', 'k.id', 'r.escrowed_key_id')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('k.destroyed_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function insertAnnouncement(tx: Transaction, id: string, endsAt: Date, at: Date): Promise<void> {
  await tx
    .insertInto('key_retentions')
    .values({ escrowed_key_id: id, ends_at: endsAt, announced_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The profile keeps it longer now: what was announced, and who agreed to it, is void. */
export async function withdrawAnnouncement(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('key_retentions').where('escrowed_key_id', '=', id).execute();
}

/** @returns false where this operator has approved it already */
export async function insertApproval(tx: Transaction, approval: ApprovalRow): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('key_retention_approvals')
    .values(approval)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** What was sealed, and every lock. The database refuses it for a key whose time is not over. @returns the locks that went */
export async function destroySealed(
  tx: Transaction,
  id: string,
  { endsAt, at }: { readonly endsAt: Date; readonly at: Date },
): Promise<{ kind: string; holder: string }[]> {
  await tx.updateTable('key_retentions').set({ ends_at: endsAt }).where('escrowed_key_id', '=', id).execute();
  await tx
    .updateTable('escrowed_keys')
    .set({ sealed: Buffer.alloc(0), destroyed_at: at })
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return tx.deleteFrom('escrow_locks').where('escrowed_key_id', '=', id).returning(['kind', 'holder']).execute();
}

/** Years; null where every profile keeps keys for ever. */
async function shortestRetention(snapshot: Snapshot): Promise<number | null> {
  const shortest = sql<{ years: number | null }>`(${POLICY} SELECT min(years) AS years FROM policy)`.as('shortest');
  return (await snapshot.selectFrom(shortest).selectAll().executeTakeFirst())?.years ?? null;
}

/** The newest version of each profile; keys of another office are kept as those that are made now. */
const POLICY = sql`WITH policy AS (
    SELECT DISTINCT ON (id) id, (document->>'retainYears')::integer AS years FROM profiles ORDER BY id, version DESC
  ), chosen AS (
    SELECT p.years FROM profile_choices c JOIN policy p ON p.id = c.profile WHERE c.use = 'encryption'
  )`;
/** In UTC, where a year later is the same whoever asks. */
const END = sql<Date>`max((e.not_after AT TIME ZONE 'UTC' + make_interval(years => e.years)) AT TIME ZONE 'UTC')`;
