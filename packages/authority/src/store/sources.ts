/** Sources of people: what each presents, and its groups. What becomes of it is decided in `identity/sources/`. */
import type { SourceKind } from '@chancery/api';
import { type Selectable, sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';
import { insertion } from './many-rows.ts';
import type { Schema, SourceConflict } from './schema.ts';

export type SourceRow = Selectable<Schema['sources']>;
export type RecordRow = Selectable<Schema['source_records']>;
export type GroupRow = Selectable<Schema['source_groups']>;

/** Whom each source presents, its groups and what waits, by its name. */
export async function sourceCounts(
  snapshot: Snapshot,
): Promise<
  Map<string, { people: { all: number; active: number; nobody: number }; groups: number; conflicts: number }>
> {
  const { rows } = await sql<{
    name: string;
    all_of_them: number;
    active: number;
    nobody: number;
    conflicts: number;
    groups: number;
  }>`SELECT s.name, count(r.id)::int AS all_of_them, (count(*) FILTER (WHERE r.active))::int AS active,
      (count(*) FILTER (WHERE r.id IS NOT NULL AND r.person_id IS NULL))::int AS nobody,
      (count(*) FILTER (WHERE r.conflict IS NOT NULL))::int AS conflicts,
      (SELECT count(*)::int FROM source_groups g WHERE g.source = s.name) AS groups
    FROM sources s LEFT JOIN source_records r ON r.source = s.name AND r.gone_at IS NULL
    GROUP BY s.name`.execute(snapshot as never);
  return new Map(
    rows.map(({ name, all_of_them: all, active, nobody, groups, conflicts }) => [
      name,
      { people: { all, active, nobody }, groups, conflicts },
    ]),
  );
}

/** Whom somebody in the office had leave, though sources present them; the latest first. */
export async function stoppedPeople(
  snapshot: Snapshot,
  limit: number,
): Promise<{ id: string; name: string; address: string; since: Date; sources: string[] }[]> {
  const { rows } = await sql<{ id: string; name: string; address: string; since: Date; sources: string[] }>`
    SELECT p.id, p.name, a.address, h.changed_at AS since, array_agg(r.source ORDER BY r.source) AS sources
    FROM source_records h JOIN people p ON p.id = h.person_id
      JOIN person_addresses a ON a.person_id = p.id AND a.is_primary
      JOIN source_records r ON r.person_id = p.id AND r.gone_at IS NULL AND r.active AND r.source NOT IN ('hand', 'csv')
    WHERE h.source = 'hand' AND NOT h.active
    GROUP BY p.id, p.name, a.address, h.changed_at ORDER BY h.changed_at DESC, p.id LIMIT ${limit}`.execute(
    snapshot as never,
  );
  return rows;
}

/** In the order in which they were made. */
export async function listSources(snapshot: Snapshot): Promise<SourceRow[]> {
  return snapshot.selectFrom('sources').selectAll().orderBy('made').execute();
}

export async function sourceNamed(snapshot: Snapshot, name: string): Promise<SourceRow | undefined> {
  return snapshot.selectFrom('sources').selectAll().where('name', '=', name).executeTakeFirst();
}

/** Made at its first contact. @returns false where one of that name is of another kind */
export async function establishSource(
  tx: Transaction,
  { name, kind, at }: { readonly name: string; readonly kind: SourceKind; readonly at: Date },
): Promise<boolean> {
  const known = await sourceNamed(tx, name);
  if (known !== undefined) return known.kind === kind;
  await tx
    .insertInto('sources')
    .values({ name, kind, created_at: at, last_contact_at: null, problem: null, rules: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await sourceNamed(tx, name))?.kind === kind;
}

export async function setContact(tx: Transaction, name: string, at: Date, problem: string | null): Promise<void> {
  await tx.updateTable('sources').set({ last_contact_at: at, problem }).where('name', '=', name).execute();
}

/**
 * One writer of people from sources at a time, until commit: who has which address is decided for many at once, and two who
 * decided side by side would wait for each other's rows.
 */
export async function lockSources(tx: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(17228, 0)`.execute(tx);
}

// Records -------------------------------------------------------------------------------------------------------------

export async function recordsByKeys(snapshot: Snapshot, source: string, keys: readonly string[]): Promise<RecordRow[]> {
  return snapshot
    .selectFrom('source_records')
    .selectAll()
    .where('source', '=', source)
    .where(sql<boolean>`key = ANY (${keys}::text[])`)
    .execute();
}

export async function recordsByIds(snapshot: Snapshot, ids: readonly string[]): Promise<RecordRow[]> {
  if (ids.length === 0) return [];
  return snapshot.selectFrom('source_records').selectAll().where(sql<boolean>`id = ANY (${ids}::uuid[])`).execute();
}

/** Gone ones too. */
export async function recordsOfPeople(snapshot: Snapshot, personIds: readonly string[]): Promise<RecordRow[]> {
  if (personIds.length === 0) return [];
  return snapshot
    .selectFrom('source_records')
    .selectAll()
    .where(sql<boolean>`person_id = ANY (${personIds}::uuid[])`)
    .orderBy('created_at')
    .execute();
}

/** What keeps them from being somebody's, or wholly in force; the oldest first. */
export async function recordsInConflict(snapshot: Snapshot, limit: number): Promise<RecordRow[]> {
  return snapshot
    .selectFrom('source_records')
    .selectAll()
    .where('conflict', 'is not', null)
    .where('gone_at', 'is', null)
    .orderBy('changed_at')
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Everything that a source presents, as it stands: to be compared with what it presents now. */
export async function presentedBy(
  snapshot: Snapshot,
  source: string,
  keys?: readonly string[],
): Promise<Pick<RecordRow, 'key' | 'active' | 'presented'>[]> {
  let rows = snapshot
    .selectFrom('source_records')
    .select(['key', 'active', 'presented'])
    .where('source', '=', source)
    .where('gone_at', 'is', null);
  if (keys !== undefined) rows = rows.where(sql<boolean>`key = ANY (${keys}::text[])`);
  return rows.execute();
}

/** A page of a source's records, in order of their ids. */
export async function recordIdsOf(snapshot: Snapshot, source: string, after: string, limit: number): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('source_records')
    .select('id')
    .where('source', '=', source)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** Of these records in conflict, those of which an address that they want is nobody else's now. */
export async function conflictsThatMayEnd(snapshot: Snapshot): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT r.id FROM source_records r
    WHERE r.conflict IS NOT NULL AND r.gone_at IS NULL AND CASE r.conflict->>'code'
      WHEN 'unusable' THEN false
      WHEN 'alias-taken' THEN EXISTS (
        SELECT 1 FROM jsonb_array_elements_text(r.presented->'aliases') AS w (alias)
        WHERE NOT EXISTS (SELECT 1 FROM person_addresses a WHERE a.key = lower(w.alias)))
      ELSE NOT EXISTS (SELECT 1 FROM person_addresses a
        WHERE a.key = lower(r.presented->>'address') AND a.person_id IS DISTINCT FROM r.person_id) END
    ORDER BY r.id LIMIT 500`.execute(snapshot as never);
  return rows.map(({ id }) => id);
}

/** By what rules the people of that source were decided last. */
export async function setRules(tx: Transaction, name: string, digest: string): Promise<void> {
  await tx.updateTable('sources').set({ rules: digest }).where('name', '=', name).execute();
}

export type NewRecord = Omit<RecordRow, 'created_at' | 'changed_at'>;

/** Puts each as it stands now. */
export async function upsertRecords(tx: Transaction, records: readonly NewRecord[], at: Date): Promise<void> {
  for (let start = 0; start < records.length; start += 1000) {
    const rows = records.slice(start, start + 1000).map((one) => ({
      id: one.id,
      source: one.source,
      key: one.key,
      person_id: one.person_id,
      active: one.active,
      gone_at: one.gone_at,
      // As they are: all rows go to the database as one JSON.
      presented: one.presented as never,
      resource: one.resource as never,
      conflict: one.conflict as never,
      created_at: at,
      changed_at: at,
    }));
    await sql`${insertion('source_records', rows)}
      ON CONFLICT (id) DO UPDATE SET person_id = excluded.person_id, active = excluded.active, gone_at = excluded.gone_at,
        presented = excluded.presented, resource = excluded.resource, conflict = excluded.conflict,
        changed_at = excluded.changed_at`.execute(tx);
  }
}

/** Whose each is, and what stands against it. */
export async function settleRecords(
  tx: Transaction,
  records: readonly {
    readonly id: string;
    readonly personId: string | null;
    readonly conflict: SourceConflict | null;
  }[],
): Promise<void> {
  if (records.length === 0) return;
  await sql`UPDATE source_records r SET person_id = n.person_id, conflict = n.conflict
    FROM json_to_recordset(${JSON.stringify(
      records.map(({ id, personId, conflict }) => ({ id, person_id: personId, conflict })),
    )}::json) AS n (id uuid, person_id uuid, conflict jsonb)
    -- Named twice, so that the index is used: how many there are in the JSON, PostgreSQL does not know.
    WHERE r.id = ANY (${records.map(({ id }) => id)}::uuid[]) AND r.id = n.id`.execute(tx);
}

/** What sources said before of somebody who comes back. */
export async function forgetGone(tx: Transaction, personIds: readonly string[]): Promise<void> {
  if (personIds.length === 0) return;
  await sql`DELETE FROM source_records WHERE gone_at IS NOT NULL AND person_id = ANY (${personIds}::uuid[])`.execute(
    tx,
  );
}

/**
 * Whom the sources name as the manager of a person: the first that names somebody who is here.
 * @param precedence names of sources, the deciding one first
 * @param even `gone`: also what a source said last before it let go of the person
 */
export async function managerOf(
  snapshot: Snapshot,
  personId: string,
  precedence: readonly string[],
  even?: 'gone',
): Promise<{ id: string; name: string; address: string } | null> {
  const { rows } = await sql<{ id: string; name: string; address: string }>`
    SELECT p.id, p.name, a.address
    FROM source_records r JOIN sources s ON s.name = r.source
      JOIN source_records m ON m.source = r.source AND m.gone_at IS NULL AND m.person_id <> r.person_id
        -- clients name a manager by our id, by theirs, or by an address
        AND (m.key = r.presented->>'manager' OR m.presented->>'externalId' = r.presented->>'manager'
          OR lower(m.resource->>'userName') = lower(r.presented->>'manager'))
      JOIN people p ON p.id = m.person_id AND p.state = 'active'
      JOIN person_addresses a ON a.person_id = p.id AND a.is_primary
    WHERE r.person_id = ${personId}::uuid AND (r.gone_at IS NULL OR ${even === 'gone'})
    ORDER BY r.gone_at DESC NULLS FIRST, array_position(${precedence}::text[], r.source) NULLS LAST, s.made, (m.key = r.presented->>'manager') DESC
    LIMIT 1`.execute(snapshot as never);
  return rows[0] ?? null;
}

// By hand, and from a file --------------------------------------------------------------------------------------------

/** What was typed in, or stood in a file, of people: their only source, or what counts where others say nothing. */
export async function noteByHand(
  tx: Transaction,
  source: 'hand' | 'csv',
  people: readonly { readonly personId: string; readonly presented: RecordRow['presented'] }[],
  at: Date,
): Promise<void> {
  for (let start = 0; start < people.length; start += 1000) {
    const some = people.slice(start, start + 1000);
    await sql`INSERT INTO source_records AS r (id, source, key, person_id, active, presented, created_at, changed_at)
      SELECT gen_random_uuid(), ${source}, n.id::text, n.id, true, n.presented, ${at}, ${at}
      FROM json_to_recordset(${JSON.stringify(
        some.map(({ personId, presented }) => ({ id: personId, presented })),
      )}::json) AS n (id uuid, presented jsonb)
      ON CONFLICT (source, key) DO UPDATE SET presented = r.presented || excluded.presented, active = true,
        changed_at = excluded.changed_at`.execute(tx);
    await sql`UPDATE source_records SET active = true
      WHERE source = 'hand' AND NOT active AND key = ANY (${some.map(({ personId }) => personId)}::text[])`.execute(tx);
  }
  await forgetGone(
    tx,
    people.map(({ personId }) => personId),
  );
}

/** Somebody in the office had them leave: until somebody in the office has them come back, whatever sources say. */
export async function stopByHand(tx: Transaction, personId: string, at: Date): Promise<void> {
  await sql`INSERT INTO source_records AS r (id, source, key, person_id, active, presented, created_at, changed_at)
    VALUES (gen_random_uuid(), 'hand', ${personId}, ${personId}::uuid, false, '{}', ${at}, ${at})
    ON CONFLICT (source, key) DO UPDATE SET active = false, changed_at = excluded.changed_at`.execute(tx);
}

/** And has them come back. */
export async function startByHand(tx: Transaction, personId: string, at: Date): Promise<void> {
  await tx
    .updateTable('source_records')
    .set({ active: true, changed_at: at })
    .where('source', '=', 'hand')
    .where('key', '=', personId)
    .execute();
}

// Groups --------------------------------------------------------------------------------------------------------------

export async function groupByKey(snapshot: Snapshot, source: string, key: string): Promise<GroupRow | undefined> {
  return snapshot
    .selectFrom('source_groups')
    .selectAll()
    .where('source', '=', source)
    .where('key', '=', key)
    .executeTakeFirst();
}

export async function groupsByKeys(snapshot: Snapshot, source: string, keys: readonly string[]): Promise<GroupRow[]> {
  return snapshot
    .selectFrom('source_groups')
    .selectAll()
    .where('source', '=', source)
    .where(sql<boolean>`key = ANY (${keys}::text[])`)
    .execute();
}

/** By their keys. */
export async function groupsOfSource(snapshot: Snapshot, source: string): Promise<Map<string, GroupRow>> {
  const rows = await snapshot.selectFrom('source_groups').selectAll().where('source', '=', source).execute();
  return new Map(rows.map((row) => [row.key, row]));
}

export async function putGroup(
  tx: Transaction,
  group: Omit<GroupRow, 'created_at' | 'changed_at'> & { readonly at: Date },
): Promise<void> {
  const { at, ...row } = group;
  await tx
    .insertInto('source_groups')
    .values({ ...row, created_at: at, changed_at: at })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet({ name: row.name, external_id: row.external_id, changed_at: at }),
    )
    .execute();
}

export async function deleteGroup(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('source_groups').where('id', '=', id).execute();
}

export interface Member {
  readonly key: string;
  readonly kind: 'person' | 'group';
}

export async function membersOf(snapshot: Snapshot, groupId: string): Promise<Member[]> {
  const rows = await snapshot
    .selectFrom('source_members')
    .select(['member_key as key', 'member_kind as kind'])
    .where('group_id', '=', groupId)
    .execute();
  return rows;
}

/** @returns how many it did not have before */
export async function addMembers(tx: Transaction, groupId: string, members: readonly Member[]): Promise<number> {
  if (members.length === 0) return 0;
  const { numAffectedRows = 0n } = await sql`INSERT INTO source_members (group_id, member_key, member_kind)
    SELECT ${groupId}::uuid, key, kind FROM json_to_recordset(${JSON.stringify(members)}::json) AS m (key text, kind text)
    ON CONFLICT DO NOTHING`.execute(tx);
  return Number(numAffectedRows);
}

/** @returns how many it had */
export async function removeMembers(tx: Transaction, groupId: string, keys: readonly string[]): Promise<number> {
  if (keys.length === 0) return 0;
  const { numAffectedRows = 0n } = await sql`DELETE FROM source_members
    WHERE group_id = ${groupId}::uuid AND member_key = ANY (${keys}::text[])`.execute(tx);
  return Number(numAffectedRows);
}

/** A person or group of that key is no member of anything any more. */
export async function removeFromGroups(tx: Transaction, source: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`DELETE FROM source_members m USING source_groups g
    WHERE g.id = m.group_id AND g.source = ${source} AND m.member_key = ANY (${keys}::text[])`.execute(tx);
}

/** Deeper than this nobody nests groups: a chain beyond it is cut. */
const MOST_NESTED = 32;

/** The groups that each record is in, directly or through groups in groups: by the record's id, their keys and names. */
export async function groupsOfRecords(
  snapshot: Snapshot,
  recordIds: readonly string[],
): Promise<Map<string, { id: string; source: string; key: string; name: string; direct: boolean }[]>> {
  const found = new Map<string, { id: string; source: string; key: string; name: string; direct: boolean }[]>();
  if (recordIds.length === 0) return found;
  const { rows } = await sql<{
    record: string;
    id: string;
    source: string;
    key: string;
    name: string;
    depth: number;
  }>`
    WITH RECURSIVE within (record, id, key, depth) AS (
      SELECT r.id, g.id, g.key, 1
      FROM source_records r JOIN source_members m ON m.member_key = r.key AND m.member_kind = 'person'
        JOIN source_groups g ON g.id = m.group_id AND g.source = r.source
      WHERE r.id = ANY (${recordIds}::uuid[])
    UNION
      SELECT w.record, g.id, g.key, w.depth + 1
      FROM within w JOIN source_groups inner_group ON inner_group.id = w.id
        JOIN source_members m ON m.member_key = w.key AND m.member_kind = 'group'
        JOIN source_groups g ON g.id = m.group_id AND g.source = inner_group.source
      WHERE w.depth < ${MOST_NESTED}
    )
    SELECT w.record, w.id, g.source, g.key, g.name, min(w.depth) AS depth
    FROM within w JOIN source_groups g ON g.id = w.id GROUP BY w.record, w.id, g.source, g.key, g.name
    ORDER BY g.name`.execute(snapshot as never);
  for (const { record, depth, ...group } of rows) {
    found.set(record, [...(found.get(record) ?? []), { ...group, direct: depth === 1 }]);
  }
  return found;
}

/** Names of the groups that people are in, by their id: of every source, directly or through groups in groups. */
export async function groupNamesOfPeople(snapshot: Snapshot): Promise<Map<string, string[]>> {
  const { rows } = await sql<{ person: string; names: string[] }>`
    WITH RECURSIVE within (person, id, key, source, depth) AS (
      SELECT r.person_id, g.id, g.key, g.source, 1
      FROM source_groups g JOIN source_members m ON m.group_id = g.id AND m.member_kind = 'person'
        JOIN source_records r ON r.key = m.member_key AND r.source = g.source
      WHERE r.person_id IS NOT NULL
    UNION
      SELECT w.person, g.id, g.key, g.source, w.depth + 1
      FROM within w JOIN source_members m ON m.member_key = w.key AND m.member_kind = 'group'
        JOIN source_groups g ON g.id = m.group_id AND g.source = w.source
      WHERE w.depth < ${MOST_NESTED}
    )
    SELECT w.person, array_agg(DISTINCT g.name ORDER BY g.name) AS names
    FROM within w JOIN source_groups g ON g.id = w.id GROUP BY w.person`.execute(snapshot as never);
  return new Map(rows.map(({ person, names }) => [person, names]));
}

/** The records of everybody in these groups, directly or through groups in them. */
export async function recordsInGroups(snapshot: Snapshot, groupIds: readonly string[]): Promise<string[]> {
  if (groupIds.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    WITH RECURSIVE below (id, source, depth) AS (
      SELECT id, source, 1 FROM source_groups WHERE id = ANY (${groupIds}::uuid[])
    UNION
      SELECT g.id, g.source, b.depth + 1
      FROM below b JOIN source_members m ON m.group_id = b.id AND m.member_kind = 'group'
        JOIN source_groups g ON g.key = m.member_key AND g.source = b.source
      WHERE b.depth < ${MOST_NESTED}
    )
    SELECT DISTINCT r.id FROM below b
      JOIN source_members m ON m.group_id = b.id AND m.member_kind = 'person'
      JOIN source_records r ON r.key = m.member_key AND r.source = b.source`.execute(snapshot as never);
  return rows.map(({ id }) => id);
}
